/** From PyTorch's names and calls to ours: the camelCase rule, and the visible tables of exceptions. */

/** `log_softmax` → `logSoftmax`; a leading underscore goes. */
export const camelCase = (name: string): string =>
  name.replace(/^_+/, '').replace(/_+([a-zA-Z0-9])/g, (_, c: string) => c.toUpperCase());

/** Names that do not follow the camelCase rule. */
export const RENAMED: Readonly<Record<string, string>> = {
  __getitem__: 'at',
};

const POOL = 'kernelSize | stride padding dilation ceilMode returnIndices';

/**
 * Samples that call a function with its arguments in an order of their own: the position of each of our arguments among
 * the sample's (PyTorch's sample of `embedding` gives the weight first).
 */
export const SAMPLE_ORDER: Readonly<Record<string, readonly number[]>> = {
  'nn.functional.embedding': [1, 0],
  einsum: [1, 0],
};

/** Functions that PyTorch keeps to itself: the public one of that name is another. */
export const PRIVATE: ReadonlySet<string> = new Set(['nn.functional._scaled_dot_product_attention']);

/** Samples that list tensors one by one where our function takes an array of them. */
export const PACKED: ReadonlySet<string> = new Set(['meshgrid.variadic_tensors']);

/** Ops that take True and False where our function takes a number. */
export const BOOLEAN_NUMBERS: ReadonlySet<string> = new Set(['index_fill', 'constant_pad_nd']);

/** Arguments that PyTorch has deprecated and we do not have; the samples leave them out by None. */
const DEPRECATED: ReadonlySet<string> = new Set(['sizeAverage', 'reduce']);

/**
 * How our call takes PyTorch's arguments: names before the bar are positional (in our order), names after it are options.
 * PyTorch's own order is the order of all names from left to right, the tensor itself left out. An op without a line passes
 * positional arguments as they are and keyword arguments as options.
 */
export const SIGNATURES: Readonly<Record<string, string>> = {
  sum: 'dim | keepdim dtype',
  nansum: 'dim | keepdim dtype',
  mean: 'dim | keepdim dtype',
  nanmean: 'dim | keepdim dtype',
  prod: 'dim | keepdim dtype',
  amax: 'dim | keepdim',
  amin: 'dim | keepdim',
  aminmax: 'dim | keepdim',
  argmax: 'dim | keepdim',
  argmin: 'dim | keepdim',
  all: 'dim | keepdim',
  any: 'dim | keepdim',
  max: 'dim | keepdim',
  min: 'dim | keepdim',
  median: 'dim | keepdim',
  nanmedian: 'dim | keepdim',
  count_nonzero: 'dim |',
  logsumexp: 'dim | keepdim',
  softmax: 'dim | dtype',
  log_softmax: 'dim | dtype',
  cumsum: 'dim | dtype',
  cumprod: 'dim | dtype',
  flip: 'dims |',
  cat: 'tensors dim |',
  topk: 'k dim | largest sorted',
  sort: 'dim | descending stable',
  argsort: 'dim | descending',
  kthvalue: 'k dim | keepdim',
  norm: 'p dim | keepdim',
  arange: 'start end step | dtype',
  tensordot: 'other dims |',
  repeat_interleave: 'repeats dim |',
  eye: 'n m | dtype requiresGrad',
  cross: 'other dim |',
  'linalg.cross': 'other | dim',
  diff: 'n dim | prepend append',
  diag: 'offset |',
  diagflat: 'offset |',
  diag_embed: 'offset dim1 dim2 |',
  diagonal: 'offset dim1 dim2 |',
  diagonal_scatter: 'source offset dim1 dim2 |',
  logit: 'eps |',
  logspace: 'start end steps base | dtype',

  trapz: 'x | dx dim',
  trapezoid: 'x | dx dim',
  cumulative_trapezoid: 'x | dx dim',
  'nn.functional.prelu': 'weight |',
  'nn.functional.pixel_shuffle': 'upscaleFactor |',
  'nn.functional.pixel_unshuffle': 'downscaleFactor |',
  'nn.functional.one_hot': 'numClasses |',
  'nn.functional.pdist': 'p |',
  'nn.functional.gaussian_nll_loss': 'target variance | full eps reduction',
  'nn.functional.max_pool1d': POOL,
  'nn.functional.max_pool2d': POOL,
  'nn.functional.max_pool3d': POOL,
};

/** The same for variants whose positional arguments differ. */
export const VARIANT_SIGNATURES: Readonly<Record<string, string>> = {
  'max.binary': 'other |',
  'min.binary': 'other |',
};

/** `var(x, True)`: PyTorch's second overload takes `unbiased` first. */
export const BOOLEAN_FIRST: ReadonlySet<string> = new Set(['var', 'std', 'var_mean', 'std_mean']);

const NAMESPACES = ['nn.functional.', 'linalg.'] as const;

/** The signature of an op's call, by its full name, or by the name without the variant. */
export const signatureOf = (name: OpName): string | undefined =>
  VARIANT_SIGNATURES[name.full] ?? SIGNATURES[name.namespace ? `${name.namespace}.${name.base}` : name.base];

export interface OpName {
  readonly namespace: 'nn.functional' | 'linalg' | null;
  readonly base: string;
  readonly ours: string;
  readonly full: string;
}

/** Binds PyTorch's positional arguments and options to one of the signatures above: what to pass, in our order. */
export function bindSignature(
  signature: string | undefined,
  own: readonly unknown[],
  options: Record<string, unknown>,
): unknown[] {
  const optional = (o: Record<string, unknown>): unknown[] => (Object.keys(o).length ? [o] : []);
  if (signature === undefined) return [...own, ...optional(options)];
  const [positional, named] = signature.split('|').map((part) => part.trim().split(/\s+/).filter(Boolean));
  const all = [...positional, ...named];
  const bound: Record<string, unknown> = { ...options };
  own.forEach((a, i) => {
    if (i >= all.length) throw new RangeError(`more arguments than the signature "${signature}" names`);
    if (a !== undefined && !(a === null && DEPRECATED.has(all[i]))) bound[all[i]] = a;
  });
  const inOrder = positional.map((p) => {
    const v = bound[p];
    delete bound[p];
    return v;
  });
  const rest = optional(bound);
  while (inOrder.length && inOrder[inOrder.length - 1] === undefined && !rest.length) inOrder.pop();
  return [...inOrder, ...rest];
}

/** Splits a case's `op` into namespace, function and variant (`nn.functional.pad.reflect` → pad). */
export function parseOp(op: string): OpName {
  const space = NAMESPACES.find((n) => op.startsWith(n));
  const rest = space ? op.slice(space.length) : op;
  const base = rest.split('.')[0];
  return {
    namespace: space ? (space.slice(0, -1) as 'nn.functional' | 'linalg') : null,
    base,
    ours: RENAMED[base] ?? camelCase(base),
    full: op,
  };
}

/**
 * Constructors: PyTorch's parameters in PyTorch's order; those before the bar are positional in ours, the others options.
 * A class without a line takes positional arguments as they are.
 */
export const CONSTRUCTORS: Readonly<Record<string, string>> = {
  Linear: 'inFeatures outFeatures | bias',
  Conv1d: 'inChannels outChannels kernelSize | stride padding dilation groups bias paddingMode',
  Conv2d: 'inChannels outChannels kernelSize | stride padding dilation groups bias paddingMode',
  Conv3d: 'inChannels outChannels kernelSize | stride padding dilation groups bias paddingMode',
  ConvTranspose1d:
    'inChannels outChannels kernelSize | stride padding outputPadding groups bias dilation paddingMode',
  ConvTranspose2d:
    'inChannels outChannels kernelSize | stride padding outputPadding groups bias dilation paddingMode',
  ConvTranspose3d:
    'inChannels outChannels kernelSize | stride padding outputPadding groups bias dilation paddingMode',
  MaxPool1d: 'kernelSize | stride padding dilation returnIndices ceilMode',
  MaxPool2d: 'kernelSize | stride padding dilation returnIndices ceilMode',
  MaxPool3d: 'kernelSize | stride padding dilation returnIndices ceilMode',
  AvgPool1d: 'kernelSize | stride padding ceilMode countIncludePad',
  AvgPool2d: 'kernelSize | stride padding ceilMode countIncludePad divisorOverride',
  AvgPool3d: 'kernelSize | stride padding ceilMode countIncludePad divisorOverride',
  BatchNorm1d: 'numFeatures | eps momentum affine trackRunningStats',
  BatchNorm2d: 'numFeatures | eps momentum affine trackRunningStats',
  BatchNorm3d: 'numFeatures | eps momentum affine trackRunningStats',
  LayerNorm: 'normalizedShape | eps elementwiseAffine',
  GroupNorm: 'numGroups numChannels | eps affine',
  Embedding: 'numEmbeddings embeddingDim | paddingIdx',
  Flatten: 'startDim endDim |',
  LeakyReLU: 'negativeSlope | inplace',
  ELU: 'alpha | inplace',
  CELU: 'alpha | inplace',
  Threshold: 'threshold value | inplace',
  Softplus: 'beta threshold |',
  Hardtanh: 'minVal maxVal |',
  GELU: 'approximate |',
  CrossEntropyLoss: '| weight sizeAverage ignoreIndex reduce reduction labelSmoothing',
  NLLLoss: '| weight sizeAverage ignoreIndex reduce reduction',
  BCEWithLogitsLoss: '| weight sizeAverage reduce reduction posWeight',
  BCELoss: '| weight sizeAverage reduce reduction',
  MSELoss: '| sizeAverage reduce reduction',
  L1Loss: '| sizeAverage reduce reduction',
  SmoothL1Loss: '| sizeAverage reduce reduction beta',
  HuberLoss: '| reduction delta',
  MarginRankingLoss: '| margin sizeAverage reduce reduction',
  HingeEmbeddingLoss: '| margin sizeAverage reduce reduction',
  CosineEmbeddingLoss: '| margin sizeAverage reduce reduction',
  SoftMarginLoss: '| sizeAverage reduce reduction',
  MultiLabelSoftMarginLoss: '| weight sizeAverage reduce reduction',
  TripletMarginLoss: '| margin p eps swap sizeAverage reduce reduction',
  PoissonNLLLoss: '| logInput full sizeAverage eps reduce reduction',
  GaussianNLLLoss: '| full eps reduction',
  KLDivLoss: '| sizeAverage reduce reduction logTarget',
};

import { type ConvAttrs, type ScatterMode, Tensor, where } from '@neurite/tensor';
import { describe, expect, test } from 'vitest';
import { gradcheck, gradgradcheck } from '../src/index.js';
import { type DifferentiableOp, primitive } from '../src/rules/rule.js';
import { RULES, SAVES_NOTHING } from '../src/rules.js';
import { indices, onReference, random, variable } from './helpers.js';

onReference();

interface Case {
  readonly name?: string;
  readonly f: (...inputs: Tensor[]) => Tensor;
  readonly inputs: () => Tensor[];
  /** The second derivative does not exist in these cases, or is not what differences see. */
  readonly firstOrderOnly?: boolean;
}

const unary = (f: (x: Tensor) => Tensor, low = -2, high = 2): Case[] => [
  { f, inputs: () => [random([2, 3], 1, low, high)] },
];
const binary = (f: (a: Tensor, b: Tensor) => Tensor, low = -2, high = 2): Case[] => [
  { f, inputs: () => [random([2, 3], 1, low, high), random([2, 3], 2, low, high)] },
  {
    name: 'one of them broadcast',
    f,
    inputs: () => [random([2, 3], 1, low, high), random([3], 2, low, high)],
  },
];
const slice = (x: Tensor, starts: number[], steps: number[], shape: number[]): Tensor =>
  primitive('slice', [x], { starts, steps }, shape);

const product: Case[] = [
  { name: 'one dim', f: (x) => x.prod(1), inputs: () => [random([2, 4], 3)] },
  { name: 'two dims', f: (x) => x.prod([0, 2]), inputs: () => [random([2, 3, 2], 3)] },
  { name: 'one zero', f: (x) => x.prod(0), inputs: () => [variable([1.5, 0, -2, 0.7])] },
  { name: 'two zeros', f: (x) => x.prod(0), inputs: () => [variable([1.5, 0, -2, 0])] },
  {
    name: 'a zero, two dims',
    f: (x) => x.prod(),
    inputs: () => [variable([1.5, 0, -2, 0.3, 1, 1.2], [2, 3])],
  },
];
const runningProduct: Case[] = [
  { name: 'last dim', f: (x) => x.cumprod(1), inputs: () => [random([2, 5], 3)] },
  { name: 'first dim', f: (x) => x.cumprod(0), inputs: () => [random([3, 2], 3)] },
  { name: 'one zero', f: (x) => x.cumprod(0), inputs: () => [variable([1.5, -1, 0, -2, 0.7])] },
  { name: 'two zeros', f: (x) => x.cumprod(0), inputs: () => [variable([0, 1.5, -2, 0, 0.7])] },
  { name: 'one element', f: (x) => x.cumprod(0), inputs: () => [variable([1.5])] },
];

const geometry = (attrs: Partial<ConvAttrs>, rank: number): ConvAttrs => ({
  stride: new Array<number>(rank).fill(1),
  padding: Array.from({ length: rank }, () => [0, 0] as const),
  dilation: new Array<number>(rank).fill(1),
  inputDilation: new Array<number>(rank).fill(1),
  groups: 1,
  ...attrs,
});

/** A convolution whose output shape follows from the geometry, by the formula of torch.nn.Conv2d. */
function convolution(name: string, input: number[], weight: number[], attrs: Partial<ConvAttrs> = {}): Case {
  const g = geometry(attrs, input.length - 2);
  const spatial = input.slice(2).map((n, d) => {
    const padded = (n - 1) * g.inputDilation[d] + 1 + g.padding[d][0] + g.padding[d][1];
    return Math.floor((padded - ((weight[d + 2] - 1) * g.dilation[d] + 1)) / g.stride[d]) + 1;
  });
  const shape = [input[0], weight[0], ...spatial];
  return {
    name,
    f: (x, w) => primitive('conv', [x, w], g, shape),
    inputs: () => [random(input, 5), random(weight, 6)],
  };
}

const MODES: readonly ScatterMode[] = ['set', 'add', 'mul', 'max', 'min'];
const scatterCases: Case[] = MODES.map((mode) => ({
  name: mode,
  f: (target, source) =>
    primitive(
      'scatter',
      // Column 0 takes two sources, except for `set`, where the one that wins is not defined.
      [target, mode === 'set' ? indices([0, 3, 2, 1], [2, 2]) : indices([0, 0, 2, 1], [2, 2]), source],
      { dim: 1, mode },
      target.shape,
    ),
  inputs: () => [random([3, 4], 7, 0.5, 2), random([2, 2], 8, 0.5, 2)],
}));
const indexScatterCases: Case[] = MODES.map((mode) => ({
  name: mode,
  f: (target, source) =>
    primitive(
      'indexScatter',
      [target, mode === 'set' ? indices([3, 0]) : indices([2, 2]), source],
      { dim: 1, mode },
      target.shape,
    ),
  inputs: () => [random([3, 4], 7, 0.5, 2), random([3, 2], 8, 0.5, 2)],
}));

/** At least one case for every op with a gradient: a new op without one does not compile. */
const CASES: { readonly [O in Exclude<DifferentiableOp, 'data' | 'custom'>]: readonly Case[] } = {
  neg: unary((x) => x.neg()),
  relu: unary((x) => x.relu()),
  abs: unary((x) => x.abs()),
  sign: unary((x) => x.sign()),
  exp: unary((x) => x.exp()),
  log: unary((x) => x.log(), 0.3, 3),
  expm1: unary((x) => x.expm1()),
  log1p: unary((x) => x.log1p(), -0.7, 3),
  sin: unary((x) => x.sin()),
  cos: unary((x) => x.cos()),
  atan: unary((x) => x.atan()),
  sqrt: unary((x) => x.sqrt(), 0.3, 3),
  reciprocal: unary((x) => x.reciprocal(), 0.4, 3),
  floor: unary((x) => x.floor()),
  ceil: unary((x) => x.ceil()),
  round: unary((x) => x.round()),
  trunc: unary((x) => x.trunc()),
  erf: unary((x) => x.erf()),
  tanh: unary((x) => x.tanh()),
  sigmoid: unary((x) => x.sigmoid()),
  add: binary((a, b) => a.add(b)),
  sub: binary((a, b) => a.sub(b)),
  mul: [
    ...binary((a, b) => a.mul(b)),
    { name: 'a tensor with itself', f: (x) => x.mul(x), inputs: () => [random([3], 1)] },
  ],
  div: binary((a, b) => a.div(b), 0.5, 2),
  rem: binary((a, b) => a.mul(4).fmod(b), 0.5, 2),
  mod: binary((a, b) => a.mul(-4).remainder(b), 0.5, 2),
  pow: [
    ...binary((a, b) => a.pow(b), 0.4, 2),
    { name: 'number exponent', f: (x) => x.pow(2.5), inputs: () => [random([3], 1, 0.4, 2)] },
    { name: 'negative base', f: (x) => x.pow(4), inputs: () => [variable([-1.5, -0.4, 0.8])] },
  ],
  max: binary((a, b) => a.maximum(b)),
  min: binary((a, b) => a.minimum(b)),
  where: [{ f: (a, b) => where(a.gt(b), a.mul(b), b), inputs: () => [random([2, 3], 1), random([2, 3], 2)] }],
  cast: unary((x) => x.mul(3).to('float64')),
  reshape: unary((x) => x.reshape([3, 2])),
  permute: [{ f: (x) => x.permute([2, 0, 1]), inputs: () => [random([2, 3, 2], 1)] }],
  expand: [
    { f: (x) => x.expand([4, 2, 3]).mul(random([4, 2, 3], 9).detach()), inputs: () => [random([2, 1], 1)] },
  ],
  slice: [
    { name: 'part', f: (x) => slice(x, [1, 2], [1, 1], [2, 3]), inputs: () => [random([4, 5], 1)] },
    { name: 'steps', f: (x) => slice(x, [1, 0], [2, 3], [2, 2]), inputs: () => [random([5, 5], 1)] },
    { name: 'backwards', f: (x) => slice(x, [3, 4], [-1, -2], [3, 2]), inputs: () => [random([4, 6], 1)] },
    { name: 'one element, large step', f: (x) => slice(x, [2], [7], [1]), inputs: () => [random([4], 1)] },
  ],
  pad: [
    {
      f: (x) =>
        primitive(
          'pad',
          [x],
          {
            padding: [
              [1, 0],
              [2, 1],
            ],
            value: 3,
          },
          [x.shape[0] + 1, x.shape[1] + 3],
        ),
      inputs: () => [random([2, 3], 1)],
    },
  ],
  concat: [
    {
      f: (a, b, c) => primitive('concat', [a, b, c], { dim: 1 }, [2, 6]),
      inputs: () => [random([2, 3], 1), random([2, 1], 2), random([2, 2], 3)],
    },
  ],
  sum: [
    { name: 'all', f: (x) => x.sum(), inputs: () => [random([2, 3], 1)] },
    { name: 'one dim', f: (x) => x.sum(0), inputs: () => [random([2, 3], 1)] },
    { name: 'two dims', f: (x) => x.sum([0, 2], { keepdim: true }), inputs: () => [random([2, 3, 2], 1)] },
  ],
  prod: product,
  amax: [
    { name: 'one dim', f: (x) => x.amax(1), inputs: () => [random([2, 4], 1)] },
    { name: 'two dims', f: (x) => x.amax([0, 1]), inputs: () => [random([2, 4], 1)] },
  ],
  amin: [{ f: (x) => x.amin(0), inputs: () => [random([3, 2], 1)] }],
  cumsum: [{ f: (x) => x.cumsum(1), inputs: () => [random([2, 4], 1)] }],
  cumprod: runningProduct,
  cummax: [{ f: (x) => x.cummax(1)[0], inputs: () => [random([2, 6], 1)] }],
  cummin: [{ f: (x) => x.cummin(0)[0], inputs: () => [random([6, 2], 1)] }],
  matmul: [
    { name: 'matrices', f: (a, b) => a.matmul(b), inputs: () => [random([2, 3], 1), random([3, 4], 2)] },
    { name: 'batches', f: (a, b) => a.matmul(b), inputs: () => [random([2, 2, 3], 1), random([3, 2], 2)] },
    { name: 'vectors', f: (a, b) => a.matmul(b), inputs: () => [random([3], 1), random([3], 2)] },
  ],
  conv: [
    convolution('1d', [2, 1, 5], [2, 1, 3]),
    convolution('padding', [1, 2, 4], [2, 2, 3], { padding: [[2, 1]] }),
    convolution('stride that leaves a rest', [1, 1, 8], [2, 1, 3], { stride: [3] }),
    convolution('dilation', [1, 1, 7], [1, 1, 3], { dilation: [2], padding: [[1, 0]] }),
    convolution('groups', [2, 4, 4], [6, 2, 2], { groups: 2 }),
    convolution('depthwise', [1, 3, 4], [3, 1, 2], { groups: 3, stride: [2], padding: [[1, 1]] }),
    convolution('negative padding', [1, 1, 7], [1, 1, 2], { padding: [[-1, -2]], stride: [2] }),
    convolution('transposed', [1, 2, 3], [2, 2, 3], { inputDilation: [2], padding: [[2, 2]] }),
    convolution('everything at once', [1, 4, 5], [4, 2, 2], {
      stride: [2],
      padding: [[3, -1]],
      dilation: [3],
      inputDilation: [2],
      groups: 2,
    }),
    convolution('2d', [1, 2, 4, 3], [2, 1, 3, 2], {
      groups: 2,
      stride: [2, 1],
      padding: [
        [1, 1],
        [0, 1],
      ],
    }),
  ],
  gather: [
    {
      f: (x) => x.gather(1, indices([0, 0, 3, 1, 2, 2], [2, 3])),
      inputs: () => [random([3, 4], 1)],
    },
  ],
  scatter: [
    ...scatterCases,
    {
      name: 'mul with a zero target and a zero source',
      f: (target, source) =>
        primitive('scatter', [target, indices([0, 0, 1]), source], { dim: 0, mode: 'mul' }, target.shape),
      inputs: () => [variable([1.5, 0, 2]), variable([0, 1.3, 0.7])],
      // Division by the other factors is exact to first order only, as in PyTorch.
      firstOrderOnly: true,
    },
  ],
  indexSelect: [{ f: (x) => x.indexSelect(1, indices([2, 0, 2])), inputs: () => [random([2, 3], 1)] }],
  indexScatter: indexScatterCases,
};

for (const [op, cases] of Object.entries(CASES)) {
  describe(op, () => {
    for (const { name = 'agrees with differences', f, inputs, firstOrderOnly } of cases as readonly Case[]) {
      test(name, async () => {
        expect(await gradcheck(f, inputs())).toBe(true);
        if (!firstOrderOnly) expect(await gradgradcheck(f, inputs())).toBe(true);
      });
    }
  });
}

test('ops that save nothing have rules that read no value', () => {
  const shapeOnly = (t: Tensor): Tensor =>
    new Proxy(t, {
      get(target, key) {
        if (key === 'shape' || key === 'dtype' || key === 'ndim' || key === 'numel')
          return Reflect.get(target, key);
        throw new Error(`read ${String(key)}`);
      },
    });
  const x = random([2, 3], 1);
  const results: Record<string, Tensor> = {
    neg: x.neg(),
    sign: x.sign(),
    floor: x.floor(),
    ceil: x.ceil(),
    round: x.round(),
    trunc: x.trunc(),
    add: x.add(x),
    sub: x.sub(x),
    cast: x.to('float32'),
    reshape: x.reshape([6]),
    permute: x.permute([1, 0]),
    expand: x.sum(0, { keepdim: true }).expand([2, 3]),
    slice: x.narrow(1, 1, 2),
    pad: primitive(
      'pad',
      [x],
      {
        padding: [
          [1, 1],
          [0, 0],
        ],
        value: 0,
      },
      [4, 3],
    ),
    concat: primitive('concat', [x, x], { dim: 0 }, [4, 3]),
    sum: x.sum([0, 1], { keepdim: true }),
    cumsum: x.cumsum(0),
  };
  expect(new Set(['data', ...Object.keys(results)])).toEqual(SAVES_NOTHING);
  for (const [op, y] of Object.entries(results)) {
    let { node } = y;
    while (node.op !== op) [node] = node.inputs;
    const rule = RULES[op as 'concat'];
    const inputs = node.inputs.map((n) => shapeOnly(Tensor.fromNode(n)));
    const row = typeof rule === 'function' ? rule(0) : rule[0];
    expect(row?.(y.detach(), inputs, shapeOnly(y), node.attrs as never)).toBeDefined();
  }
});

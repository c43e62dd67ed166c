import { cat, ShapeError, type Tensor, ValueError } from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';

/** What lies outside: a number, the mirror image without the edge, the edge, or the other end. */
export type PadMode = 'constant' | 'reflect' | 'replicate' | 'circular';

export interface PadOptions {
  mode?: PadMode;
  /** The number outside, with mode 'constant'. */
  value?: number;
}

/**
 * Enlarges the last dimensions: `padding` is [low, high] of the last one, then of the one before it, and so
 * on (PyTorch's order). Negative amounts crop.
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.pad.html
 */
export function pad(
  input: Tensor,
  padding: readonly number[],
  ...rest: Arguments<PadOptions, ['mode', 'value']>
): Tensor {
  const { mode = 'constant', value = 0 } = readArguments<PadOptions>('pad', ['mode', 'value'], [], rest);
  if (padding.length % 2 !== 0 || padding.length > 2 * input.ndim || !padding.every(Number.isInteger)) {
    throw new ShapeError(
      `pad: [${padding.join(', ')}] must be two integers for each of at most ${input.ndim} dimensions of [${input.shape.join(', ')}]`,
    );
  }
  const dims = padding.length / 2;
  const pairs = Array.from(
    { length: dims },
    (_, d) => [padding[2 * d], padding[2 * d + 1]] as const,
  ).reverse();
  return padLast('pad', input, pairs, mode, value);
}

/** The same with the pairs in the order of the dimensions; the last pair is the last dimension's. */
export function padLast(
  name: string,
  input: Tensor,
  pairs: readonly (readonly [number, number])[],
  mode: PadMode,
  value = 0,
): Tensor {
  const first = input.ndim - pairs.length;
  if (mode === 'constant')
    return input.pad([...input.shape.slice(0, first).map(() => [0, 0] as const), ...pairs], value);
  const extend = EXTENSIONS[mode];
  if (!extend) {
    throw new ValueError(
      `${name}: mode must be 'constant', 'reflect', 'replicate' or 'circular', got '${String(mode)}'`,
    );
  }
  return pairs.reduce((x, [low, high], i) => {
    const dim = first + i;
    const size = x.shape[dim];
    const most = { reflect: size - 1, circular: size, replicate: size > 0 ? Number.POSITIVE_INFINITY : 0 }[
      mode
    ];
    if (Math.max(low, high) > most) {
      throw new ShapeError(
        `${name}: mode '${mode}' can add at most ${most} to dimension ${dim} of [${x.shape.join(', ')}], not [${low}, ${high}]`,
      );
    }
    const [before, after] = extend(x, dim, Math.max(low, 0), Math.max(high, 0));
    const parts = [before, x, after].filter((part) => part.shape[dim] > 0);
    const padded = parts.length > 1 ? cat(parts, dim) : x;
    const start = Math.max(-low, 0);
    return padded.narrow(dim, start, padded.shape[dim] - start - Math.max(-high, 0));
  }, input);
}

type Extension = (x: Tensor, dim: number, low: number, high: number) => [before: Tensor, after: Tensor];

/** What each mode puts before and after a dimension. */
const EXTENSIONS: Readonly<Record<Exclude<PadMode, 'constant'>, Extension>> = {
  reflect: (x, dim, low, high) => [
    x.narrow(dim, Math.min(1, x.shape[dim] - low), low).flip(dim),
    x.narrow(dim, Math.max(0, x.shape[dim] - 1 - high), high).flip(dim),
  ],
  replicate: (x, dim, low, high) => [repeatEdge(x, dim, 0, low), repeatEdge(x, dim, x.shape[dim] - 1, high)],
  circular: (x, dim, low, high) => [x.narrow(dim, x.shape[dim] - low, low), x.narrow(dim, 0, high)],
};

function repeatEdge(x: Tensor, dim: number, position: number, count: number): Tensor {
  if (count === 0) return x.narrow(dim, 0, 0);
  return x.narrow(dim, position, 1).expand(x.shape.map((size, d) => (d === dim ? count : size)));
}

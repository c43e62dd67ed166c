import { type Tensor, ValueError } from '@neurite/tensor';
import { type PerDim, perDim } from './spatial.js';

/** The geometry that all poolings share: settings in PyTorch's words. */
export interface WindowOptions {
  /** Distance between windows; left out, it is the kernel size. */
  stride?: PerDim | null;
  padding?: PerDim;
  /** Whether a window may start inside and end outside the padded input. */
  ceilMode?: boolean;
}

/** Windows over the spatial dimensions of one input. */
export interface Windows {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  /** Number of windows per dimension. */
  readonly count: readonly number[];
  /** Elements that must be added behind the input, so that every window is complete. */
  readonly padHigh: readonly number[];
}

/**
 * Works out where the windows lie. In ceil mode the last window must start inside the input or its left
 * padding, as in PyTorch. Throws ValueError when padding exceeds half the kernel or no window fits.
 */
export function layWindows(
  name: string,
  sizes: readonly number[],
  kernelSize: PerDim,
  { stride, padding = 0, ceilMode = false }: WindowOptions,
  dilationSize: PerDim = 1,
): Windows {
  const dims = sizes.length;
  const kernel = perDim(name, 'kernelSize', kernelSize, dims, 1);
  const steps =
    stride === null || stride === undefined || (Array.isArray(stride) && stride.length === 0)
      ? kernel
      : stride;
  const windows = {
    kernel,
    stride: perDim(name, 'stride', steps, dims, 1),
    padding: perDim(name, 'padding', padding, dims, 0),
    dilation: perDim(name, 'dilation', dilationSize, dims, 1),
  };
  const count: number[] = [];
  const padHigh: number[] = [];
  sizes.forEach((size, d) => {
    const low = windows.padding[d];
    if (low > kernel[d] / 2)
      throw new ValueError(`${name}: padding ${low} is more than half the kernel size ${kernel[d]}`);
    const extent = windows.dilation[d] * (kernel[d] - 1) + 1;
    const room = size + 2 * low - extent;
    let windowsHere =
      (ceilMode ? Math.ceil(room / windows.stride[d]) : Math.floor(room / windows.stride[d])) + 1;
    if (ceilMode && (windowsHere - 1) * windows.stride[d] >= size + low) windowsHere--;
    if (windowsHere < 1) {
      throw new ValueError(
        `${name}: a window of ${extent} does not fit into size ${size} with padding ${low} on both sides`,
      );
    }
    count.push(windowsHere);
    padHigh.push(Math.max(0, (windowsHere - 1) * windows.stride[d] + extent - size - low));
  });
  return { ...windows, count, padHigh };
}

/** Whether the windows are tiles that cover the input's beginning without overlap, gaps or padding. */
export function areTiles({ kernel, stride, padding, dilation, padHigh }: Windows): boolean {
  return kernel.every(
    (k, d) => stride[d] === k && padding[d] === 0 && padHigh[d] === 0 && (dilation[d] === 1 || k === 1),
  );
}

/**
 * Surrounds the spatial dimensions (the last ones) with as much of `value` as the windows reach out of the
 * input.
 */
export function padForWindows(x: Tensor, { padding, padHigh }: Windows, value: number): Tensor {
  if (padding.every((low, d) => low === 0 && padHigh[d] === 0)) return x;
  const spatial = padding.map((low, d) => [low, padHigh[d]] as const);
  return x.pad([...x.shape.slice(spatial.length).map(() => [0, 0] as const), ...spatial], value);
}

/** Every window's element number `tap` along one dimension of the padded input. */
export function tapsOf(x: Tensor, windows: Windows, d: number, tap: number): Tensor {
  const dim = x.ndim - windows.count.length + d;
  const start = tap * windows.dilation[d];
  return x.slice(dim, start, start + (windows.count[d] - 1) * windows.stride[d] + 1, windows.stride[d]);
}

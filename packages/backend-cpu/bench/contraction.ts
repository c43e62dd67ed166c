/**
 * Speed of matrix products and convolutions on one thread, in GFLOP/s: `node packages/backend-cpu/bench/run.mjs`.
 * What has no tuned program runs its generic loops. A convolution's products with padding and with the gaps of a strided
 * layer's gradient count, too.
 */
import { type Command, DTYPES, type Kernel, type Program } from '@neurite/tensor';
import { cpu } from '../src/index.js';
import { type ConvLayer, convKernel, DIRECTIONS, matmulKernel } from '../test/contractionKernels.js';

const backend = (await cpu().start()).backend;

/** Best of several runs, in milliseconds. */
async function measure(kernel: Kernel, program: Program): Promise<number> {
  const buffers = kernel.buffers.map(({ dtype, size }) => {
    const bytes = size * DTYPES[dtype].bytes;
    const buffer = backend.allocate(bytes);
    backend.write(buffer, 0, new Uint8Array(bytes));
    return { buffer, byteOffset: 0 };
  });
  const command: Command = { program, buffers, scalars: [1] };
  const once = () => {
    const start = performance.now();
    backend.submit([command]);
    return performance.now() - start;
  };
  once();
  // The first runs are of code that the engine has not optimised yet.
  await new Promise((resolve) => setTimeout(resolve, 100));
  let best = once();
  const until = performance.now() + 400;
  while (performance.now() < until) best = Math.min(best, once());
  for (const { buffer } of buffers) backend.free(buffer);
  return best;
}

async function report(kernels: readonly (readonly [string, Kernel])[]): Promise<string> {
  const cells: string[] = [];
  for (const [name, kernel] of kernels) {
    const [nest] = kernel.nests;
    const points = [...nest!.outer, ...nest!.phases[0]!.loops].reduce(
      (product, { size }) => product * size,
      1,
    );
    const tuned = await backend.specialize!(kernel);
    const ms = await measure(kernel, tuned ?? (await backend.compile(kernel)));
    const speed = ((2 * points) / ms / 1e6).toFixed(1);
    cells.push(`${name} ${speed} (${ms.toFixed(3)} ms${tuned ? '' : ', generic'})`.padEnd(40));
  }
  return cells.join('');
}

const transpositions = { NN: [false, false], NT: [false, true], TN: [true, false] } as const;
for (const [m, n, k] of [
  [256, 256, 256],
  [512, 512, 512],
  [1024, 1024, 1024],
  [128, 512, 784],
  [128, 10, 256],
] as const) {
  const kernels = Object.entries(transpositions).map(
    ([name, transposed]) => [name, matmulKernel({ m, n, k, transposed }, 'bias')] as const,
  );
  console.log(`matmul ${m}x${n}x${k}`.padEnd(24), await report(kernels));
}
const double = matmulKernel({ m: 512, n: 512, k: 512, dtype: 'float64' });
console.log('matmul 512 float64'.padEnd(24), await report([['NN', double]]));

const layers: Record<string, ConvLayer> = {
  '64→64 3×3, 28×28': {
    batch: 32,
    inChannels: 64,
    outChannels: 64,
    inputSize: [28, 28],
    kernelSize: [3, 3],
    padding: 1,
  },
  '1→16 5×5, 28×28': {
    batch: 64,
    inChannels: 1,
    outChannels: 16,
    inputSize: [28, 28],
    kernelSize: [5, 5],
    padding: 2,
  },
  '16→32 5×5, 14×14': {
    batch: 64,
    inChannels: 16,
    outChannels: 32,
    inputSize: [14, 14],
    kernelSize: [5, 5],
    padding: 2,
  },
  '6→16 5×5, 14×14': { batch: 64, inChannels: 6, outChannels: 16, inputSize: [14, 14], kernelSize: [5, 5] },
  '64→128 3×3 stride 2': {
    batch: 32,
    inChannels: 64,
    outChannels: 128,
    inputSize: [28, 28],
    kernelSize: [3, 3],
    padding: 1,
    stride: 2,
  },
  '64→128 1×1': { batch: 32, inChannels: 64, outChannels: 128, inputSize: [28, 28], kernelSize: [1, 1] },
  '64 3×3 depthwise': {
    batch: 32,
    inChannels: 64,
    outChannels: 64,
    groups: 64,
    inputSize: [28, 28],
    kernelSize: [3, 3],
    padding: 1,
  },
};
for (const [name, layer] of Object.entries(layers)) {
  const kernels = DIRECTIONS.map((direction) => [direction, convKernel(layer, direction, 'none')] as const);
  console.log(name.padEnd(24), await report(kernels));
}

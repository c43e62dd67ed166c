/**
 * Speed of matrix products and convolutions: `node packages/backend-cpu/bench/run.mjs`, with `THREADS=2` on two threads (one by
 * default). In GFLOP/s, and as a share of what the micro-kernel alone reaches on so many threads on panels in the first-level cache,
 * measured beside each row because machines are shared.
 * What has no tuned program runs its generic loops. A convolution's products with padding and with the gaps of a strided
 * layer's gradient count, too.
 */
import { type Command, DTYPES, type Kernel, type Program } from '@neurite/tensor';
import { memoryImport } from '../src/codegen/compile.js';
import { FLOAT32, microKernel } from '../src/contraction/microKernel.js';
import { cpu } from '../src/index.js';
import { ModuleBuilder } from '../src/wasm/encoder.js';
import { type ConvLayer, convKernel, DIRECTIONS, matmulKernel } from '../test/contractionKernels.js';

const threads = Number(process.env.THREADS ?? 1);
const backend = (await cpu({ threads }).start()).backend;

const ROOF = { depth: 96, repeats: 2000 } as const;

/** The micro-kernel over and over on the same panels. */
function createRoof(): () => number {
  const memory = new WebAssembly.Memory({ initial: 2, maximum: 2 });
  const module = new ModuleBuilder(memoryImport(false));
  const kernel = microKernel(module, FLOAT32);
  const f = module.func('roof', []);
  module.exportFunction(f);
  const left = f.local('i32');
  f.i32(ROOF.repeats);
  f.set(left);
  const next = f.loop();
  // Panels of A and B and the block of C; sums of zeros take as long as any.
  for (const value of [0, 16384, ROOF.depth, 65536, 32, 0]) f.i32(value);
  f.call(kernel);
  f.get(left);
  f.i32(1);
  f.op('i32.sub');
  f.tee(left);
  f.brIf(next);
  f.end();
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.encode()), { env: { memory } });
  const run = exports.roof as () => void;
  return () => {
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 50; i += 1) {
      const start = performance.now();
      run();
      best = Math.min(best, performance.now() - start);
    }
    return (2 * 4 * 8 * ROOF.depth * ROOF.repeats) / best / 1e6;
  };
}

const roof = createRoof();

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
    const speed = (2 * points) / ms / 1e6;
    const share = Math.round((100 * speed) / (threads * roof()));
    const how = tuned ? '' : ', generic';
    cells.push(`${name} ${speed.toFixed(1)} = ${share} % (${ms.toFixed(3)} ms${how})`.padEnd(48));
  }
  return cells.join('');
}

const transpositions = {
  NN: [false, false],
  NT: [false, true],
  TN: [true, false],
  TT: [true, true],
} as const;
for (const [m, n, k, batch = 1] of [
  [256, 256, 256],
  [512, 512, 512],
  [1024, 1024, 1024],
  [2048, 2048, 2048],
  [128, 512, 784],
  [128, 10, 256],
  [32, 512, 128],
  [64, 64, 32, 32],
  [64, 32, 64, 32],
  [256, 256, 64, 8],
  [256, 64, 256, 8],
  [1, 1024, 1024],
  [2, 1024, 1024],
  [4, 1024, 1024],
  [8, 1024, 1024],
  [1, 50000, 256],
  [512, 2, 512],
  [1024, 1, 1024],
  [1024, 2, 1024],
  [1024, 4, 1024],
] as const) {
  const kernels = Object.entries(transpositions).map(
    ([name, transposed]) => [name, matmulKernel({ batch: [batch], m, n, k, transposed }, 'bias')] as const,
  );
  console.log(`matmul ${batch === 1 ? '' : `${batch} of `}${m}x${n}x${k}`.padEnd(26), await report(kernels));
}
const double = matmulKernel({ m: 512, n: 512, k: 512, dtype: 'float64' });
console.log('matmul 512 float64'.padEnd(26), await report([['NN', double]]));

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
  '64→64 3×3, 32×32': {
    batch: 16,
    inChannels: 64,
    outChannels: 64,
    inputSize: [32, 32],
    kernelSize: [3, 3],
    padding: 1,
  },
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
  console.log(name.padEnd(26), await report(kernels));
}

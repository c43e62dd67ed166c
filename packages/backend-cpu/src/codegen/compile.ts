/** Kernels as WebAssembly modules: one exported function per nest, or per stage of it. */
import type { Kernel, Nest } from '@neurite/tensor';
import { argumentLayout, type CpuProgram, linkProgram } from '../program.js';
import { type MemoryImport, ModuleBuilder } from '../wasm/encoder.js';
import { emitNest, laneCount, type NestFunction } from './nest.js';
import { SPLIT_LIMITS, type SplitLimits, type Stages, splitIntoStages } from './split.js';

/** What generated modules import: a memory of any size. */
export const memoryImport = (shared: boolean): MemoryImport => ({
  module: 'env',
  name: 'memory',
  minPages: 1,
  maxPages: 65536,
  shared,
});

/** Whether threads can share a memory's bytes. */
export const isShared = (memory: WebAssembly.Memory): boolean =>
  typeof SharedArrayBuffer !== 'undefined' && memory.buffer instanceof SharedArrayBuffer;

interface Built {
  readonly module: ModuleBuilder;
  readonly functions: readonly NestFunction[];
  readonly sharedBytes: number;
}

function stagesOf(kernel: Kernel, nest: Nest, limits: SplitLimits): Stages {
  const stages = splitIntoStages(kernel, nest, laneCount(kernel, nest), limits);
  return stages ?? { kernel, nests: [nest], working: [], sharedBytes: 0 };
}

function build(kernel: Kernel, shared: boolean, limits: SplitLimits, text: boolean): Built {
  const module = new ModuleBuilder(memoryImport(shared), { text });
  const layout = argumentLayout(kernel);
  const nests = kernel.nests.map((nest) => stagesOf(kernel, nest, limits));
  const functions = nests.flatMap((stages, i) =>
    stages.nests.map((nest, j) => {
      const name = stages.nests.length > 1 ? `nest${i}_${j}` : `nest${i}`;
      return emitNest(module, stages.kernel, nest, layout, name, stages.working);
    }),
  );
  // Nests run one after another and share it.
  return { module, functions, sharedBytes: Math.max(0, ...nests.map((n) => n.sharedBytes)) };
}

/** The generated code in WebAssembly's text format. */
export function kernelText(kernel: Kernel): string {
  return build(kernel, false, SPLIT_LIMITS, true).module.text();
}

/** Compiles a kernel, its functions bound to `memory`. Tests cut small kernels, too, by other `limits`. */
export function compileKernel(
  kernel: Kernel,
  memory: WebAssembly.Memory,
  limits: SplitLimits = SPLIT_LIMITS,
): CpuProgram {
  const shared = isShared(memory);
  const { module, functions, sharedBytes } = build(kernel, shared, limits, false);
  return linkProgram(
    {
      kernel,
      parts: functions.map(({ f, units, work }) => ({ name: f.name, units, work })),
      scratchBytes: Math.max(0, ...functions.map((n) => n.scratchBytes)),
      sharedBytes,
      build: (text) => (text ? build(kernel, shared, limits, true).module : module),
    },
    memory,
  );
}

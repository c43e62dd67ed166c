/** Kernels as WebAssembly modules: one exported function per nest. */
import type { Kernel } from '@neurite/tensor';
import { argumentLayout, type CpuProgram, linkProgram } from '../program.js';
import { type MemoryImport, ModuleBuilder } from '../wasm/encoder.js';
import { emitNest, type NestFunction } from './nest.js';

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
  readonly nests: readonly NestFunction[];
}

function build(kernel: Kernel, shared: boolean, text: boolean): Built {
  const module = new ModuleBuilder(memoryImport(shared), { text });
  const layout = argumentLayout(kernel);
  const nests = kernel.nests.map((nest, i) => emitNest(module, kernel, nest, layout, `nest${i}`));
  return { module, nests };
}

/** The generated code in WebAssembly's text format. */
export function kernelText(kernel: Kernel): string {
  return build(kernel, false, true).module.text();
}

/** Compiles a kernel, its functions bound to `memory`. */
export function compileKernel(kernel: Kernel, memory: WebAssembly.Memory): CpuProgram {
  const shared = isShared(memory);
  const { module, nests } = build(kernel, shared, false);
  return linkProgram(
    {
      kernel,
      parts: nests.map(({ units, work }, i) => ({ name: `nest${i}`, units, work })),
      // Nests run one after another and share it.
      scratchBytes: Math.max(0, ...nests.map((n) => n.scratchBytes)),
      sharedBytes: 0,
      build: (text) => (text ? build(kernel, shared, true).module : module),
    },
    memory,
  );
}

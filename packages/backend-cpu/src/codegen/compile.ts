/** Kernels as WebAssembly modules: one exported function per nest. */
import type { Kernel } from '@neurite/tensor';
import { argumentLayout, type CpuProgram } from '../program.js';
import { ModuleBuilder } from '../wasm/encoder.js';
import { emitNest, type NestFunction } from './nest.js';

/** What generated modules import: a memory of any size. */
export const MEMORY_IMPORT = { module: 'env', name: 'memory', minPages: 1, maxPages: 65536 } as const;

interface Built {
  readonly module: ModuleBuilder;
  readonly nests: readonly NestFunction[];
}

function build(kernel: Kernel, text: boolean): Built {
  const module = new ModuleBuilder(MEMORY_IMPORT, { text });
  const layout = argumentLayout(kernel);
  const nests = kernel.nests.map((nest, i) => emitNest(module, kernel, nest, layout, `nest${i}`));
  return { module, nests };
}

/** The generated code in WebAssembly's text format. */
export function kernelText(kernel: Kernel): string {
  return build(kernel, true).module.text();
}

/** Compiles a kernel, its functions bound to `memory`. */
export function compileKernel(kernel: Kernel, memory: WebAssembly.Memory): CpuProgram {
  const { module, nests } = build(kernel, false);
  const compiled = new WebAssembly.Module(module.encode());
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
  return {
    kernel,
    // Listings are long and rarely read, so they are made when asked for.
    get source() {
      return kernelText(kernel);
    },
    // Nests run one after another and share it.
    scratchBytes: Math.max(0, ...nests.map((n) => n.scratchBytes)),
    parts: nests.map(({ units }, i) => ({
      units,
      run: exports[`nest${i}`] as CpuProgram['parts'][number]['run'],
    })),
  };
}

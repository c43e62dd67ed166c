/**
 * Kernels as WebAssembly modules. The first stages of all nests, which do not depend on each other, are one exported function, the
 * second ones the next, and so on; most nests have only one stage.
 */
import type { Kernel } from '@neurite/tensor';
import { argumentLayout, type CpuProgram, linkProgram, listed, type PartFacts } from '../program.js';
import { type MemoryImport, ModuleBuilder } from '../wasm/encoder.js';
import { emitNest, laneCount } from './nest.js';
import { emitPart } from './parts.js';
import { reshaping } from './reshape.js';
import { SPLIT_LIMITS, type SplitLimits, type Stages, stageRules } from './stages.js';

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

interface Written {
  readonly parts: readonly PartFacts[];
  readonly scratchBytes: number;
  readonly sharedBytes: number;
}

/** The stages of all nests; those that run at the same time have shared memory of their own. */
function stagesOf(kernel: Kernel, limits: SplitLimits): Stages[] {
  let sharedBytes = 0;
  return kernel.nests.map((nest) => {
    const width = laneCount(kernel, nest);
    const { isStage } = stageRules(kernel, nest, width, limits);
    if (!nest.phases.some((phase) => isStage(phase, phase)))
      return { kernel, nests: [nest], working: [], sharedBytes };
    const stages = reshaping().splitIntoStages(kernel, nest, width, limits, sharedBytes);
    sharedBytes = stages.sharedBytes;
    return stages;
  });
}

function write(module: ModuleBuilder, kernel: Kernel, limits: SplitLimits): Written {
  const layout = argumentLayout(kernel);
  const stages = stagesOf(kernel, limits);
  const functions = stages.map(({ kernel: own, nests, working }, i) =>
    nests.map((nest, j) =>
      emitNest(module, own, nest, layout, nests.length > 1 ? `nest${i}_${j}` : `nest${i}`, working),
    ),
  );
  const levels = Math.max(0, ...functions.map((own) => own.length));
  const parts = Array.from({ length: levels }, (_, level) =>
    functions.flatMap((own) => own.slice(level, level + 1)).filter(({ units }) => units > 0),
  )
    .filter((together) => together.length > 0)
    .map((together, i) => emitPart(module, `part${i}`, together, limits.sliceWork));
  return {
    parts,
    // One call runs its nests one after another.
    scratchBytes: Math.max(0, ...functions.flat().map((n) => n.scratchBytes)),
    sharedBytes: stages.at(-1)?.sharedBytes ?? 0,
  };
}

/** The generated code in WebAssembly's text format. */
export function kernelText(kernel: Kernel): Promise<string> {
  return listed(memoryImport(false), (module) => write(module, kernel, SPLIT_LIMITS));
}

/** Compiles a kernel, its functions bound to `memory`. Tests cut small kernels, too, by other `limits`. */
export function compileKernel(
  kernel: Kernel,
  memory: WebAssembly.Memory,
  limits: SplitLimits = SPLIT_LIMITS,
): CpuProgram {
  const module = new ModuleBuilder(memoryImport(isShared(memory)));
  const written = write(module, kernel, limits);
  return linkProgram(
    {
      ...written,
      kernel,
      specialized: false,
      module,
      write: (listing) => void write(listing, kernel, limits),
    },
    memory,
  );
}

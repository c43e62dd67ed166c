/** Shaders of a kernel's own loops. */
import type { Kernel, Nest } from '@neurite/tensor';
import { isPacked } from './buffers.js';
import { assemble, assembleStages, createScope, nestPart, type Shader } from './module.js';
import { type Cut, cutOf, partMemory, partsPart, totalPart } from './reduceInParts.js';
import { groupFor, sizeOf } from './strategy.js';
import { wholeWords } from './words.js';

export interface KernelOptions {
  /** Whether reductions may use subgroups. */
  readonly hasSubgroups: boolean;
  /** Whether there is f16. */
  readonly hasHalf?: boolean;
  /** How many buffers a program can bind. */
  readonly maxBuffers: number;
}

export function kernelShader(kernel: Kernel, options: KernelOptions): Shader {
  const { hasSubgroups, hasHalf = false, maxBuffers } = options;
  const words = wholeWords(kernel, (i) => isPacked(kernel.buffers[i], { hasHalf }));
  const scope = createScope(kernel, { hasSubgroups, hasHalf, words });
  const group = groupFor(kernel.nests);
  const nests = kernel.nests.filter((nest) => sizeOf(nest.outer) > 0);
  const cuts = new Map(
    nests.flatMap((nest): [Nest, Cut][] => {
      const cut = cutOf(nest, group);
      return cut ? [[nest, cut]] : [];
    }),
  );
  const memory = partMemory(cuts);
  if (cuts.size === 0 || kernel.buffers.length + memory.scratch.length > maxBuffers)
    return assemble(
      scope,
      nests.map((nest, i) => nestPart(`nest${i}`, nest, scope, group)),
      group,
    );
  const parts = nests.flatMap((nest, i) => {
    const cut = cuts.get(nest);
    return cut ? [partsPart(`parts_of_nest${i}`, nest, cut, memory, scope)] : [];
  });
  const totals = nests.map((nest, i) => {
    const cut = cuts.get(nest);
    return cut
      ? totalPart(`nest${i}`, nest, cut, group, memory, scope)
      : nestPart(`nest${i}`, nest, scope, group);
  });
  return assembleStages(
    scope,
    [
      { entry: 'reduce', parts },
      { entry: 'main', parts: totals },
    ],
    group,
    memory.scratch,
  );
}

/**
 * Whole words: elements smaller than a word can be written without atomics where an invocation takes neighbouring points, whose elements
 * make up whole words, one after another.
 */
import { affineOf, type Kernel, type Nest, type Store } from '@neurite/tensor';
import { elementsPerWord } from './values.js';

export interface WholeWords {
  /** Numbers of buffers that are only written in whole words. */
  readonly buffers: ReadonlySet<number>;
  /** How many neighbouring points an invocation takes; one where a nest is not here. */
  readonly runs: ReadonlyMap<Nest, number>;
}

export const NO_WORDS: WholeWords = { buffers: new Set(), runs: new Map() };

const storesOf = ({ phases }: Nest): readonly Store[] => phases.flatMap((phase) => phase.stores);

/** Whether the points of a nest have no loops of their own: they must be visited in order. */
const isPlain = ({ phases }: Nest): boolean =>
  phases.every(({ loops }) => loops.every(({ size }) => size === 1));

/** Whether points `run` by `run` store to `run` neighbours each, of which the first begins a word. */
function isContiguous({ index, guard, mode }: Store, { outer }: Nest, run: number): boolean {
  const innermost = outer.findLast(({ size }) => size > 1);
  const form = affineOf(index);
  if (guard || mode !== 'set' || !innermost || !form) return false;
  const { constant, terms } = form;
  return (
    innermost.size % run === 0 &&
    constant % run === 0 &&
    terms.get(innermost.variable) === 1 &&
    [...terms].every(([variable, stride]) => variable === innermost.variable || stride % run === 0)
  );
}

/** Which buffers a kernel's own loops write in whole words. `isPacked`: whether a buffer's elements share words. */
export function wholeWords({ buffers, nests }: Kernel, isPacked: (buffer: number) => boolean): WholeWords {
  const perWord = (buffer: number): number => (isPacked(buffer) ? elementsPerWord(buffers[buffer].dtype) : 1);
  const whole = new Set(buffers.flatMap(({ access }, i) => (access !== 'read' && perWord(i) > 1 ? [i] : [])));
  // A nest that cannot write one of its buffers so may have to leave others to atomics too, by the length of its runs.
  for (let before = -1; before !== whole.size; ) {
    before = whole.size;
    for (const nest of nests) {
      const run = runOf(nest);
      for (const store of storesOf(nest))
        if (whole.has(store.buffer) && !(isPlain(nest) && isContiguous(store, nest, run)))
          whole.delete(store.buffer);
    }
  }
  function runOf(nest: Nest): number {
    return Math.max(1, ...storesOf(nest).map(({ buffer }) => (whole.has(buffer) ? perWord(buffer) : 1)));
  }
  return { buffers: whole, runs: new Map(nests.map((nest) => [nest, runOf(nest)])) };
}

/**
 * Sorting as stages of a program: chunks by counting, then runs that double in length. Merging is stable, and an element finds its place by itself,
 * by a binary search in the run that its own is merged with.
 */
import type { ModuleScope } from './expressions.js';
import type { Scratch, StageParts } from './module.js';

/** Invocations of a workgroup, and elements of a chunk: each compares itself with all others of its chunk. */
export const SORT_GROUP = 256;

export interface SortedRows {
  /** Rows that are sorted, each by itself, and their length. */
  readonly rows: number;
  readonly size: number;
  /** WGSL's type of a key. */
  readonly type: string;
  /** The key of an element of a row, as an expression of WGSL. */
  key(row: string, position: string): string;
  /** Whether a key comes before another one. */
  before(a: string, b: string): string;
}

export interface Sorting {
  readonly stages: readonly StageParts[];
  readonly scratch: readonly Scratch[];
  /** The array with the positions of the sorted elements: that of `row` and `rank` is at `row * size + rank`. */
  readonly order: string;
}

/** The stages that sort, to stand before those that read the order. */
export function sortStages(sorted: SortedRows, { helpers }: ModuleScope): Sorting {
  const { rows, size, type } = sorted;
  const chunks = Math.ceil(size / SORT_GROUP);
  helpers.define('chunk_keys', () => `var<workgroup> chunk_keys: array<${type}, ${SORT_GROUP}>;`);
  const runs: number[] = [];
  for (let length = SORT_GROUP; length < size; length *= 2) runs.push(length);
  const arrays = ['order', 'other_order'];
  const stages = [
    {
      entry: 'sort_chunks',
      name: 'sort_chunk',
      text: chunkFunction(sorted, chunks),
      workgroups: rows * chunks,
    },
    ...runs.map((length, i) => {
      const name = `merge_runs_of_${length}`;
      const text = mergeFunction(name, sorted, length, arrays[i % 2], arrays[(i + 1) % 2]);
      return { entry: `merge_${length}`, name, text, workgroups: Math.ceil((rows * size) / SORT_GROUP) };
    }),
  ];
  return {
    stages: stages.map(({ entry, ...part }) => ({ entry, parts: [part] })),
    scratch: arrays
      .slice(0, runs.length > 0 ? 2 : 1)
      .map((name) => ({ name, type: 'i32' as const, size: rows * size })),
    order: arrays[runs.length % 2],
  };
}

function chunkFunction({ size, key, before }: SortedRows, chunks: number): string {
  return `fn sort_chunk(block: i32, local: i32) {
  let row = block / ${chunks};
  let begin = (block % ${chunks}) * ${SORT_GROUP};
  let position = begin + local;
  if (position < ${size}) { chunk_keys[local] = ${key('row', 'position')}; }
  workgroupBarrier();
  if (position < ${size}) {
    let own = chunk_keys[local];
    var rank = 0;
    for (var j = 0; j < min(${SORT_GROUP}, ${size} - begin); j++) {
      let next = chunk_keys[j];
      if (${before('next', 'own')} || (j < local && !${before('own', 'next')})) { rank++; }
    }
    order[row * ${size} + begin + rank] = position;
  }
}`;
}

function mergeFunction(
  name: string,
  { rows, size, key, before }: SortedRows,
  length: number,
  from: string,
  to: string,
): string {
  return `fn ${name}(block: i32, local: i32) {
  let i = block * ${SORT_GROUP} + local;
  if (i >= ${rows * size}) { return; }
  let row = i / ${size};
  let place = i % ${size};
  let run = place / ${length};
  let sibling = run ^ 1;
  let position = ${from}[i];
  let own = ${key('row', 'position')};
  let first = min(sibling * ${length}, ${size});
  var low = first;
  var high = min(first + ${length}, ${size});
  while (low < high) {
    let middle = (low + high) / 2;
    let next = ${key('row', `${from}[row * ${size} + middle]`)};
    if (select(${before('next', 'own')}, !${before('own', 'next')}, sibling < run)) { low = middle + 1; } else { high = middle; }
  }
  let begin = min(run, sibling) * ${length};
  ${to}[row * ${size} + begin + place % ${length} + low - first] = position;
}`;
}

/** The loops whose speed is the roof: multiply-adds as a matrix product's innermost loop does them, and plain streams. */
import {
  ADD,
  advance,
  assemble,
  constant,
  F32X4_ADD,
  F32X4_MADD,
  F32X4_MUL,
  get,
  load,
  loadSplat,
  loopWhileLess,
  type Routine,
  repeat,
  set,
  store,
  ZERO,
} from './assemble.js';

/** So many rows of A times so many vectors of B; A's and B's panels and the tile stay in the first-level cache. */
export interface Tile {
  readonly rows: number;
  readonly vectors: number;
  readonly fused: boolean;
}

export const DEPTH = 256;

/** Which is fastest depends on the engine, so the roof is the best of them. */
export const TILES: readonly Tile[] = [false, true].flatMap((fused) =>
  [
    [4, 2],
    [6, 2],
    [4, 3],
    [8, 1],
    [3, 4],
  ].map(([rows, vectors]) => ({ rows, vectors, fused })),
);

export const nameOf = ({ rows, vectors, fused }: Tile): string =>
  `${rows}×${4 * vectors}${fused ? ' fused' : ''}`;

export const flopsOf = ({ rows, vectors }: Tile): number => 2 * rows * vectors * 4 * DEPTH;

/** (count, a, b, c): as often as `count` says, c ← a's panel · b's panel. */
function multiply(tile: Tile): Routine {
  const { rows, vectors, fused } = tile;
  const [count, a, b, c, atA, atB, endA] = [0, 1, 2, 3, 4, 5, 6];
  const sum = (i: number, j: number) => 7 + i * vectors + j;
  const fromB = (j: number) => 7 + rows * vectors + j;
  const fromA = 7 + rows * vectors + vectors;
  const all = Array.from({ length: rows * vectors }, (_, at) => [Math.floor(at / vectors), at % vectors]);
  const accumulate = (i: number, j: number): number[] =>
    fused
      ? [...get(fromA), ...get(fromB(j)), ...get(sum(i, j)), ...F32X4_MADD, ...set(sum(i, j))]
      : [...get(sum(i, j)), ...get(fromA), ...get(fromB(j)), ...F32X4_MUL, ...F32X4_ADD, ...set(sum(i, j))];
  const step = [
    ...Array.from({ length: vectors }, (_, j) => [...get(atB), ...load(16 * j), ...set(fromB(j))]).flat(),
    ...all.flatMap(([i, j]) => [
      ...(j === 0 ? [...get(atA), ...loadSplat(4 * i), ...set(fromA)] : []),
      ...accumulate(i, j),
    ]),
    ...advance(atA, 4 * rows),
    ...advance(atB, 16 * vectors),
  ];
  const body = [
    ...[...get(a), ...set(atA), ...get(b), ...set(atB)],
    ...[...get(a), ...constant(4 * rows * DEPTH), ...ADD, ...set(endA)],
    ...all.flatMap(([i, j]) => [...ZERO, ...set(sum(i, j))]),
    ...loopWhileLess(step, atA, endA),
    ...all.flatMap(([i, j], at) => [...get(c), ...get(sum(i, j)), ...store(16 * at)]),
  ];
  return {
    name: nameOf(tile),
    parameters: 4,
    integers: 3,
    vectors: rows * vectors + vectors + 1,
    body: repeat(body, count),
  };
}

/** Bytes that a stream's loop takes at a time. */
export const STREAM_BYTES = 128;

const offsets = Array.from({ length: STREAM_BYTES / 16 }, (_, i) => 16 * i);

/** (to, from, end of from): copies. */
const copy: Routine = {
  name: 'copy',
  parameters: 3,
  integers: 0,
  vectors: 0,
  body: loopWhileLess(
    [
      ...offsets.flatMap((offset) => [...get(0), ...get(1), ...load(offset), ...store(offset)]),
      ...advance(0, STREAM_BYTES),
      ...advance(1, STREAM_BYTES),
    ],
    1,
    2,
  ),
};

/** (to, from, end of from): adds up, in eight vectors. */
const sum: Routine = {
  name: 'sum',
  parameters: 3,
  integers: 0,
  vectors: offsets.length,
  body: [
    ...loopWhileLess(
      [
        ...offsets.flatMap((offset, i) => [
          ...get(3 + i),
          ...get(1),
          ...load(offset),
          ...F32X4_ADD,
          ...set(3 + i),
        ]),
        ...advance(1, STREAM_BYTES),
      ],
      1,
      2,
    ),
    ...offsets.flatMap((offset, i) => [...get(0), ...get(3 + i), ...store(offset)]),
  ],
};

/** The module's bytes; without the fused tiles where the engine does not know relaxed SIMD. */
export function loopsModule(maximumPages: number): {
  bytes: Uint8Array<ArrayBuffer>;
  tiles: readonly Tile[];
} {
  const plain = TILES.filter(({ fused }) => !fused);
  for (const tiles of [TILES, plain]) {
    const bytes = assemble([...tiles.map(multiply), copy, sum], maximumPages);
    if (WebAssembly.validate(bytes)) return { bytes, tiles };
  }
  throw new Error('no WebAssembly SIMD');
}

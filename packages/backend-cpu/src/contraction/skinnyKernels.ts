/**
 * The inner loops of products with few rows: each element of the wide operand is read once, where it is, and in an order that
 * suits caches and prefetching. Sums are added to what memory holds.
 */
import type { FunctionBuilder, ModuleBuilder } from '../wasm/encoder.js';
import type { LaneMemoryOp, MemoryOp } from '../wasm/opcodes.js';
import { type Emitter, emitter, type I32, type Variable } from './emit.js';
import type { Element, FactorStrides } from './microKernel.js';

/** What a kernel knows of its operands, in bytes. */
export interface SkinnyLayout {
  readonly element: Element;
  readonly narrow: FactorStrides;
  readonly wide: FactorStrides;
  /** Between rows of sums. */
  readonly sumRow: number;
}

/** Loads and stores of a vector's first bytes; what is loaded is filled up with zeros. */
const LOADS = {
  4: 'v128.load32_zero',
  8: 'v128.load64_zero',
  16: 'v128.load',
} as const satisfies Record<number, MemoryOp>;
const STORES = { 4: 'v128.store32_lane', 8: 'v128.store64_lane' } as const satisfies Record<
  number,
  LaneMemoryOp
>;
type Bytes = keyof typeof LOADS;

function load(f: FunctionBuilder, bytes: Bytes, offset: number, { bytes: align }: Element): void {
  f.memory(LOADS[bytes], offset, align);
}

function store(f: FunctionBuilder, bytes: Bytes, offset: number, { bytes: align }: Element): void {
  if (bytes === 16) f.memory('v128.store', offset, align);
  else f.laneMemory(STORES[bytes], 0, offset, align);
}

const nameOf = (kind: string, { element, narrow, wide, sumRow }: SkinnyLayout, numbers: readonly number[]) =>
  [
    kind,
    element.shape,
    ...numbers,
    ...[narrow, wide].flatMap(({ across, along }) => [across, along]),
    sumRow,
  ].join('.');

const vectors = (f: FunctionBuilder, count: number): number[] =>
  Array.from({ length: count }, () => f.local('v128'));

const PARAMS = ['i32', 'i32', 'i32', 'i32', 'i32'] as const;
type Five = readonly [I32, I32, I32, I32, I32];
const parametersOf = (f: FunctionBuilder): Five => PARAMS.map((_, i) => () => f.get(i)) as unknown as Five;

/** Runs `body`, which moves `at` on by `step` bytes, while so many are left before `end`. */
function whileRoom(e: Emitter, at: I32, end: I32, step: number, body: () => void): void {
  const { f } = e;
  const last = e.hold(e.sub(end, step));
  const isRoom = () => {
    e.push(at);
    e.push(last);
    f.op('i32.le_u');
  };
  e.when(isRoom, () => {
    const next = f.loop();
    body();
    isRoom();
    f.brIf(next);
    f.end();
  });
}

/** Vectors of a row that one round of the loop covers: counting costs time. */
const UNROLLED = 4;

/** Pointers to the first of several streams and those that follow, `apart` from each other. */
function streams(e: Emitter, first: I32, apart: I32, count: number): Variable[] {
  const made = [e.variable(first)];
  for (let i = 1; i < count; i += 1) made.push(e.variable(e.add(made[i - 1]!.get, apart)));
  return made;
}

/**
 * `(narrow, wide, sums, columns, apart)`: adds to `rows` rows of sums the products for `count` values of k, `apart` from each other,
 * where columns of the wide operand lie side by side: lanes are columns.
 */
export function addRowsKernel(
  module: ModuleBuilder,
  layout: SkinnyLayout,
  rows: number,
  count: number,
): FunctionBuilder {
  const { element, narrow, wide, sumRow } = layout;
  const { shape, splat, bytes } = element;
  return module.helper(nameOf('addRows', layout, [rows, count]), PARAMS, [], (f) => {
    const e = emitter(f);
    const [a, b, c, columns, apart] = parametersOf(f);
    const factors = Array.from({ length: rows }, () => vectors(f, count));
    const values = vectors(f, count);
    streams(e, a, e.mul(apart, narrow.along), count).forEach(({ get }, k) => {
      factors.forEach((row, i) => {
        e.push(e.add(get, i * narrow.across));
        f.memory(splat, 0, bytes);
        f.set(row[k]!);
      });
    });
    const from = streams(e, b, e.hold(e.mul(apart, wide.along)), count);
    const sum = e.variable(c);
    const end = e.hold(e.add(c, e.mul(columns, bytes)));
    // By pairs: short chains, and they round better.
    const products = (row: readonly number[], first: number, size: number): void => {
      if (size === 1) {
        f.get(row[first]!);
        f.get(values[first]!);
        f.op(`${shape}.mul`);
        return;
      }
      products(row, first, size / 2);
      products(row, first + size / 2, size / 2);
      f.op(`${shape}.add`);
    };
    const step = (size: Bytes, copies: number) =>
      whileRoom(e, sum.get, end, size * copies, () => {
        for (let at = 0; at < size * copies; at += size) {
          values.forEach((value, k) => {
            from[k]!.get();
            load(f, size, at, element);
            f.set(value);
          });
          factors.forEach((row, i) => {
            sum.get();
            sum.get();
            load(f, size, at + i * sumRow, element);
            products(row, 0, count);
            f.op(`${shape}.add`);
            store(f, size, at + i * sumRow, element);
          });
        }
        for (const pointer of [...from, sum]) pointer.advance(size * copies);
      });
    step(16, UNROLLED);
    step(16, 1);
    step(bytes, 1);
  });
}

/** Byte numbers of a shuffle that takes every second element of two vectors, from `first` on. */
const alternate = ({ bytes, lanes }: Element, first: 0 | 1): number[] =>
  Array.from({ length: 16 }, (_, i) => (2 * (Math.floor(i / bytes) % lanes) + first) * bytes + (i % bytes));

/** Leaves a vector on the stack with the sums over the lanes of each of `sums`, over and over. */
function addLanes(f: FunctionBuilder, element: Element, sums: readonly number[]): void {
  const halves = [alternate(element, 0), alternate(element, 1)];
  let level = sums;
  for (let lanes = element.lanes; lanes > 1; lanes /= 2) {
    const pairs = Math.ceil(level.length / 2);
    level = Array.from({ length: pairs }, (_, i) => {
      for (const half of halves) {
        f.get(level[2 * i]!);
        f.get(level[2 * i + 1] ?? level[2 * i]!);
        f.shuffle(half);
      }
      f.op(`${element.shape}.add`);
      const made = f.local('v128');
      f.set(made);
      return made;
    });
  }
  f.get(level[0]!);
}

/**
 * `(narrow, wide, sums, k, apart)`: adds to `rows` sums of each of `count` columns, `apart` from each other, the products over k, where
 * both operands' elements lie side by side along k: lanes are neighbours along k.
 */
export function addDotsKernel(
  module: ModuleBuilder,
  layout: SkinnyLayout,
  rows: number,
  count: number,
): FunctionBuilder {
  const { element, narrow, wide, sumRow } = layout;
  const { shape, splat, bytes, lanes } = element;
  return module.helper(nameOf('addDots', layout, [rows, count]), PARAMS, [], (f) => {
    const e = emitter(f);
    const [a, b, c, k, apart] = parametersOf(f);
    // Offsets of memory instructions cannot be negative.
    const lowest = Math.min(0, (rows - 1) * narrow.across);
    const factor = e.variable(e.add(a, lowest));
    const from = streams(e, b, e.hold(e.mul(apart, wide.across)), count);
    const end = e.hold(e.add(factor.get, e.mul(k, bytes)));
    const sums = Array.from({ length: rows }, () => vectors(f, count));
    const values = vectors(f, count);
    const held = f.local('v128');
    const step = (size: Bytes, copies: number) =>
      whileRoom(e, factor.get, end, size * copies, () => {
        for (let at = 0; at < size * copies; at += size) {
          values.forEach((value, j) => {
            from[j]!.get();
            load(f, size, at, element);
            f.set(value);
          });
          sums.forEach((row, i) => {
            factor.get();
            load(f, size, at + i * narrow.across - lowest, element);
            f.set(held);
            row.forEach((sum, j) => {
              f.get(sum);
              f.get(held);
              f.get(values[j]!);
              f.op(`${shape}.mul`);
              f.op(`${shape}.add`);
              f.set(sum);
            });
          });
        }
        for (const pointer of [...from, factor]) pointer.advance(size * copies);
      });
    // With more rows, twice as much in a round would be spilled.
    if (rows === 1) step(16, 2);
    step(16, 1);
    step(bytes, 1);
    const targets = streams(e, c, e.hold(e.mul(apart, bytes)), count);
    for (const [i, row] of sums.entries()) {
      for (let first = 0; first < count; first += lanes) {
        addLanes(f, element, row.slice(first, first + lanes));
        f.set(held);
        targets.slice(first, first + lanes).forEach(({ get }, lane) => {
          get();
          f.get(held);
          get();
          // Only this lane is added to and stored.
          f.memory(splat, i * sumRow, bytes);
          f.op(`${shape}.add`);
          f.laneMemory(STORES[bytes], lane, i * sumRow, bytes);
        });
      }
    }
  });
}

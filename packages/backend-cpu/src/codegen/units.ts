/** How a nest's outer points are cut into units, and in which order units run. */
import {
  DTYPES,
  type Expr,
  type Kernel,
  type Loop,
  type Nest,
  phaseRoots,
  visitExprs,
} from '@neurite/tensor';
import { type Context, strideOf } from './context.js';
import { chooseLane, pointsOf, vectorCost, workPerPoint } from './cost.js';
import { copiesFor, spreadsOverLanes } from './phase.js';

/** Instructions that a unit should have, so that cutting a range costs little and still leaves enough to share out. */
const UNIT_WORK = 16384;
const CACHE_LINE = 64;
/** Points of each side of a tile where rows are read and columns written, or the other way round. */
const TILE = 16;

/** How a nest runs: what lanes stand for, and what a unit is. */
export interface UnitPlan {
  /** The outer loop that lanes spread over; null where each phase spreads its own. */
  readonly lane: Loop | null;
  /** Vectors per iteration of the lane loop. */
  readonly copies: number;
  readonly tile: Tile | null;
  /** Points of the lane loop in a unit. */
  readonly block: number;
  readonly units: number;
}

/** Points of another outer loop that run one after another, before the next block of lanes. */
interface Tile {
  readonly loop: Loop;
  readonly size: number;
}

export function planUnits(kernel: Kernel, nest: Nest, width: number): UnitPlan {
  const lane = chooseLane(kernel, nest, width, spreadsOverLanes);
  const points = pointsOf(nest.outer);
  if (!lane || points === 0) return { lane, copies: 1, tile: null, block: 1, units: points };
  const copies = copiesForLanes(nest, lane, width);
  const step = width * copies;
  const tile = chooseTile(kernel, nest, lane);
  const block = tile ? tileLanes(step, lane) : blockSize(kernel, nest, lane, width, step);
  return { lane, copies, tile, block, units: (points / lane.size) * Math.ceil(lane.size / block) };
}

/** Column reductions share what the inner loop costs among many lanes. */
function copiesForLanes(nest: Nest, lane: Loop, width: number): number {
  const loops = nest.phases.some((p) => p.loops.length > 0);
  const reductions = nest.phases.reduce((sum, p) => sum + p.reductions.length, 0);
  const roots = nest.phases.flatMap(phaseRoots);
  const wanted = loops && reductions === 1 && vectorCost(roots) <= 6 ? 8 : copiesFor(roots, reductions);
  let copies = wanted;
  while (copies > 1 && copies * width > lane.size) copies /= 2;
  return copies;
}

/** One place of a unit's number, written in mixed radix. */
export interface Digit {
  readonly size: number;
  readonly local: number;
}

/** Points of the lane loop per unit, a multiple of what one iteration covers. */
function blockSize(kernel: Kernel, nest: Nest, lane: Loop, width: number, step: number): number {
  const points = UNIT_WORK / workPerPoint(kernel, nest, width);
  return Math.min(Math.ceil(points / step) * step, lane.size);
}

/**
 * Another outer loop to walk in tiles together with the lane loop: one along which an access has neighbours that the lane
 * loop finds a cache line or more apart, as in a transposition. A cache line is then used up while it is there.
 */
function chooseTile(kernel: Kernel, nest: Nest, lane: Loop): Tile | null {
  const across: Loop[] = [];
  const look = (buffer: number, index: Expr) => {
    const { bytes } = DTYPES[kernel.buffers[buffer].dtype];
    const stride = strideOf(index, lane.variable);
    if (stride === undefined || Math.abs(stride) * bytes < CACHE_LINE) return;
    for (const loop of nest.outer) {
      if (loop !== lane && Math.abs(strideOf(index, loop.variable) ?? 0) === 1) across.push(loop);
    }
  };
  if (nest.phases.some((phase) => phase.loops.length > 0) || lane.size < TILE) return null;
  visitExprs(nest.phases.flatMap(phaseRoots), (e) => {
    if (e.kind === 'load') look(e.buffer, e.index);
  });
  for (const store of nest.phases.flatMap((phase) => phase.stores)) look(store.buffer, store.index);
  const [loop] = across;
  if (!loop) return null;
  let size = Math.min(TILE, loop.size);
  while (loop.size % size !== 0) size--;
  return size > 2 ? { loop, size } : null;
}

/** Lanes per unit within a tile. */
const tileLanes = (step: number, lane: Loop): number => Math.min(Math.ceil(TILE / step) * step, lane.size);

/** Sets counters to the digits of a unit's number, the last one running fastest. */
export function splitCounter(c: Context, digits: readonly Digit[], number: number): void {
  const { f } = c;
  const rest = f.local('i32');
  f.get(number);
  f.set(rest);
  for (const [i, { size, local }] of [...digits].reverse().entries()) {
    const last = i === digits.length - 1;
    f.get(rest);
    if (!last) {
      f.i32(size);
      f.op('i32.rem_u');
    }
    f.set(local);
    if (last) return;
    f.get(rest);
    f.i32(size);
    f.op('i32.div_u');
    f.set(rest);
  }
}

/** Counts the digits up by one. */
export function incrementDigits(c: Context, digits: readonly Digit[]): void {
  const { f } = c;
  const digit = digits.at(-1);
  if (!digit) return;
  f.get(digit.local);
  f.i32(1);
  f.op('i32.add');
  f.tee(digit.local);
  f.i32(digit.size);
  f.op('i32.eq');
  f.if_();
  f.i32(0);
  f.set(digit.local);
  incrementDigits(c, digits.slice(0, -1));
  f.end();
}

/** Writes a nest as one function over a range of its units. */
import { type Expr, type Kernel, type Loop, type Nest, phaseRoots, visitExprs } from '@neurite/tensor';
import { type ArgumentLayout, PART } from '../program.js';
import type { FunctionBuilder, ModuleBuilder } from '../wasm/encoder.js';
import { type Context, popScope, pushScope, type WorkingBuffer } from './context.js';
import { pointsOf, vectorCost, workPerPoint } from './cost.js';
import { hoist } from './hoist.js';
import { emitRange, laneVariants } from './loops.js';
import { emitPhase } from './phase.js';
import { reshaping } from './reshape.js';
import { pushScalar } from './scalar.js';
import { phasesThatMayRepeat } from './stages.js';
import { incrementDigits, planUnits, splitCounter, type UnitPlan } from './units.js';
import { pushVector } from './vector.js';

/** Above this many instructions per iteration, transcendental functions are called rather than written in place. */
const INLINE_LIMIT = 150;

/** A part's function for a nest; a unit is a block of outer points. */
export interface NestFunction {
  readonly f: FunctionBuilder;
  readonly units: number;
  /** Instructions of all units, roughly. */
  readonly work: number;
  /** Bytes of working memory. */
  readonly scratchBytes: number;
}

/**
 * Adds the function of a nest to a module, under `name`. `working` tells where the kernel's buffers beyond those of the layout lie.
 */
export function emitNest(
  module: ModuleBuilder,
  kernel: Kernel,
  nest: Nest,
  layout: ArgumentLayout,
  name: string,
  working: readonly WorkingBuffer[],
): NestFunction {
  const f = module.func(name, ['i32', 'i32', 'i32', 'i32']);
  const width = laneCount(kernel, nest);
  const plan = planUnits(kernel, nest, width);
  const mayRepeat = !plan.lane && phasesThatMayRepeat(nest).length > 1;
  const stashed = mayRepeat ? reshaping().stashRepeated(kernel, nest) : null;
  const own = stashed ?? { kernel, nest, scratchBytes: 0 };
  const c = createContext(module, f, own.kernel, own.nest, layout, {
    args: PART.args,
    width,
    accsVary: plan.lane !== null,
    working: [...working, { memory: 'scratch', offset: 0 }],
    negative: mayRepeat ? reshaping().belowMaximum(own.nest) : new Set(),
  });
  if (plan.units > 0) emitUnits(c, own.nest, plan);
  const work = pointsOf(nest.outer) * workPerPoint(kernel, nest, width);
  return { f, units: plan.units, work, scratchBytes: own.scratchBytes };
}

/** Lanes of the vectors that a nest is computed with. */
export const laneCount = (kernel: Kernel, nest: Nest): 2 | 4 =>
  usesDoubles(kernel, nest, nest.phases.flatMap(phaseRoots)) ? 2 : 4;

/** The state before anything is written. */
export function createContext(
  module: ModuleBuilder,
  f: FunctionBuilder,
  kernel: Kernel,
  nest: Nest,
  layout: ArgumentLayout,
  options: Pick<Context, 'args' | 'width' | 'accsVary'> & Partial<Pick<Context, 'working' | 'negative'>>,
): Context {
  return {
    module,
    f,
    kernel,
    layout,
    working: [],
    negative: new Set(),
    ...options,
    lane: null,
    lanes: 1,
    copies: 1,
    inlineMath: vectorCost(nest.phases.flatMap(phaseRoots)) <= INLINE_LIMIT,
    variables: new Map(),
    accs: new Map(),
    bases: new Map(),
    scopes: [],
    uses: new Map(),
    varying: new Map(),
    pushScalar,
    pushVector,
  };
}

/** Whether vectors have 64-bit lanes. */
export function usesDoubles(kernel: Kernel, nest: Nest, roots: readonly Expr[]): boolean {
  let found = nest.phases.some(
    (p) =>
      p.reductions.some((r) => r.dtype === 'float64') ||
      p.stores.some((s) => kernel.buffers[s.buffer].dtype === 'float64'),
  );
  visitExprs(roots, (e) => {
    found ||= e.dtype === 'float64';
  });
  return found;
}

/** Loads the addresses of all buffers that the nest touches and whose place is known. */
export function emitBases(c: Context, nest: Nest, roots: readonly Expr[]): void {
  const buffers = new Set(nest.phases.flatMap((p) => p.stores.map((s) => s.buffer)));
  visitExprs(roots, (e) => {
    if (e.kind === 'load') buffers.add(e.buffer);
  });
  for (const buffer of buffers) {
    const working = c.working[buffer - c.layout.buffers];
    if (buffer < c.layout.buffers) {
      c.f.get(c.args);
      c.f.memory('i32.load', c.layout.buffer(buffer));
    } else if (working) pushWorkingMemory(c, working);
    else continue;
    const local = c.f.local('i32');
    c.f.set(local);
    c.bases.set(buffer, local);
  }
}

function pushWorkingMemory({ f, args, layout }: Context, { memory, offset }: WorkingBuffer): void {
  if (memory === 'scratch') f.get(PART.scratch);
  else {
    f.get(args);
    f.memory('i32.load', layout.shared);
  }
  if (offset === 0) return;
  f.i32(offset);
  f.op('i32.add');
}

/** Writes the function's body. */
function emitUnits(c: Context, nest: Nest, { lane, copies, tile, block }: UnitPlan): void {
  const { f } = c;
  const { begin, end } = PART;
  const roots = nest.phases.flatMap(phaseRoots);
  const blocks = lane ? Math.ceil(lane.size / block) : 1;
  // A digit that is always 0 needs no local.
  const digit = (size: number) => ({ size, local: size > 1 ? f.local('i32') : -1 });
  const counters = nest.outer
    .filter((loop) => loop !== lane)
    .map((loop) => ({
      variable: loop.variable,
      size: loop.size,
      local: f.local('i32'),
      tiled: loop === tile?.loop,
    }));
  const blockDigit = digit(blocks);
  // The points of a tile's side run one after another, before the next block.
  const [tiles, within] = tile ? [digit(tile.loop.size / tile.size), digit(tile.size)] : [digit(1), digit(1)];
  const digits = [...counters.filter((d) => !d.tiled), tiles, blockDigit, within].filter((d) => d.size > 1);
  f.get(begin);
  f.get(end);
  f.op('i32.ge_s');
  f.if_();
  f.op('return');
  f.end();
  emitBases(c, nest, roots);
  pushScope(c);
  hoist(c, roots, null, new Set());
  splitCounter(c, digits, begin);
  const next = f.loop();
  for (const { variable, local, tiled } of counters) {
    c.variables.set(variable, local);
    if (!tiled) continue;
    f.get(within.local);
    if (tiles.size > 1) {
      f.get(tiles.local);
      f.i32(within.size);
      f.op('i32.mul');
      f.op('i32.add');
    }
    f.set(local);
  }
  pushScope(c);
  if (lane) emitLaneRange(c, nest, lane, copies, block, blockDigit.local);
  else for (const phase of nest.phases) emitPhase(c, phase);
  popScope(c);
  incrementDigits(c, digits);
  f.get(begin);
  f.i32(1);
  f.op('i32.add');
  f.tee(begin);
  f.get(end);
  f.op('i32.lt_s');
  f.brIf(next);
  f.end();
  popScope(c);
}

/** First point and end of a unit's block of the lane loop. */
function blockExtent(
  c: Context,
  lane: Loop,
  block: number,
  blockCounter: number,
): { begin: number; end: number } {
  const { f } = c;
  const begin = f.local('i32');
  const end = f.local('i32');
  f.get(blockCounter);
  f.i32(block);
  f.op('i32.mul');
  f.tee(begin);
  f.i32(block);
  f.op('i32.add');
  f.tee(end);
  f.i32(lane.size);
  f.get(end);
  f.i32(lane.size);
  f.op('i32.lt_s');
  f.op('select');
  f.set(end);
  return { begin, end };
}

/** The lane loop of one unit, all phases inside. */
function emitLaneRange(
  c: Context,
  nest: Nest,
  lane: Loop,
  copies: number,
  block: number,
  blockCounter: number,
): void {
  const whole = block >= lane.size;
  const extent = whole ? lane.size : blockExtent(c, lane, block, blockCounter);
  // Every block is full but the last, whose remainder decides which smaller steps are needed.
  const last = lane.size - (Math.ceil(lane.size / block) - 1) * block;
  const variants = laneVariants(
    lane.variable,
    whole ? lane.size : block + (last % (c.width * copies)),
    c.width,
    copies,
  );
  const straight = nest.phases.every((phase) => phase.loops.length === 0);
  const body = () => {
    for (const phase of nest.phases) emitPhase(c, phase);
  };
  hoist(c, nest.phases.flatMap(phaseRoots), straight ? lane.variable : null, new Set());
  emitRange(c, {
    variable: lane.variable,
    extent,
    variants,
    accesses: straight ? nest.phases : null,
    body,
  });
}

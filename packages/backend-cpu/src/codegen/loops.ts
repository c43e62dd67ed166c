/** Loops over a range of points: whole blocks of vectors first, then single vectors, then single points. */
import { DTYPES, type Expr, type Phase, phaseRoots, type VarExpr, visitExprs } from '@neurite/tensor';
import { type Context, pointerKey, popScope, pushScope, setLanes, strideOf } from './context.js';

/** Points that one iteration covers. */
export interface Variant {
  /** What lanes stand for during the iteration. */
  readonly lane: VarExpr | null;
  readonly lanes: number;
  readonly copies: number;
  /** Points of the loop's own variable. */
  readonly step: number;
}

/** A loop over one variable, held in a local that the loop sets. */
export interface Range {
  readonly variable: VarExpr;
  /** Number of points where that is fixed, else locals of the first point and of the end. */
  readonly extent: number | { readonly begin: number; readonly end: number };
  readonly variants: readonly Variant[];
  /** What the loop evaluates, if no other loop is inside: addresses among it become pointers. */
  readonly accesses: readonly Phase[] | null;
  /** Runs after this many iterations of the first variant, and at its end. */
  readonly interval?: { readonly iterations: number; readonly action: () => void };
  readonly body: () => void;
}

/** Full vectors of `copies` each, single vectors, single points: what a lane loop over `size` points needs. */
export function laneVariants(lane: VarExpr, size: number, width: number, copies: number): Variant[] {
  const variants: Variant[] = [];
  let rest = size;
  for (const [lanes, count] of [
    [width, copies],
    [width, 1],
    [1, 1],
  ]) {
    const step = lanes * count;
    if (rest < step || variants.at(-1)?.step === step) continue;
    variants.push({ lane, lanes, copies: count, step });
    rest %= step;
  }
  return variants;
}

export function emitRange(c: Context, range: Range): void {
  const { f } = c;
  const { variable, extent, variants } = range;
  const outside = { lane: c.lane, lanes: c.lanes, copies: c.copies };
  const counter = f.local('i32');
  if (typeof extent === 'number') f.i32(0);
  else f.get(extent.begin);
  f.set(counter);
  c.variables.set(variable, counter);
  pushScope(c);
  if (range.accesses) createPointers(c, variable, range.accesses, variants[0]);
  let rest = typeof extent === 'number' ? extent : 0;
  for (const [i, variant] of variants.entries()) {
    const { lane, lanes, copies, step } = variant;
    pushScope(c);
    setLanes(c, lane, lanes, copies);
    const iteration = () => {
      range.body();
      advance(c, counter, step);
    };
    const interval = i === 0 ? range.interval : undefined;
    if (typeof extent === 'number') {
      const trips = Math.floor(rest / step);
      rest -= trips * step;
      emitFixedLoop(c, counter, extent - rest, trips, step, interval, iteration);
    } else emitOpenLoop(c, counter, extent.end, step, iteration);
    popScope(c);
    setLanes(c, outside.lane, outside.lanes, outside.copies);
  }
  popScope(c);
  c.variables.delete(variable);
}

function emitFixedLoop(
  c: Context,
  counter: number,
  end: number,
  trips: number,
  step: number,
  interval: Range['interval'],
  iteration: () => void,
): void {
  const { f } = c;
  const loopTo = (pushEnd: () => void) => {
    const next = f.loop();
    iteration();
    f.get(counter);
    pushEnd();
    f.op('i32.lt_s');
    f.brIf(next);
    f.end();
  };
  if (trips === 1) iteration();
  else if (interval && trips > interval.iterations) {
    const stop = f.local('i32');
    const next = f.loop();
    f.get(counter);
    f.i32(interval.iterations * step);
    f.op('i32.add');
    f.tee(stop);
    f.i32(end);
    f.get(stop);
    f.i32(end);
    f.op('i32.lt_s');
    f.op('select');
    f.set(stop);
    loopTo(() => f.get(stop));
    interval.action();
    f.get(counter);
    f.i32(end);
    f.op('i32.lt_s');
    f.brIf(next);
    f.end();
    return;
  } else loopTo(() => f.i32(end));
  interval?.action();
}

function emitOpenLoop(c: Context, counter: number, end: number, step: number, iteration: () => void): void {
  const { f } = c;
  const pushCondition = () => {
    f.get(counter);
    if (step > 1) {
      f.i32(step - 1);
      f.op('i32.add');
    }
    f.get(end);
    f.op('i32.lt_s');
  };
  pushCondition();
  f.if_();
  const next = f.loop();
  iteration();
  pushCondition();
  f.brIf(next);
  f.end();
  f.end();
}

/** Moves the counter and the pointers of the range that is being written. */
function advance(c: Context, counter: number, step: number): void {
  const { f } = c;
  const add = (local: number, amount: number) => {
    f.get(local);
    f.i32(amount);
    f.op('i32.add');
    f.set(local);
  };
  add(counter, step);
  // The scope of the range lies just below that of the variant.
  for (const { local, stride } of c.scopes[c.scopes.length - 2].pointers.values()) add(local, stride * step);
}

/** A pointer for every access whose address moves evenly with the loop. */
function createPointers(c: Context, variable: VarExpr, phases: readonly Phase[], variant: Variant): void {
  const { pointers } = c.scopes[c.scopes.length - 1];
  const create = (buffer: number, index: Expr) => {
    const key = pointerKey(buffer, index);
    const stride = strideOf(index, variable);
    if (!stride || pointers.has(key)) return;
    if (variant.lane && strideOf(index, variant.lane) === undefined) return;
    const { bytes } = DTYPES[c.kernel.buffers[buffer].dtype];
    const { f } = c;
    const local = f.local('i32');
    // Values of the first point are not kept: they change with the loop.
    pushScope(c);
    f.get(c.bases.get(buffer)!);
    c.pushScalar(c, index, 0);
    f.i32(bytes);
    f.op('i32.mul');
    f.op('i32.add');
    f.set(local);
    popScope(c);
    pointers.set(key, { local, stride: stride * bytes });
  };
  for (const phase of phases) {
    visitExprs(phaseRoots(phase), (e) => {
      if (e.kind === 'load') create(e.buffer, e.index);
    });
    for (const store of phase.stores) create(store.buffer, store.index);
  }
}

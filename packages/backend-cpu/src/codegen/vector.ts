/** The vector world: any expression as one `v128`. */
import { DTYPES, type Expr } from '@neurite/tensor';
import { pushLoad } from './access.js';
import { type Context, isInt, knownValue, remember, varies, vectorKey } from './context.js';
import { roundToHalf } from './convert.js';
import { BY_LANE, needsRounding, pushOperation } from './operations.js';

/** Trees that are evaluated without a local are at most this deep, which bounds recursion here and the stack there. */
const MAX_DEPTH = 24;

/**
 * Evaluates into locals what several users under `e` share, children before parents, so that pushing a graph of any
 * depth needs little recursion.
 */
export function prepare(c: Context, e: Expr, copy: number): void {
  const depth = new Map<Expr, number>();
  const stack = [e];
  while (stack.length) {
    const top = stack[stack.length - 1];
    const children = depth.has(top) || isKnown(c, top, copy) ? [] : vectorChildren(top);
    const pending = children.filter((child) => !depth.has(child));
    if (pending.length) {
      stack.push(...pending);
      continue;
    }
    stack.pop();
    if (depth.has(top)) continue;
    const deepest = children.reduce((most, child) => Math.max(most, depth.get(child)!), 0);
    if (isShared(c, top, deepest) && !isKnown(c, top, copy)) {
      keepVector(c, top, copy);
      depth.set(top, 0);
    } else depth.set(top, children.length ? deepest + 1 : 0);
  }
}

/** Evaluates `e` now, into a local that later uses in this scope will find. */
export function keepVector(c: Context, e: Expr, copy: number): void {
  if (isKnown(c, e, copy)) return;
  pushVector(c, e, copy);
  if (isKnown(c, e, copy)) {
    c.f.op('drop');
    return;
  }
  const local = c.f.local('v128');
  c.f.set(local);
  remember(c, vectorKey(c, e, copy), local);
}

/** Sub-expressions that are evaluated in the vector world. */
export function vectorChildren(e: Expr): readonly Expr[] {
  if (e.kind !== 'op' || (isInt(e.dtype) && BY_LANE.has(e.op))) return [];
  return e.args;
}

function isKnown(c: Context, e: Expr, copy: number): boolean {
  return knownValue(c, vectorKey(c, e, copy)) !== undefined;
}

function isShared(c: Context, e: Expr, depth: number): boolean {
  if (e.kind === 'const' || e.kind === 'acc') return false;
  if (depth >= MAX_DEPTH || (c.uses.get(e) ?? 1) > 1) return true;
  return c.copies > 1 && !varies(c, e);
}

/** Pushes the lanes of `e` for one copy of the vector. */
export function pushVector(c: Context, e: Expr, copy: number): void {
  const { f } = c;
  if (e.kind === 'const') {
    pushConstant(c, e.value, e.dtype);
    return;
  }
  if (e.kind === 'acc') {
    const locals = c.accs.get(e.acc)!;
    f.get(locals[Math.min(copy, locals.length - 1)]);
    // Sums of float16 are kept in float32 until they are used.
    if (e.dtype === 'float16') roundToHalf(c);
    return;
  }
  const key = vectorKey(c, e, copy);
  const known = knownValue(c, key);
  if (known !== undefined) {
    f.get(known);
    return;
  }
  if (e.kind === 'var') {
    f.get(c.variables.get(e)!);
    f.op('i32x4.splat');
    if (e === c.lane && c.lanes > 1) {
      const first = copy * c.lanes;
      f.i32x4(first, first + 1, first + 2, first + 3);
      f.op('i32x4.add');
    }
  } else if (e.kind === 'scalar') pushRuntimeScalar(c, e.slot, e.dtype);
  else if (e.kind === 'load') pushLoad(c, e, copy);
  else {
    pushOperation(c, e, copy);
    if (needsRounding(e)) roundToHalf(c);
  }
  if (isShared(c, e, 0)) {
    const local = f.local('v128');
    f.tee(local);
    remember(c, key, local);
  }
}

/** Pushes lanes that will be rounded to the dtype of `e` by whoever takes them, as a store does. */
export function pushUnrounded(c: Context, e: Expr, copy: number): void {
  if (e.kind === 'op' && !isShared(c, e, 0) && !isKnown(c, e, copy)) pushOperation(c, e, copy);
  else pushVector(c, e, copy);
}

/** Pushes a literal in all lanes. */
export function pushConstant(c: Context, value: number, dtype: Expr['dtype']): void {
  if (dtype === 'float64') c.f.f64x2(value);
  else if (DTYPES[dtype].float) c.f.f32x4(value);
  else c.f.i32x4(dtype === 'bool' ? -Number(value !== 0) : value);
}

function pushRuntimeScalar(c: Context, slot: number, dtype: Expr['dtype']): void {
  const { f } = c;
  const offset = c.layout.scalar(slot);
  f.get(c.args);
  f.memory(dtype === 'float64' ? 'v128.load64_splat' : 'v128.load32_splat', offset);
  if (dtype !== 'bool') return;
  f.i32x4(0);
  f.op('i32x4.ne');
}

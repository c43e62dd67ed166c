/** Angles as multiples of π/2 and what is left of them. */
import { type Expr, isFloat } from '@neurite/tensor';
import type { Lanes, Value } from './lanes.js';

/** Up to here the fast reduction is exact enough. */
export const MAX_ANGLE = 1.6e6;

/** x = q·π/2 + r + tail; the low bits of the integer lanes `q` tell the quadrant. */
export interface Reduction {
  readonly r: Value;
  readonly tail: Value | null;
  readonly q: Value;
}

/** Replaces the lanes of r, tail and q whose x is finite and beyond the reach of the fast reduction. */
export type Repair = (v: Lanes, x: Value, reduced: Reduction) => Reduction;

/** An upper bound for |e|. */
function largest(e: Expr): number {
  if (e.kind === 'const') return Math.abs(e.value);
  if (e.kind !== 'op' || e.dtype === 'float16') return Number.POSITIVE_INFINITY;
  if (e.op === 'mul') return largest(e.args[0]) * largest(e.args[1]);
  return e.op === 'cast' && !isFloat(e.args[0].dtype) ? 2 ** 32 : Number.POSITIVE_INFINITY;
}

/** Whether an expression is known to stay far within `MAX_ANGLE`, as the angles of random numbers do. */
export const isSmallAngle = (e: Expr): boolean => largest(e) < MAX_ANGLE / 2;

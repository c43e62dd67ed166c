/** What kernels of one text have in common: a short key. */
import type { Expr, Kernel } from './ir.js';

const isExpr = (value: unknown): value is Expr =>
  typeof value === 'object' && value !== null && 'kind' in value;

/** Infinite numbers, NaN and −0 in a way that JSON can say. */
const spelled = (value: unknown): unknown =>
  typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0))
    ? value === 0
      ? '-0'
      : String(value)
    : value;

/** A key that two kernels share only if they are the same. An expression that occurs again is a number, by its first occurrence. */
export function kernelKey(kernel: Kernel): string {
  const seen = new Map<Expr, number>();
  return JSON.stringify(kernel, (_, value: unknown) => {
    if (!isExpr(value)) return spelled(value);
    const before = seen.get(value);
    if (before !== undefined) return before;
    seen.set(value, seen.size);
    // Ids differ from plan to plan.
    const { id: _id, ...rest } = value;
    return Object.values(rest);
  });
}

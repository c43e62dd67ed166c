/** Phases in other terms. */
import type { Expr, Phase } from '@neurite/tensor';

/** A phase with all its expressions replaced. */
export function mapPhase(phase: Phase, map: (e: Expr) => Expr): Phase {
  return {
    ...phase,
    reductions: phase.reductions.map((r) => ({ ...r, value: map(r.value) })),
    stores: phase.stores.map((s) => ({
      ...s,
      index: map(s.index),
      value: map(s.value),
      guard: s.guard && map(s.guard),
    })),
  };
}

/** Which nests take another shape before their code is written: in stages, or with repeated values kept. */
import { type Kernel, type Loop, type Nest, type Phase, visitExprs } from '@neurite/tensor';
import { strideOf, type WorkingBuffer } from './context.js';
import { phaseWork, pointsOf, vectorCost } from './cost.js';
import { planUnits } from './units.js';

export interface ColumnLimits {
  readonly minRows: number;
  readonly minColumns: number;
}

export const COLUMN_LIMITS: ColumnLimits = { minRows: 128, minColumns: 64 };

/** When a nest is cut. */
export interface SplitLimits {
  /** Fewer units cannot be shared out well among many threads. */
  readonly minUnits: number;
  /** Instructions of a phase that make it worth a stage of its own. */
  readonly stageWork: number;
  /** Instructions that a piece of a reduction should have at least. */
  readonly pieceWork: number;
  readonly columns: ColumnLimits;
  /** Instructions that a slice of a nest should have at least where several nests share a part. */
  readonly sliceWork: number;
}

export const SPLIT_LIMITS: SplitLimits = {
  minUnits: 16,
  stageWork: 1 << 17,
  pieceWork: 1 << 13,
  columns: COLUMN_LIMITS,
  sliceWork: 1 << 12,
};

/** A nest in stages, over a kernel with the shared memory as its last buffers. */
export interface Stages {
  readonly kernel: Kernel;
  readonly nests: readonly Nest[];
  /** Where the buffers after the kernel's own lie. */
  readonly working: readonly WorkingBuffer[];
  /** End of their shared memory. */
  readonly sharedBytes: number;
}

/** Partial sums of this many columns stay in the nearest cache. */
const MAX_COLUMNS = 4096;
/** Dearer values are not limited by memory. */
const MAX_COST = 12;
/** Whether a phase sums rows whose columns are the points of `lane`. */
function sumsColumns(phase: Phase, lane: Loop, limits: ColumnLimits): boolean {
  const values = phase.reductions.map((r) => r.value);
  if (phase.ordered || phase.stores.length > 0 || values.length === 0) return false;
  if (phase.reductions.some((r) => r.op !== 'sum')) return false;
  if (lane.size < limits.minColumns || lane.size > MAX_COLUMNS) return false;
  if (pointsOf(phase.loops) < limits.minRows || vectorCost(values) > MAX_COST) return false;
  let neighbours = false;
  let even = true;
  visitExprs(values, (e) => {
    if (e.kind !== 'load') return;
    const stride = strideOf(e.index, lane.variable);
    neighbours ||= stride === 1;
    even &&= stride === 1 || stride === 0;
  });
  return neighbours && even;
}

/** Which phases of a nest are worth a stage of their own; `original` is the phase before results of earlier stages were put in. */
export function stageRules(kernel: Kernel, nest: Nest, width: number, limits: SplitLimits) {
  const { units, lane } = planUnits(kernel, nest, width);
  const few = units < limits.minUnits;
  const points = pointsOf(nest.outer);
  const byRows = (phase: Phase) => lane !== null && sumsColumns(phase, lane, limits.columns);
  const isStage = (phase: Phase, original: Phase): boolean =>
    !phase.ordered &&
    phase.loops.length > 0 &&
    phase.stores.every((s) => s.mode === 'set') &&
    points * phaseWork(kernel, original, width) >= limits.stageWork &&
    (few || byRows(phase));
  return { lane, byRows, isStage };
}

/** Fewer points are not worth the trouble of keeping values. */
const MIN_POINTS = 16;

/** The phases of a nest among which values may repeat. */
export const phasesThatMayRepeat = (nest: Nest): Phase[] =>
  nest.phases.filter((p) => p.loops.length > 0 && !p.ordered && pointsOf(p.loops) >= MIN_POINTS);

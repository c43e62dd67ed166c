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

/** Pieces of a reduction, at most: enough for many threads, few enough to be combined quickly. Long rows may make more. */
const PIECES = 64;
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

/** Rows of a piece where rows are added up, about, and at least. */
const PIECE_ROWS = 64;
const MIN_PIECE_ROWS = 16;
/** Partial sums may be at most so many as there are numbers to read, divided by this. */
const MIN_READ_PER_PARTIAL = 4;

/** Into how many pieces rows are cut, given how many would suit their work. */
const piecesOfRows = (phase: Phase, suited: number): number => {
  const rows = pointsOf(phase.loops);
  return Math.max(Math.min(suited, Math.floor(rows / MIN_PIECE_ROWS)), Math.ceil(rows / PIECE_ROWS));
};

/** How many numbers there are in the kernel's buffers that a phase reads. */
function sizeRead(kernel: Kernel, phase: Phase): number {
  const buffers = new Set<number>();
  visitExprs(
    phase.reductions.map((r) => r.value),
    (e) => {
      if (e.kind === 'load') buffers.add(e.buffer);
    },
  );
  return [...buffers].reduce((sum, buffer) => sum + (kernel.buffers[buffer]?.size ?? 0), 0);
}

/** Which phases of a nest are worth a stage of their own; `original` is the phase before results of earlier stages were put in. */
export function stageRules(kernel: Kernel, nest: Nest, width: number, limits: SplitLimits) {
  const { units, lane } = planUnits(kernel, nest, width);
  const few = units < limits.minUnits;
  const points = pointsOf(nest.outer);
  /** How many pieces a reduction is cut into. */
  const pieces = (phase: Phase, original: Phase): number => {
    const suited = Math.min(
      PIECES,
      Math.ceil((points * phaseWork(kernel, original, width)) / limits.pieceWork),
    );
    return byRows(phase) ? piecesOfRows(phase, suited) : suited;
  };
  // A matrix product's loops look alike, but would leave far more partial sums than it has numbers to read.
  const byRows = (phase: Phase): boolean =>
    lane !== null &&
    sumsColumns(phase, lane, limits.columns) &&
    points * piecesOfRows(phase, PIECES) * MIN_READ_PER_PARTIAL <= sizeRead(kernel, phase);
  const isStage = (phase: Phase, original: Phase): boolean =>
    !phase.ordered &&
    phase.loops.length > 0 &&
    phase.stores.every((s) => s.mode === 'set') &&
    points * phaseWork(kernel, original, width) >= limits.stageWork &&
    (few || byRows(phase));
  return { lane, byRows, isStage, pieces };
}

/** Fewer points are not worth the trouble of keeping values. */
const MIN_POINTS = 16;

/** The phases of a nest among which values may repeat. */
export const phasesThatMayRepeat = (nest: Nest): Phase[] =>
  nest.phases.filter((p) => p.loops.length > 0 && !p.ordered && pointsOf(p.loops) >= MIN_POINTS);

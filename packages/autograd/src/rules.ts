import { AutogradError, type PrimitiveOp } from '@neurite/tensor';
import { contraction } from './rules/contraction.js';
import { elementwise } from './rules/elementwise.js';
import { indexing } from './rules/indexing.js';
import { movement } from './rules/movement.js';
import { reduction } from './rules/reduce.js';
import type { DifferentiableOp, Rules } from './rules/rule.js';

/** The gradient of every primitive op that has one. A new op without a row here does not compile. */
export const RULES: Rules<DifferentiableOp> = {
  ...elementwise,
  ...movement,
  ...reduction,
  ...contraction,
  ...indexing,
  data: [],
  custom:
    () =>
    (_g, _inputs, _output, { name }) => {
      throw new AutogradError(
        `${name}: a custom op has no gradient of its own; give it one with customFunction({forward, backward})`,
      );
    },
};

/** Ops whose gradient needs no value of the forward pass, so that a second backward may go through them. */
export const SAVES_NOTHING: ReadonlySet<PrimitiveOp> = new Set([
  'data',
  'neg',
  'sign',
  'floor',
  'ceil',
  'round',
  'trunc',
  'add',
  'sub',
  'cast',
  'reshape',
  'permute',
  'expand',
  'slice',
  'pad',
  'concat',
  'sum',
  'cumsum',
] satisfies DifferentiableOp[]);

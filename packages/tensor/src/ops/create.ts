/** Nodes without inputs. */
import { type DType, isFloat } from '../dtype.js';
import { NO_ATTRS, type Node, record } from '../graph/node.js';
import { roundTo } from '../kernel/exact.js';

/** The number that a tensor of the dtype stores for `value`: 2 is true, 2.5 is the integer 2. */
export const storedValue = (value: number, dtype: DType): number =>
  isFloat(dtype) ? value : roundTo(dtype)(value);

/** Every element is `value`; part of the plan's structure. */
export const full = (shape: readonly number[], value: number, dtype: DType): Node =>
  record('full', [], { value: storedValue(value, dtype) }, shape, dtype);

/** A rank-0 runtime argument of the plan: another value compiles nothing. */
export const scalar = (value: number, dtype: DType): Node =>
  record('scalar', [], NO_ATTRS, [], dtype, storedValue(value, dtype));

/** 0, 1, 2, … along `dim`. */
export const iota = (shape: readonly number[], dim: number, dtype: DType): Node =>
  record('iota', [], { dim }, shape, dtype);

/** Numbers that are rather part of a formula than data; they are constants of the plan. */
const STRUCTURAL: ReadonlySet<number> = new Set([0, 1, -1, 2, 0.5]);

/** A user's number as an operand of rank 0. */
export function numberOperand(value: number, dtype: DType): Node {
  return STRUCTURAL.has(value) ? full([], value, dtype) : scalar(value, dtype);
}

/** dtype of an op on a tensor and a number: a fraction makes integers float32, an integer makes bool int32. */
export function promoteNumber(dtype: DType, value: number): DType {
  if (isFloat(dtype)) return dtype;
  if (!Number.isInteger(value)) return 'float32';
  return dtype === 'bool' ? 'int32' : dtype;
}

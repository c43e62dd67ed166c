/**
 * The values that random graphs are made of. Beside each tensor stands what is known of its elements: how large they
 * are, and how far two correct evaluations may be apart. Both are carried through every op, so that comparisons need no
 * tolerance that somebody guessed.
 */
import { type DType, isFloat } from '../dtype.js';
import { tensor } from '../functions/create.js';
import type { Tensor } from '../tensor.js';
import { values as valuesOf } from './case.js';

/** Draws an integer of 0 … count − 1. All that makes one graph differ from another comes from here. */
export type Draw = (count: number) => number;

export interface GraphValue {
  readonly name: string;
  readonly tensor: Tensor;
  /** No element is larger in absolute value. */
  readonly most: number;
  /** Two evaluations may differ by this much; 0: not at all. */
  readonly error: number;
  /** Every element is an integer. */
  readonly whole: boolean;
}

/** Half a unit in the last place of 1, and up to which number every integer is exact. */
const PRECISION: Readonly<Partial<Record<DType, { half: number; whole: number }>>> = {
  float16: { half: 2 ** -11, whole: 2 ** 11 },
  float32: { half: 2 ** -24, whole: 2 ** 24 },
  float64: { half: 2 ** -53, whole: 2 ** 53 },
};

export const unitOf = (dtype: DType): number => PRECISION[dtype]?.half ?? 0;

export interface GraphPool {
  readonly draw: Draw;
  /** What tensors may be of. */
  readonly dtypes: readonly DType[];
  readonly values: GraphValue[];
  readonly lines: string[];
  /** Adds a value that an op made; `error` without the rounding of the result. Nothing where it could overflow. */
  add(text: string, made: Tensor, most: number, error?: number, whole?: boolean): GraphValue | undefined;
  /** A new tensor of host data. */
  leaf(dtype: DType, shape: readonly number[]): GraphValue;
  /** Some value that fits, or nothing. */
  pick(fits: (v: GraphValue) => boolean): GraphValue | undefined;
}

/** Values of floats beyond this are not computed with any further. */
const TOO_LARGE: Readonly<Partial<Record<DType, number>>> = { float16: 100, float32: 1e5, float64: 1e5 };
const TOO_VAGUE = 1e-2;

/** Whether ops may still use a value: what is large or vague makes comparisons say nothing. */
const isUsable = ({ tensor: { dtype }, most, error }: GraphValue): boolean =>
  !isFloat(dtype) || (most <= TOO_LARGE[dtype]! && error <= TOO_VAGUE * Math.max(1, most));

export function createPool(draw: Draw, dtypes: readonly DType[]): GraphPool {
  const values: GraphValue[] = [];
  const lines: string[] = [];

  function add(text: string, made: Tensor, most: number, error = 0, whole = false): GraphValue | undefined {
    const { dtype } = made;
    let value = { tensor: made, most, error, whole };
    if (isFloat(dtype)) {
      const { half, whole: limit } = PRECISION[dtype]!;
      const exact = whole && error === 0 && most <= limit;
      // Two evaluations round differently, and a backend may be a few units off in a function like exp.
      if (!exact) value = { ...value, whole: false, error: error + 16 * half * most };
      if (dtype === 'float16' && most > 3e4) return undefined;
    } else value = { ...value, most: Math.min(most, 2 ** 32), error: 0, whole: true };
    const named = { ...value, name: `v${values.length}` };
    lines.push(`${named.name} = ${text}: ${dtype}[${made.shape}]`);
    values.push(named);
    return named;
  }

  function leaf(dtype: DType, shape: readonly number[]): GraphValue {
    const whole = !isFloat(dtype) || draw(2) === 0;
    const size = shape.reduce((p, s) => p * s, 1);
    const seed = draw(1000);
    const raw = valuesOf(dtype, size, seed).map((x) => (isFloat(dtype) && whole ? Math.round(x) : x));
    // Values of one sign make a reduction that starts at 0, not at its identity, visible.
    const data = draw(4) === 0 && dtype !== 'bool' ? raw.map((x) => -Math.abs(x)) : raw;
    const made: Tensor = tensor(data, { dtype, shape });
    const most = isFloat(dtype) ? 4 : dtype === 'bool' ? 1 : dtype.startsWith('u') ? 2 ** 32 : 100;
    const value = { name: `v${values.length}`, tensor: made, most, error: 0, whole };
    lines.push(
      `${value.name} = values('${dtype}', seed ${seed}${whole ? ', whole' : ''}): ${dtype}[${shape}]`,
    );
    values.push(value);
    return value;
  }

  function pick(fits: (v: GraphValue) => boolean): GraphValue | undefined {
    const found = values.filter((v) => isUsable(v) && fits(v));
    if (found.length === 0) return undefined;
    // New values are taken more often: graphs grow deep, and old ones are shared.
    const back = Math.min(draw(found.length), draw(found.length));
    return found[found.length - 1 - back];
  }

  return { draw, dtypes, values, lines, add, leaf, pick };
}

export const isAny = (): boolean => true;
export const isFloatValue = (v: GraphValue): boolean => isFloat(v.tensor.dtype);
/** A number in the sense of arithmetic: no bool. */
export const isNumber = (v: GraphValue): boolean => v.tensor.dtype !== 'bool';
export const isBool = (v: GraphValue): boolean => v.tensor.dtype === 'bool';
export const isInt = (v: GraphValue): boolean => v.tensor.dtype === 'int32';
/** The same bits on every backend: such values may be compared, sorted and truncated. */
export const isExact = (v: GraphValue): boolean => v.error === 0;

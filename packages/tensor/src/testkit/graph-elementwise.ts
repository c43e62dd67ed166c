/** Elementwise steps of random graphs: unary, binary with broadcasting, comparisons, selection and casts. */
import { type DType, isFloat } from '../dtype.js';
import type { Tensor } from '../tensor.js';
import {
  type GraphPool,
  type GraphValue,
  isAny,
  isBool,
  isExact,
  isFloatValue,
  isInt,
  isNumber,
  unitOf,
} from './graph-values.js';

/** Adds a value to the pool, or finds nothing to work on. */
export type GraphStep = (p: GraphPool) => GraphValue | undefined;

/** A function of floats: its value, its largest result and its steepest slope, given the largest argument. */
type Curve = readonly [
  name: string,
  f: (x: Tensor) => Tensor,
  most: (m: number) => number,
  slope: (m: number) => number,
];

const CURVES: readonly Curve[] = [
  ['tanh', (x) => x.tanh(), () => 1, () => 1],
  ['sigmoid', (x) => x.sigmoid(), () => 1, () => 1],
  ['sin', (x) => x.sin(), () => 1, () => 1],
  ['cos', (x) => x.cos(), () => 1, () => 1],
  ['atan', (x) => x.atan(), () => 2, () => 1],
  ['erf', (x) => x.erf(), () => 1, () => 2],
  ['exp of clamp', (x) => x.clamp(-3, 3).exp(), () => 21, () => 21],
  ['expm1 of clamp', (x) => x.clamp(-3, 2).expm1(), () => 8, () => 8],
  ['log of abs + 1', (x) => x.abs().add(1).log(), (m) => 1 + Math.log1p(m), () => 1],
  ['log1p of abs', (x) => x.abs().log1p(), (m) => Math.log1p(m), () => 1],
  ['sqrt of abs + 1', (x) => x.abs().add(1).sqrt(), (m) => 1 + m, () => 1],
  ['rsqrt of abs + 1', (x) => x.abs().add(1).rsqrt(), () => 1, () => 1],
  ['reciprocal of abs + 1', (x) => x.abs().add(1).reciprocal(), () => 1, () => 1],
];

export const curve: GraphStep = (p) => {
  const x = p.pick(isFloatValue);
  if (!x) return undefined;
  const [name, f, most, slope] = CURVES[p.draw(CURVES.length)];
  // Inside, the argument was rounded once more.
  const error = slope(x.most) * (x.error + 16 * unitOf(x.tensor.dtype) * (x.most + 1));
  return p.add(`${name}(${x.name})`, f(x.tensor), most(x.most), error);
};

const SIMPLE: readonly (readonly [string, (x: Tensor) => Tensor])[] = [
  ['neg', (x) => x.neg()],
  ['abs', (x) => x.abs()],
  ['relu', (x) => x.relu()],
  ['clamp(-2, 3)', (x) => x.clamp(-2, 3)],
];
const STEPPED: readonly (readonly [string, (x: Tensor) => Tensor])[] = [
  ['sign', (x) => x.sign()],
  ['floor', (x) => x.floor()],
  ['ceil', (x) => x.ceil()],
  ['round', (x) => x.round()],
  ['trunc', (x) => x.trunc()],
  ['remainder 3', (x) => x.remainder(3)],
  ['fmod 3', (x) => x.fmod(3)],
];

export const unary: GraphStep = (p) => {
  const x = p.pick(isNumber);
  if (!x) return undefined;
  const [name, f] = SIMPLE[p.draw(SIMPLE.length)];
  // The lowest number of an unsigned type has no negative.
  const most = isFloat(x.tensor.dtype) ? Math.max(x.most, 3) : 2 ** 32;
  return p.add(`${name}(${x.name})`, f(x.tensor), most, x.error, x.whole);
};

export const stepped: GraphStep = (p) => {
  const x = p.pick((v) => isNumber(v) && isExact(v) && (v.whole || v.tensor.dtype === 'float64'));
  if (!x) return undefined;
  const [name, f] = STEPPED[p.draw(STEPPED.length)];
  return p.add(`${name}(${x.name})`, f(x.tensor), Math.max(x.most, 3) + 1, 0, x.whole);
};

/** Whether two shapes broadcast. */
export const suits = (a: readonly number[], b: readonly number[]): boolean => {
  for (let i = 1; i <= Math.min(a.length, b.length); i++) {
    const [s, t] = [a[a.length - i], b[b.length - i]];
    if (s !== t && s !== 1 && t !== 1) return false;
  }
  return true;
};

/** Elements of the two together: graphs stay small. */
const broadcastSize = (a: readonly number[], b: readonly number[]): number => {
  let size = 1;
  for (let i = 1; i <= Math.max(a.length, b.length); i++) {
    const [s, t] = [a[a.length - i] ?? 1, b[b.length - i] ?? 1];
    size *= s === 1 ? t : s;
  }
  return size;
};

/** A value that broadcasts with x: one there is, or a new one with some of x's dimensions. */
function partner(p: GraphPool, x: GraphValue, fits: (v: GraphValue) => boolean): GraphValue {
  const { shape, dtype } = x.tensor;
  const known =
    p.draw(4) > 0 &&
    p.pick((v) => fits(v) && suits(v.tensor.shape, shape) && broadcastSize(v.tensor.shape, shape) <= 600);
  if (known) return known;
  const kept = shape.slice(p.draw(shape.length + 1)).map((s) => (p.draw(3) === 0 ? 1 : s));
  return p.leaf(dtype, kept);
}

export const binary: GraphStep = (p) => {
  const x = p.pick(isNumber);
  if (!x) return undefined;
  const { dtype } = x.tensor;
  const y = partner(p, x, (v) => v.tensor.dtype === dtype);
  const [a, b] = p.draw(2) ? [x, y] : [y, x];
  const text = (name: string) => `${name}(${a.name}, ${b.name})`;
  const errors = a.error + b.error;
  const whole = a.whole && b.whole;
  switch (p.draw(6)) {
    case 0:
      return p.add(text('add'), a.tensor.add(b.tensor), a.most + b.most, errors, whole);
    case 1:
      return p.add(text('sub'), a.tensor.sub(b.tensor), a.most + b.most, errors, whole);
    case 2:
      return p.add(
        text('mul'),
        a.tensor.mul(b.tensor),
        a.most * b.most,
        a.error * b.most + b.error * a.most,
        whole,
      );
    case 3:
      return p.add(text('maximum'), a.tensor.maximum(b.tensor), Math.max(a.most, b.most), errors, whole);
    case 4:
      return p.add(text('minimum'), a.tensor.minimum(b.tensor), Math.max(a.most, b.most), errors, whole);
    default: {
      if (!isFloat(dtype)) return p.add(text('floorDivide'), a.tensor.floorDivide(b.tensor), 2 ** 32);
      // Divisors of 1 and more.
      const error = a.error + a.most * (b.error + 16 * unitOf(dtype) * (b.most + 1));
      return p.add(text('div by abs + 1'), a.tensor.div(b.tensor.abs().add(1)), a.most, error);
    }
  }
};

/** Arithmetic with a number of the program. */
export const withNumber: GraphStep = (p) => {
  const x = p.pick(isNumber);
  if (!x) return undefined;
  const numbers = isFloat(x.tensor.dtype) && !x.whole ? [0.5, -1.25, 0.1] : [0, 1, -1, 2, 3, -7];
  const n = numbers[p.draw(numbers.length)];
  if (x.tensor.dtype.startsWith('u') && n < 0) return undefined;
  const size = Math.abs(n);
  // 0.1 is rounded to the dtype.
  return p.draw(2)
    ? p.add(`${x.name} + ${n}`, x.tensor.add(n), x.most + size, x.error, x.whole)
    : p.add(
        `${x.name} * ${n}`,
        x.tensor.mul(n),
        x.most * size,
        x.error * size + x.most * size * unitOf(x.tensor.dtype),
        x.whole,
      );
};

export const compare: GraphStep = (p) => {
  const x = p.pick(isExact);
  if (!x) return undefined;
  const y = partner(p, x, (v) => v.tensor.dtype === x.tensor.dtype && isExact(v));
  const name = (['eq', 'ne', 'lt', 'le', 'gt', 'ge'] as const)[p.draw(6)];
  return p.add(`${name}(${x.name}, ${y.name})`, x.tensor[name](y.tensor), 1);
};

export const logical: GraphStep = (p) => {
  const x = p.pick(isBool);
  if (!x) return undefined;
  if (p.draw(4) === 0) return p.add(`logicalNot(${x.name})`, x.tensor.logicalNot(), 1);
  const y = partner(p, x, isBool);
  const name = (['logicalAnd', 'logicalOr', 'logicalXor'] as const)[p.draw(3)];
  return p.add(`${name}(${x.name}, ${y.name})`, x.tensor[name](y.tensor), 1);
};

export const bitwise: GraphStep = (p) => {
  const x = p.pick(isInt);
  if (!x) return undefined;
  const y = partner(p, x, isInt);
  const name = (['bitwiseAnd', 'bitwiseOr', 'bitwiseXor'] as const)[p.draw(3)];
  return p.add(`${name}(${x.name}, ${y.name})`, x.tensor[name](y.tensor), 2 ** 32);
};

export const where: GraphStep = (p) => {
  const x = p.pick(isAny);
  if (!x) return undefined;
  const y = partner(p, x, (v) => v.tensor.dtype === x.tensor.dtype);
  const size = broadcastSize(x.tensor.shape, y.tensor.shape);
  const shape = x.tensor.shape.length >= y.tensor.shape.length ? x : y;
  const known = p.pick(
    (v) =>
      isBool(v) &&
      suits(v.tensor.shape, x.tensor.shape) &&
      suits(v.tensor.shape, y.tensor.shape) &&
      broadcastSize(v.tensor.shape, shape.tensor.shape) <= size,
  );
  const c = known ?? p.leaf('bool', shape.tensor.shape);
  const made = (x.tensor as Tensor).where(c.tensor as Tensor<readonly number[], 'bool'>, y.tensor);
  return p.add(
    `where(${c.name}, ${x.name}, ${y.name})`,
    made,
    Math.max(x.most, y.most),
    x.error + y.error,
    x.whole && y.whole,
  );
};

const TARGETS: readonly DType[] = [
  'float32',
  'float32',
  'float64',
  'int32',
  'bool',
  'uint8',
  'int8',
  'float16',
];

export const convert: GraphStep = (p) => {
  const x = p.pick(isAny);
  if (!x) return undefined;
  const to = TARGETS[p.draw(TARGETS.length)];
  const from = x.tensor.dtype;
  if (to === from || !p.dtypes.includes(to)) return undefined;
  if (isFloat(to)) {
    // Integers of any size become small first.
    const small = isFloat(from) || from === 'bool' ? x.tensor : x.tensor.remainder(17);
    return p.add(`${x.name} to ${to}`, small.to(to), isFloat(from) ? x.most : 17, x.error, x.whole);
  }
  if (!isExact(x)) return undefined;
  return p.add(`${x.name} to ${to}`, x.tensor.to(to), to === 'bool' ? 1 : 2 ** 32);
};

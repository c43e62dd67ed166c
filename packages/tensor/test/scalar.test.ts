import { describe, expect, it } from 'vitest';
import { DTYPE_NAMES, type DType } from '../src/dtype.js';
import { DTypeError } from '../src/errors.js';
import { erf } from '../src/kernel/erf.js';
import type { ScalarOp } from '../src/kernel/ir.js';
import { evaluateScalar, scalarOpTakes } from '../src/kernel/scalar.js';

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

describe('erf', () => {
  // mpmath, 200 bits.
  it.each([
    [1e-300, 1.1283791670955126e-300],
    [1e-10, 1.1283791670955126e-10],
    [0.1, 0.1124629160182849],
    [0.5, 0.5204998778130465],
    [0.84, 0.7651427114549945],
    [0.8437, 0.7671979750524579],
    [0.85, 0.7706680576083526],
    [1, 0.8427007929497149],
    [1.2, 0.9103139782296353],
    [1.25, 0.9229001282564583],
    [1.3, 0.9340079449406524],
    [2, 0.9953222650189527],
    [2.5, 0.999593047982555],
    [2.857, 0.9999466417399131],
    [2.86, 0.9999475988269556],
    [3, 0.9999779095030014],
    [4, 0.9999999845827421],
    [5, 0.9999999999984626],
    [5.9, 0.9999999999999999],
    [6.5, 1],
  ])('erf(%d)', (x, value) => {
    expect(Math.abs(erf(x) / value - 1)).toBeLessThan(2.3e-16);
    expect(erf(-x)).toBe(-erf(x));
  });

  it('keeps NaN, zeros and infinities', () => {
    expect([erf(nan), erf(-0), erf(0), erf(inf), erf(-inf)]).toEqual([nan, -0, 0, 1, -1]);
  });
});

describe('evaluateScalar', () => {
  it.each<[ScalarOp, DType, number[], number]>([
    ['add', 'float32', [0.1, 0.2], Math.fround(0.3)],
    ['add', 'float64', [0.1, 0.2], 0.1 + 0.2],
    ['add', 'float16', [2048, 1], 2048],
    ['add', 'float16', [65504, 65504], inf],
    ['add', 'int32', [2147483647, 1], -2147483648],
    ['add', 'uint8', [255, 2], 1],
    ['sub', 'uint32', [0, 1], 4294967295],
    ['mul', 'int32', [123456789, 987654321], Math.imul(123456789, 987654321)],
    ['mul', 'uint32', [4294967295, 4294967295], 1],
    ['mul', 'int8', [100, 2], -56],
    ['neg', 'int32', [-2147483648], -2147483648],
    ['neg', 'uint8', [1], 255],
    ['abs', 'int8', [-128], -128],
    ['sign', 'float32', [nan], 0],
    ['sign', 'int32', [-7], -1],
    ['div', 'int32', [-7, 2], -3],
    ['div', 'int32', [5, 0], 0],
    ['div', 'int32', [-2147483648, -1], -2147483648],
    ['div', 'float32', [1, -0], -inf],
    ['rem', 'int32', [-7, 3], -1],
    ['rem', 'float32', [-7.5, 2], -1.5],
    ['rem', 'int32', [1, 0], 0],
    ['mod', 'int32', [-7, 3], 2],
    ['mod', 'int32', [7, -3], -2],
    ['mod', 'float32', [-7.5, 2], 0.5],
    ['mod', 'float32', [-1, inf], inf],
    ['mod', 'float32', [1, 0], nan],
    ['pow', 'float32', [1, nan], 1],
    ['pow', 'float32', [-1, inf], 1],
    ['pow', 'float32', [nan, 0], 1],
    ['pow', 'float32', [-2, 3], -8],
    ['pow', 'float32', [-2, 0.5], nan],
    ['pow', 'float32', [-0, -3], -inf],
    ['pow', 'int32', [3, 5], 243],
    ['pow', 'int32', [3, 40], 689956897],
    ['pow', 'int32', [-1, -3], -1],
    ['pow', 'int32', [2, -1], 0],
    ['max', 'float32', [1, nan], nan],
    ['min', 'float32', [nan, 1], nan],
    ['round', 'float32', [2.5], 2],
    ['round', 'float32', [3.5], 4],
    ['round', 'float32', [-0.5], -0],
    ['round', 'float32', [-1.5], -2],
    ['round', 'float64', [0.49999999999999994], 0],
    ['round', 'float32', [-inf], -inf],
    ['shl', 'int8', [3, 7], -128],
    ['shr', 'int32', [-5, 1], -3],
    ['shr', 'uint32', [4294967295, 28], 15],
    ['not', 'uint8', [1], 254],
    ['not', 'bool', [1], 0],
    ['xor', 'uint32', [4294967295, 1], 4294967294],
    ['where', 'float32', [1, 2, 3], 2],
    ['where', 'float32', [0, 2, 3], 3],
    ['sigmoid', 'float64', [-745], Math.exp(-745)],
    ['tanh', 'float32', [1], Math.fround(Math.tanh(1))],
    ['randomBits', 'uint32', [0, 0, 0, 0], 0x6b200159],
  ])('%s %s %j is %d', (op, dtype, args, value) => {
    expect(evaluateScalar(op, dtype, args, dtype)).toBe(value);
  });

  it.each<[DType, DType, number, number]>([
    ['float32', 'int32', 1e20, 2147483647],
    ['float32', 'int32', -1e20, -2147483648],
    ['float32', 'int32', nan, 0],
    ['float32', 'int32', -1.9, -1],
    ['float32', 'uint8', -3, 0],
    ['float32', 'int8', 200.5, 127],
    ['float32', 'bool', nan, 1],
    ['float32', 'bool', -0, 0],
    ['float32', 'uint32', -0.5, 0],
    ['int32', 'uint8', 257, 1],
    ['int32', 'int8', 200, -56],
    ['uint32', 'int32', 4294967295, -1],
    ['int32', 'float32', 16777217, 16777216],
    ['int32', 'float16', 70000, inf],
    ['bool', 'float32', 1, 1],
    ['float64', 'float32', 0.1, Math.fround(0.1)],
  ])('casts %s to %s: %d to %d', (from, to, x, value) => {
    expect(evaluateScalar('cast', to, [x], from)).toBe(value);
  });

  it('moves bits', () => {
    expect(evaluateScalar('bitcast', 'int32', [-1.5], 'float32')).toBe(0xbfc00000 | 0);
    expect(evaluateScalar('bitcast', 'float32', [0x7f800000], 'uint32')).toBe(inf);
    expect(evaluateScalar('bitcast', 'uint32', [-1], 'int32')).toBe(4294967295);
    expect(evaluateScalar('bitcast', 'int8', [255], 'uint8')).toBe(-1);
    expect(() => evaluateScalar('bitcast', 'int32', [1], 'float64')).toThrow(DTypeError);
  });

  it('compares into bools and keeps NaN unordered', () => {
    const compare = (op: ScalarOp, a: number, b: number) => evaluateScalar(op, 'bool', [a, b], 'float32');
    expect([compare('lt', 1, 2), compare('le', 2, 2), compare('eq', 0, -0), compare('ne', nan, nan)]).toEqual(
      [1, 1, 1, 1],
    );
    expect([compare('lt', nan, 1), compare('le', nan, nan), compare('eq', nan, nan)]).toEqual([0, 0, 0]);
  });

  it('refuses dtypes that an op does not take', () => {
    for (const dtype of DTYPE_NAMES) {
      expect(scalarOpTakes('exp', dtype)).toBe(dtype.startsWith('float'));
    }
    expect(() => evaluateScalar('exp', 'int32', [1], 'int32')).toThrow('exp: does not take int32');
    expect(() => evaluateScalar('add', 'bool', [1, 1], 'bool')).toThrow(DTypeError);
    expect(() => evaluateScalar('randomBits', 'int32', [0, 0, 0, 0], 'int32')).toThrow(DTypeError);
  });
});

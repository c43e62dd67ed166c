/** Activations where they end: at zero, where exponentials overflow or vanish, and at infinity. */
import { cpu } from '@neurite/backend-cpu';
import { functional as F } from '@neurite/nn';
import { type Tensor, tensor, use } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { beforeAll, describe, expect, it } from 'vitest';

const POSITIVE = [
  0, 1e-40, 1e-30, 1e-8, 1e-4, 0.1, 0.5, 1, 2, 4, 6, 8, 10, 17, 20, 21, 30, 50, 87, 88, 89, 100, 104, 1e4,
  1e30,
];
const POINTS = Float32Array.from([...POSITIVE.map((v) => -v).reverse(), ...POSITIVE]);

/** The distance between float32 numbers at a magnitude. */
const ulpOf = (x: number): number => 2 ** (Math.max(Math.floor(Math.log2(Math.abs(x))), -126) - 23);

interface Case {
  readonly fn: (x: Tensor) => Tensor;
  /** In float64. */
  readonly formula: (x: number) => number;
  /** Largest error in units of the last place of the result, or of x where the result is x times what is rounded. */
  readonly ulp: number;
  readonly of: 'result' | 'x';
}

const logistic = (x: number): number => 1 / (1 + Math.exp(-x));
const softplus = (x: number): number => (x > 20 ? x : Math.log1p(Math.exp(x)));

const CASES: Readonly<Record<string, Case>> = {
  sigmoid: { fn: (x) => x.sigmoid(), formula: logistic, ulp: 4, of: 'result' },
  tanh: { fn: (x) => x.tanh(), formula: Math.tanh, ulp: 4, of: 'result' },
  softplus: { fn: (x) => F.softplus(x), formula: softplus, ulp: 4, of: 'result' },
  logsigmoid: {
    fn: (x) => F.logsigmoid(x),
    formula: (x) => Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x))),
    ulp: 4,
    of: 'result',
  },
  elu: { fn: (x) => F.elu(x), formula: (x) => (x > 0 ? x : Math.expm1(x)), ulp: 4, of: 'result' },
  silu: { fn: (x) => F.silu(x), formula: (x) => x * logistic(x), ulp: 4, of: 'x' },
  mish: { fn: (x) => F.mish(x), formula: (x) => x * Math.tanh(softplus(x)), ulp: 4, of: 'x' },
  'gelu by tanh': {
    fn: (x) => F.gelu(x, { approximate: 'tanh' }),
    formula: (x) => x * logistic(Math.sqrt(8 / Math.PI) * (x + 0.044715 * x ** 3)),
    ulp: 4,
    of: 'x',
  },
};

describe.each([
  ['cpu', cpu()],
  ['reference', reference()],
])('on %s', (_, backend) => {
  beforeAll(async () => {
    await use(backend, { log: false });
  });

  it.each(Object.entries(CASES))('%s', async (_name, { fn, formula, ulp, of }) => {
    const got = await fn(tensor(POINTS)).data();
    const wrong = [...POINTS].flatMap((x, i) => {
      const want = formula(x);
      const error = Math.abs(got[i] - want) / ulpOf(of === 'x' ? x : want);
      return error <= ulp ? [] : [`${x}: ${got[i]}, not ${want}`];
    });
    expect(wrong).toEqual([]);
  });

  it('gelu by tanh keeps its relative accuracy where it is small', async () => {
    const x = [-6, -5, -4, -3];
    const got = await F.gelu(tensor(x), { approximate: 'tanh' }).data();
    const { formula } = CASES['gelu by tanh'];
    x.forEach((v, i) => {
      expect(Math.abs(got[i] / formula(v) - 1)).toBeLessThan(1e-5);
    });
  });

  it('infinity goes where the limit is', async () => {
    const limits = async (fn: (x: Tensor) => Tensor) =>
      Array.from(await fn(tensor([-Infinity, Infinity])).data());
    expect(await limits((x) => x.sigmoid())).toEqual([0, 1]);
    expect(await limits((x) => x.tanh())).toEqual([-1, 1]);
    expect(await limits((x) => F.softplus(x))).toEqual([0, Infinity]);
    expect(await limits((x) => F.elu(x))).toEqual([-1, Infinity]);
  });
});

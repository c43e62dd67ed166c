/**
 * The meaning of the named kernels of attention, in plain loops over float64. Loaded where a named kernel is checked, or where the
 * reference backend is asked to take some.
 */
import { fromHalfBits, type TypedArray, toHalfBits } from '../dtype.js';
import type { Kernel, View } from '../kernel/ir.js';
import type { AttentionParams } from '../ops/attention.js';
import type { RunKernel } from './interpret.js';

/** One matrix of a view: by batch, row, column. */
interface Matrices {
  readonly rows: number;
  readonly columns: number;
  get(batch: number, row: number, column: number): number;
  set(batch: number, row: number, column: number, value: number): void;
}

function matrices({ shape, strides, offset }: View, data: TypedArray, isHalf: boolean): Matrices {
  const front = shape.length - 2;
  const place = (batch: number, row: number, column: number): number => {
    let at = offset + row * strides[front] + column * strides[front + 1];
    for (let d = front - 1, rest = batch; d >= 0; d--) {
      at += (rest % shape[d]) * strides[d];
      rest = Math.floor(rest / shape[d]);
    }
    return at;
  };
  return {
    rows: shape[front],
    columns: shape[front + 1],
    get: (b, i, j) => (isHalf ? fromHalfBits(data[place(b, i, j)]) : data[place(b, i, j)]),
    set(b, i, j, value) {
      data[place(b, i, j)] = isHalf ? toHalfBits(value) : value;
    },
  };
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const sumOver = (n: number, term: (i: number) => number): number =>
  range(n).reduce((sum, i) => sum + term(i), 0);

/** A kernel of attention, or of its gradients, as a function of its buffers. */
export function interpretAttention(kernel: Kernel): RunKernel {
  const named = kernel.named!;
  const { scale, causal } = named.params as AttentionParams;
  return (views) => {
    const of = (view: View) =>
      matrices(view, views[view.buffer], kernel.buffers[view.buffer].dtype === 'float16');
    const [q, k, v, ...more] = named.inputs.map(of);
    const isForward = named.op === 'attention';
    const mask = more[isForward ? 0 : 3] as Matrices | undefined;
    const isBool = mask && kernel.buffers[named.inputs.at(-1)!.buffer].dtype === 'bool';
    const [keys, queries] = [range(k.rows), range(q.rows)];

    const score = (b: number, i: number, j: number): number => {
      const s = sumOver(q.columns, (c) => q.get(b, i, c) * k.get(b, j, c)) * scale;
      if (causal) return j <= i ? s : Number.NEGATIVE_INFINITY;
      if (!mask) return s;
      if (!isBool) return s + mask.get(b, i, j);
      return mask.get(b, i, j) ? s : Number.NEGATIVE_INFINITY;
    };
    /** Weights of a row, and the logarithm of what they were divided by. */
    const rowOf = (b: number, i: number) => {
      const row = keys.map((j) => score(b, i, j));
      const greatest = row.reduce((a, s) => (a >= s || Number.isNaN(a) ? a : s));
      const exps = row.map((s) => Math.exp(s - greatest));
      const total = sumOver(keys.length, (j) => exps[j]);
      // No key is seen: the logarithm of nothing.
      const log = greatest === Number.NEGATIVE_INFINITY ? greatest : Math.log(total) + greatest;
      return { weights: exps.map((e) => e / total), log };
    };

    const batches = range(named.inputs[0].shape.slice(0, -2).reduce((a, n) => a * n, 1));
    for (const b of batches) {
      const rows = queries.map((i) => rowOf(b, i));
      const [g, , delta] = more;
      /** Gradients of the scores, before the factor. */
      const changes =
        isForward || named.outputs.every(({ name }) => name === 'attentionGradValue')
          ? []
          : queries.map((i) =>
              keys.map((j) => {
                const back = sumOver(v.columns, (c) => g.get(b, i, c) * v.get(b, j, c));
                return rows[i].weights[j] * (back - delta.get(b, i, 0)) * scale;
              }),
            );
      const value: Readonly<Record<string, (row: number, column: number) => number>> = {
        attention: (i, c) => sumOver(keys.length, (j) => rows[i].weights[j] * v.get(b, j, c)),
        attentionLogSumExp: (i) => rows[i].log,
        attentionGradQuery: (i, c) => sumOver(keys.length, (j) => changes[i][j] * k.get(b, j, c)),
        attentionGradKey: (j, c) => sumOver(queries.length, (i) => changes[i][j] * q.get(b, i, c)),
        attentionGradValue: (j, c) => sumOver(queries.length, (i) => rows[i].weights[j] * g.get(b, i, c)),
      };
      for (const view of named.outputs) {
        const out = of(view);
        for (const i of range(out.rows))
          for (const c of range(out.columns)) out.set(b, i, c, value[view.name](i, c));
      }
    }
  };
}

/** The runner's own parts: what it reads, what it calls, and that it finds what is wrong. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tensor, use } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { beforeAll, describe, expect, test } from 'vitest';
import { compareTensor, flatten } from '../src/compare.js';
import { bindSignature, camelCase, parseOp, signatureOf } from '../src/names.js';
import { openSuite } from '../src/node.js';
import { createReport, type Outcome } from '../src/report.js';
import { runCase } from '../src/run.js';
import type { HostTensor, Json, Value } from '../src/vectors.js';
import { Bytes, writeSuite } from './helpers.js';

const TOLERANCE = { rtol: 1e-4, atol: 1e-5 };

beforeAll(async () => {
  await use(reference());
});

describe('reading', () => {
  const decode = (json: Json, bytes = new Bytes()): Value => openSuite(writeSuite([], bytes)).decode(json);

  test('tensors lie where the index says', () => {
    const bytes = new Bytes();
    bytes.float([3], 1, 2, 3);
    const t = decode({ a: [bytes.tensor('int32', [1, 2], Int32Array.of(-4, 5))] }, bytes) as {
      a: HostTensor[];
    };
    expect(t.a[0]).toEqual({ dtype: 'int32', shape: [1, 2], data: Int32Array.of(-4, 5) });
    expect(decode(bytes.tensor('bool', [2], Uint8Array.of(1, 0)), bytes)).toMatchObject({ dtype: 'bool' });
  });

  test('special numbers, slices and plain values', () => {
    expect(decode({ a: { $f: '-inf' }, b: [1.5, true, null, 'mean'] })).toEqual({
      a: Number.NEGATIVE_INFINITY,
      b: [1.5, true, null, 'mean'],
    });
    expect(decode({ $f: 'nan' })).toBeNaN();
    expect(decode({ $slice: [0, null, 2] })).toEqual({ $slice: [0, null, 2] });
  });

  test('a tensor outside the file, and a line that is no JSON, are errors', () => {
    expect(() => decode({ $t: [8, 'float32', [4]] })).toThrow(/shape \[4\] at byte 8 exceeds data.bin/);
    const folder = writeSuite([], new Bytes());
    expect(() => openSuite(`${folder}/none`)).toThrow(/ENOENT/);
    writeFileSync(join(folder, 'index.jsonl'), '{"id": 1}\n{"id":');
    expect(() => openSuite(folder)).toThrow(/line 2 of index.jsonl is no JSON/);
  });
});

describe('comparing', () => {
  const want = (values: number[], dtype: 'float32' | 'int32' = 'float32'): HostTensor => ({
    dtype,
    shape: [values.length],
    data: dtype === 'float32' ? Float32Array.from(values) : Int32Array.from(values),
  });
  const compare = (got: unknown, expected: HostTensor) => compareTensor(got, expected, TOLERANCE, 'x');

  test('within the tolerance, and what equals itself', async () => {
    expect(await compare(tensor([1, 100.005]), want([1.000_05, 100]))).toBeNull();
    const odd = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
    expect(await compare(tensor([...odd.slice(0, 3), -0]), want(odd))).toBeNull();
  });

  test('differences are named', async () => {
    expect(await compare(tensor([1, 2]), want([1, 2.1]))).toBe(
      'x: element 1 is 2, expected 2.0999999046325684',
    );
    expect(await compare(tensor([1]), want([Number.NaN]))).toMatch(/is 1, expected NaN/);
    expect(await compare(tensor([1e30]), want([Number.POSITIVE_INFINITY]))).toMatch(/expected Infinity/);
    expect(await compare(tensor([Number.NaN]), want([1]))).toMatch(/is NaN, expected 1/);
  });

  test('dtype and shape must be the same, integers equal', async () => {
    expect(await compare(tensor([1]), want([1], 'int32'))).toBe('x: dtype float32, expected int32');
    expect(await compare(tensor([[1]]), want([1]))).toBe('x: shape [1, 1], expected [1]');
    const big = tensor([100_000], { dtype: 'int32' });
    expect(await compare(big, want([100_001], 'int32'))).toMatch(/is 100000, expected 100001/);
    expect(await compare(null, want([1]))).toBe('x: expected a tensor, got null');
  });

  test('results are flattened in order', () => {
    const [a, b, c] = [tensor(1), tensor(2), tensor(3)];
    expect(flatten([a, [b, [c]]])).toEqual([a, b, c]);
    expect(flatten({ values: a, indices: b })).toEqual([a, b]);
  });
});

describe('names', () => {
  test('camelCase of words and numbers', () => {
    expect(camelCase('log_softmax')).toBe('logSoftmax');
    expect(camelCase('atleast_2d')).toBe('atleast2d');
    expect(camelCase('running_mean')).toBe('runningMean');
  });

  test('namespace, function and variant', () => {
    expect(parseOp('nn.functional.pad.reflect')).toMatchObject({ namespace: 'nn.functional', ours: 'pad' });
    expect(parseOp('linalg.norm')).toMatchObject({ namespace: 'linalg', ours: 'norm' });
    expect(parseOp('max.reduction_with_dim')).toMatchObject({ namespace: null, ours: 'max' });
    expect(signatureOf(parseOp('max.binary'))).toBe('other |');
  });

  test('arguments go where our function takes them', () => {
    expect(bindSignature('dim | keepdim', [1, true], {})).toEqual([1, { keepdim: true }]);
    expect(bindSignature('dim | keepdim', [], { dim: 2 })).toEqual([2]);
    expect(bindSignature('n m | dtype', [3], { dtype: 'int32' })).toEqual([3, undefined, { dtype: 'int32' }]);
    expect(bindSignature(undefined, [1], { alpha: 2 })).toEqual([1, { alpha: 2 }]);
    expect(() => bindSignature('dim |', [1, 2], {})).toThrow(RangeError);
  });
});

describe('cases', () => {
  /** x² at [1, 2, 3], with the given expectations. */
  async function square(change: { [key: string]: Json } = {}, gradient = [2, 4, 6]): Promise<Outcome> {
    const bytes = new Bytes();
    const c: { [key: string]: Json } = {
      id: 'square#0',
      op: 'square',
      args: [bytes.float([3], 1, 2, 3)],
      kwargs: {},
      outputs: [bytes.float([3], 1, 4, 9)],
      cotangents: [bytes.float([3], 1, 1, 1)],
      grads: { 'args.0': bytes.float([3], ...gradient) },
      tol: TOLERANCE,
      ...change,
    };
    return runCase('ops', openSuite(writeSuite([c], bytes)), c);
  }

  test('a right expectation passes', async () => {
    expect(await square()).toEqual({ kind: 'passed' });
  });

  test('a wrong output, gradient, or number of outputs fails', async () => {
    const wrong = new Bytes();
    expect(await square({ outputs: [wrong.float([3], 1, 2, 3)] })).toMatchObject({ kind: 'failed' });
    expect(await square({}, [2, 4, 5])).toEqual({
      kind: 'failed',
      reason: 'gradient of args.0: element 2 is 6, expected 5',
    });
    expect(await square({ outputs: [] })).toEqual({ kind: 'failed', reason: '1 outputs, expected 0' });
  });

  test('what we do not have is not covered, and an error is a failure', async () => {
    expect(await square({ op: 'no_such_op' })).toEqual({
      kind: 'not covered',
      reason: 'no Tensor.noSuchOp and no function noSuchOp',
    });
    expect(await square({ op: 'mm' })).toMatchObject({ kind: 'failed' });
  });
});

test('the report counts what is not covered as failed', () => {
  const report = createReport();
  report.add('ops', 'add', 'add#0', { kind: 'passed' });
  report.add('ops', 'add', 'add#1', { kind: 'failed', reason: 'output 0: dtype' });
  report.add('ops', 'qr', 'qr#0', { kind: 'not covered', reason: 'no linalg.qr' });
  const lines: string[] = [];
  report.print(false, (line) => lines.push(line));
  expect(lines).toContain('  add: 1 passed, 1 failed, 0 not covered');
  expect(lines).toContain('      add#1: output 0: dtype');
  expect(lines).toContain('  not covered at all: qr');
  expect(lines.at(-1)).toBe('\n1 passed, 2 failed');
});

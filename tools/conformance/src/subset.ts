/** Copies a few cases of each op into a folder of its own, in the same format: how `fixtures` was made. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DTYPES, type DType } from '@neurite/tensor';
import { SUITES, type SuiteName } from './run.js';
import type { Json } from './vectors.js';

export interface CaseId {
  readonly suite: SuiteName;
  readonly id: string;
}

type Case = { [key: string]: Json };

/** Bytes of a case's tensors. */
function sizeOf(json: Json): number {
  if (json === null || typeof json !== 'object') return 0;
  if (Array.isArray(json)) return json.reduce<number>((n, v) => n + sizeOf(v), 0);
  if ('$t' in json) {
    const [, dtype, shape] = json.$t as [number, DType, number[]];
    return shape.reduce((p, s) => p * s, DTYPES[dtype].bytes);
  }
  return Object.values(json).reduce<number>((n, v) => n + sizeOf(v), 0);
}

const hasGradients = (c: Case): boolean => Object.keys(c.grads ?? {}).length > 0;
const isEmpty = (c: Case): boolean => sizeOf(c.outputs ?? null) === 0;

/** Beyond the first, cases of an op are only worth their bytes when these are few. */
const SMALL = 1536;

/** The smallest cases: first one with gradients, then others; cases without elements say least and come last. */
function choose(cases: readonly Case[], count: number): Case[] {
  const ranked = [...cases].sort((a, b) => Number(isEmpty(a)) - Number(isEmpty(b)) || sizeOf(a) - sizeOf(b));
  const first = ranked.find(hasGradients) ?? ranked[0];
  const rest = ranked.filter((c) => c !== first && sizeOf(c) <= SMALL);
  return [first, ...rest.filter((c) => !hasGradients(c)), ...rest.filter(hasGradients)].slice(0, count);
}

/** Writes up to `perOp` of the given cases of each op to `target`, with the bytes that they need. */
export function writeSubset(source: string, ids: readonly CaseId[], target: string, perOp: number): void {
  for (const suite of SUITES) {
    const wanted = new Set(ids.filter((c) => c.suite === suite).map((c) => c.id));
    if (wanted.size === 0) continue;
    const lines = readFileSync(join(source, suite, 'index.jsonl'), 'utf8')
      .split('\n')
      .filter(Boolean);
    const byOp = new Map<string, Case[]>();
    for (const c of lines.map((l) => JSON.parse(l) as Case)) {
      if (!wanted.has(c.id as string)) continue;
      const op = c.op as string;
      byOp.set(op, [...(byOp.get(op) ?? []), c]);
    }
    const data = readFileSync(join(source, suite, 'data.bin'));
    const bytes: number[] = [];
    const move = (json: Json): Json => {
      if (json === null || typeof json !== 'object') return json;
      if (Array.isArray(json)) return json.map(move);
      if (!('$t' in json)) return Object.fromEntries(Object.entries(json).map(([k, v]) => [k, move(v)]));
      const [offset, dtype, shape] = json.$t as [number, DType, number[]];
      const at = bytes.length;
      bytes.push(...data.subarray(offset, offset + sizeOf(json)));
      while (bytes.length % 8) bytes.push(0);
      return { $t: [at, dtype, shape] };
    };
    const kept = [...byOp.values()].flatMap((cases) => choose(cases, perOp)).map(move);
    mkdirSync(join(target, suite), { recursive: true });
    writeFileSync(join(target, suite, 'index.jsonl'), kept.map((c) => `${JSON.stringify(c)}\n`).join(''));
    writeFileSync(join(target, suite, 'data.bin'), Uint8Array.from(bytes));
  }
}

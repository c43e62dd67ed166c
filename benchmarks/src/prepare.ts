/** What a JavaScript peer does with a row, in Node and in a page alike. */
import { type Case, type MeasureRequest, makeCase, type PeerRows } from './case.js';
import { countSteps, type StepCounts } from './gpu/counts.js';
import type { GpuWatch } from './gpu/watch.js';
import type { Inputs } from './inputs.js';
import { ROWS, type RowName } from './rows.js';

/** Loads the peer's library and gives its rows. */
export type LoadPeer = () => Promise<Partial<PeerRows>>;

export interface Prepared {
  readonly measured: Case;
  /** Of the first call after the checked ones, or for rows that are timed once, of that. */
  readonly firstMs: number;
  readonly results: readonly Float32Array[];
  readonly counts?: StepCounts;
}

async function timed(c: Case): Promise<number> {
  const start = performance.now();
  await c.run();
  return performance.now() - start;
}

/** Makes the case, has its results and times it once. What it asks of the GPU is counted before, with a case of its own. */
export async function prepare(
  load: LoadPeer,
  row: RowName,
  inputs: () => Inputs,
  watch?: GpuWatch,
): Promise<Prepared> {
  const { timing } = ROWS[row];
  if (timing === 'warm') {
    const rows = await load();
    const counts = watch && (await countSteps(await makeCase(rows, row, inputs()), watch));
    const measured = await makeCase(rows, row, inputs());
    const results = await measured.check();
    return { measured, results, firstMs: await timed(measured), counts };
  }
  const rows = timing === 'first step' ? await load() : null;
  const start = performance.now();
  const measured = await makeCase(rows ?? (await load()), row, inputs());
  await measured.run();
  const firstMs = performance.now() - start;
  return { measured, firstMs, results: await measured.check() };
}

/** Calls until the time is up. The first call of several is not counted: other peers have had the caches since. */
export async function measure(c: Case, { ms, calls }: MeasureRequest): Promise<number[]> {
  const times: number[] = [];
  const end = performance.now() + ms;
  if (calls > 1) await timed(c);
  do times.push(await timed(c));
  while (times.length < calls && performance.now() < end);
  return times;
}

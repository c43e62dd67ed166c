/** A JavaScript peer's process: prepares one row, then times it as often as it is told to. */
import { writeFileSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Answer, Case, MeasureRequest, PeerRows } from './case.js';
import { readInputs } from './inputs.js';
import type { RowName } from './rows.js';

const ANSWERS = 3;

const answer = (message: Answer): void => {
  writeSync(ANSWERS, `${JSON.stringify(message)}\n`);
};

async function timed(c: Case): Promise<number> {
  const start = performance.now();
  await c.run();
  return performance.now() - start;
}

/** Calls until the time is up. The first call of several is not counted: other peers have had the caches since. */
async function measure(c: Case, { ms, calls }: MeasureRequest): Promise<number[]> {
  const times: number[] = [];
  const end = performance.now() + ms;
  if (calls > 1) await timed(c);
  do times.push(await timed(c));
  while (times.length < calls && performance.now() < end);
  return times;
}

export async function serve(
  rows: PeerRows,
  row: RowName,
  directory: string,
  resultFile: string,
): Promise<void> {
  try {
    const c = await rows[row](readInputs(directory, row));
    const results = await c.check();
    writeFileSync(
      resultFile,
      Buffer.concat(results.map((r) => Buffer.from(r.buffer, r.byteOffset, r.byteLength))),
    );
    answer({ ready: { firstMs: await timed(c) } });
    for await (const line of createInterface({ input: process.stdin })) {
      answer({ times: await measure(c, JSON.parse(line) as MeasureRequest) });
    }
  } catch (e) {
    answer({ error: e instanceof Error ? e.message.split('\n')[0] : String(e) });
  }
  process.exit();
}

/** A JavaScript peer's process: prepares one row, then times it as often as it is told to. */
import { writeFileSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Answer, MeasureRequest } from './case.js';
import { readInputs } from './files.js';
import type { GpuWatch } from './gpu/watch.js';
import { type LoadPeer, measure, prepare } from './prepare.js';
import type { RowName } from './rows.js';

const ANSWERS = 3;

const answer = (message: Answer): void => {
  writeSync(ANSWERS, `${JSON.stringify(message)}\n`);
};

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

export async function serve(
  load: LoadPeer,
  row: RowName,
  directory: string,
  resultFile: string,
  watch?: GpuWatch,
): Promise<void> {
  try {
    const inputs = () => readInputs(directory, row);
    const { measured, firstMs, results, counts } = await prepare(load, row, inputs, watch);
    writeFileSync(resultFile, Buffer.concat(results.map(bytesOf)));
    answer({ ready: { firstMs, lengths: results.map((r) => r.length), counts } });
    for await (const line of createInterface({ input: process.stdin })) {
      answer({ times: await measure(measured, JSON.parse(line) as MeasureRequest) });
    }
  } catch (e) {
    answer({ error: e instanceof Error ? e.message.split('\n')[0] : String(e) });
  }
  process.exit();
}

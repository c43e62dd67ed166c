/** Inputs and results as files. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type IndexEntry, type Inputs, inputsFrom } from './inputs.js';
import type { RowName } from './rows.js';

/** A copy of its own buffer: what readFileSync returns may start anywhere in a shared one. */
const numbersIn = (path: string): ArrayBuffer => new Uint8Array(readFileSync(path)).buffer;

export const readInputs = (directory: string, row: RowName): Inputs =>
  inputsFrom(
    JSON.parse(readFileSync(join(directory, `${row}.json`), 'utf8')) as IndexEntry[],
    numbersIn(join(directory, `${row}.bin`)),
  );

/** The arrays of a peer's results, one after the other in the file. */
export function readResults(path: string, lengths: readonly number[]): Float32Array[] {
  const numbers = numbersIn(path);
  let at = 0;
  return lengths.map((length) => {
    const result = new Float32Array(numbers, at, length);
    at += result.byteLength;
    return result;
  });
}

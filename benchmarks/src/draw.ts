/** Draws the inputs of rows. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Generator, hostNormal, hostUniform } from '@neurite/tensor';
import { type IndexEntry, numelOf } from './inputs.js';
import type { InputSpec } from './rows/spec.js';
import { ROWS, type RowName } from './rows.js';

function draw(generator: Generator, { shape, draw, scale }: InputSpec): Float32Array | Int32Array {
  const n = numelOf(shape);
  if (draw === 'normal') return hostNormal(generator, n, 0, scale);
  if (draw === 'labels') return Int32Array.from(hostUniform(generator, n, 0, scale), Math.floor);
  return hostUniform(generator, n, draw === 'positive' ? 0 : -scale, scale);
}

/** Draws a row's inputs and writes `ROW.json` and `ROW.bin`. */
export function writeInputs(directory: string, row: RowName): void {
  const generator = new Generator(20);
  const index: IndexEntry[] = [];
  const parts: Buffer[] = [];
  let byteOffset = 0;
  for (const spec of ROWS[row].inputs) {
    const data = draw(generator, spec);
    const dtype = data instanceof Float32Array ? 'float32' : 'int32';
    index.push({ name: spec.name, shape: spec.shape, dtype, byteOffset });
    parts.push(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    byteOffset += data.byteLength;
  }
  writeFileSync(join(directory, `${row}.bin`), Buffer.concat(parts));
  writeFileSync(join(directory, `${row}.json`), JSON.stringify(index));
}

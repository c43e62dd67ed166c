import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Json } from '../src/vectors.js';

/** Tensors laid out one after another, as `data.bin` has them. */
export class Bytes {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  /** Adds a tensor and returns how an index refers to it. */
  tensor(dtype: string, shape: readonly number[], data: Float32Array | Int32Array | Uint8Array): Json {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const at = this.#length;
    const padded = new Uint8Array(Math.ceil(bytes.length / 8) * 8);
    padded.set(bytes);
    this.#parts.push(padded);
    this.#length += padded.length;
    return { $t: [at, dtype, [...shape]] };
  }
  float(shape: readonly number[], ...values: number[]): Json {
    return this.tensor('float32', shape, Float32Array.from(values));
  }

  all(): Uint8Array {
    return Buffer.concat(this.#parts);
  }
}

/** A suite's folder with the given cases. */
export function writeSuite(cases: readonly Json[], bytes: Bytes): string {
  const folder = mkdtempSync(join(tmpdir(), 'neurite-conformance-'));
  writeFileSync(join(folder, 'index.jsonl'), cases.map((c) => JSON.stringify(c)).join('\n'));
  writeFileSync(join(folder, 'data.bin'), bytes.all());
  return folder;
}

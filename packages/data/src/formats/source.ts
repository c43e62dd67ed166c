import { NeuriteError } from '@neurite/tensor';

/** A file's bytes, or its path (Node only; in a browser, fetch the file and pass its bytes). */
export type ByteSource = Uint8Array | ArrayBuffer | string;

/** Bytes with the name that errors call them by. */
export interface NamedBytes {
  readonly bytes: Uint8Array;
  readonly name: string;
}

/** Reads a path, or wraps bytes. `name` is how errors call bytes that have no path. */
export async function readSource(source: ByteSource, name: string): Promise<NamedBytes> {
  if (typeof source !== 'string') {
    return { bytes: source instanceof ArrayBuffer ? new Uint8Array(source) : source, name };
  }
  if (typeof process === 'undefined' || !process.versions?.node) {
    throw new NeuriteError(`${source}: reading a path needs Node; here, fetch the file and pass its bytes`);
  }
  // Not a literal, so that bundlers for browsers do not look for the module.
  const module = 'node:fs/promises';
  const { readFile } = (await import(/* @vite-ignore */ module)) as typeof import('node:fs/promises');
  return { bytes: await readFile(source), name: source };
}

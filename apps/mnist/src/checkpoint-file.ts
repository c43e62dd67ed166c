/** Checkpoints on disk. */
import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FormatError } from '@neurite/tensor';
import { type Document, decodeCheckpoint, encodeCheckpoint } from './checkpoint.js';

/**
 * Writes a checkpoint so that at every moment the file is either the old one or the new one, whole: the bytes go to
 * `path + '.tmp'`, to the disk, and only then to their name.
 */
export async function writeCheckpoint(path: string, document: Document): Promise<void> {
  const bytes = await encodeCheckpoint(document);
  const temporary = `${path}.tmp`;
  try {
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Makes a rename last through a power failure. Windows knows no such call and does not need it. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Reads a checkpoint.
 *
 * @throws FormatError naming the file, the offset, and what was found and expected, when it is no checkpoint, is of another
 *   version, or is not byte for byte what was written.
 */
export async function readCheckpoint(path: string): Promise<Document> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    // A plain view: slices of a Buffer would be views of it, not copies.
    bytes = Uint8Array.from(await readFile(path));
  } catch (error) {
    throw new FormatError(`${path}: cannot be read: ${(error as Error).message}`, { cause: error });
  }
  return decodeCheckpoint(path, bytes);
}

/**
 * Checkpoint files: one JSON document whose tensors lie beside it as raw bytes.
 *
 *     offset  0   8 bytes   'NEURCKPT'
 *             8   uint32    version, 1
 *            12   uint32    length of the header in bytes
 *            16   uint64    length of the payload in bytes
 *            24   32 bytes  SHA-256 of header and payload
 *            56   header    JSON in UTF-8: {document, tensors: [{dtype, shape, offset}]}, padded with spaces
 *             …   payload   each tensor row-major, at a multiple of 8 bytes from the payload's start
 *
 * All numbers are little-endian. A tensor of the document stands there as {"$tensor": its position in `tensors`}.
 */
import { createHash } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DTYPES, type DType, FormatError, fromBytes, Tensor, ValueError } from '@neurite/tensor';

const MAGIC = 'NEURCKPT';
const VERSION = 1;
const PREFIX = 56;
const ALIGNMENT = 8;

/** What a checkpoint holds: JSON values and tensors. */
export type Document =
  | null
  | boolean
  | number
  | string
  | Tensor
  | readonly Document[]
  | { readonly [key: string]: Document };

interface TensorEntry {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly offset: number;
}

const aligned = (size: number): number => Math.ceil(size / ALIGNMENT) * ALIGNMENT;

/**
 * Writes a checkpoint so that at every moment the file is either the old one or the new one, whole: the bytes go to
 * `path + '.tmp'`, to the disk, and only then to their name.
 */
export async function writeCheckpoint(path: string, document: Document): Promise<void> {
  const bytes = await encode(document);
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
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new FormatError(`${path}: cannot be read: ${(error as Error).message}`, { cause: error });
  }
  return decode(path, bytes);
}

async function encode(document: Document): Promise<Uint8Array> {
  const tensors: Tensor[] = [];
  const json = JSON.stringify(document, function (this: Record<string, unknown>, key, value: unknown) {
    // The holder's own value: JSON.stringify has already called `toJSON` on `value` where there is one.
    const original = this[key];
    if (original instanceof Tensor) return { $tensor: tensors.push(original) - 1 };
    if (typeof value === 'number' && !Number.isFinite(value)) {
      throw new ValueError(`checkpoint: '${key}' is ${value}, which JSON cannot hold`);
    }
    return value;
  });
  const arrays = await Promise.all(tensors.map((tensor) => tensor.data()));
  const entries: TensorEntry[] = [];
  let payloadLength = 0;
  tensors.forEach(({ dtype, shape, numel }, i) => {
    // Reading widens float16, so its bits would not come back.
    if (arrays[i].byteLength !== numel * DTYPES[dtype].bytes) {
      throw new ValueError(`checkpoint: a tensor of ${dtype} cannot be stored`);
    }
    entries.push({ dtype, shape, offset: payloadLength });
    payloadLength += aligned(arrays[i].byteLength);
  });
  const text = Buffer.from(`{"document":${json},"tensors":${JSON.stringify(entries)}}`);
  const header = Buffer.alloc(aligned(PREFIX + text.length) - PREFIX, ' ');
  text.copy(header);
  const payload = new Uint8Array(payloadLength);
  arrays.forEach((array, i) => {
    payload.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), entries[i].offset);
  });
  const prefix = Buffer.alloc(PREFIX);
  prefix.write(MAGIC, 0, 'latin1');
  prefix.writeUInt32LE(VERSION, 8);
  prefix.writeUInt32LE(header.length, 12);
  prefix.writeBigUInt64LE(BigInt(payloadLength), 16);
  createHash('sha256').update(header).update(payload).digest().copy(prefix, 24);
  return Buffer.concat([prefix, header, payload]);
}

function decode(path: string, bytes: Buffer): Document {
  const fail = (offset: number, problem: string): never => {
    throw new FormatError(`${path}: offset ${offset}: ${problem}`);
  };
  const magic = bytes.toString('latin1', 0, MAGIC.length);
  if (magic !== MAGIC) {
    fail(0, `expected a checkpoint, which begins with '${MAGIC}', found ${JSON.stringify(magic)}`);
  }
  if (bytes.length < PREFIX) fail(bytes.length, `the file ends here, expected at least ${PREFIX} bytes`);
  const version = bytes.readUInt32LE(8);
  if (version !== VERSION) fail(8, `checkpoint version ${version}, expected ${VERSION}`);
  const payloadStart = PREFIX + bytes.readUInt32LE(12);
  const end = payloadStart + Number(bytes.readBigUInt64LE(16));
  if (bytes.length < end) fail(bytes.length, `the file is cut off here, expected ${end} bytes`);
  if (bytes.length !== end) fail(end, `expected the end, found ${bytes.length - end} more bytes`);
  const found = createHash('sha256').update(bytes.subarray(PREFIX)).digest('hex');
  const expected = bytes.toString('hex', 24, PREFIX);
  if (found !== expected) {
    fail(24, `the file is damaged: its contents have the SHA-256 ${found}, expected ${expected}`);
  }
  // From here on every byte is what the writer put there.
  const { document, tensors: entries } = JSON.parse(bytes.toString('utf8', PREFIX, payloadStart));
  const tensors = (entries as TensorEntry[]).map(({ dtype, shape, offset }) => {
    const size = shape.reduce((count, n) => count * n, DTYPES[dtype].bytes);
    // A copy, so that a tensor does not keep the whole file in memory.
    return fromBytes(
      Uint8Array.from(bytes.subarray(payloadStart + offset, payloadStart + offset + size)),
      shape,
      dtype,
    );
  });
  return withTensors(document, tensors);
}

function withTensors(value: unknown, tensors: readonly Tensor[]): Document {
  if (Array.isArray(value)) return value.map((entry) => withTensors(entry, tensors));
  if (typeof value !== 'object' || value === null) return value as Document;
  if ('$tensor' in value) return tensors[value.$tensor as number];
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, withTensors(entry, tensors)]));
}

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
import { DTYPES, type DType, FormatError, fromBytes, Tensor, ValueError } from '@neurite/tensor';

const MAGIC = 'NEURCKPT';
const VERSION = 1;
const PREFIX = 56;
const ALIGNMENT = 8;
const SPACE = 0x20;

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
 * The bytes of a checkpoint file.
 *
 * @throws ValueError for a number that JSON cannot hold, and for tensors of float16.
 */
export async function encodeCheckpoint(document: Document): Promise<Uint8Array<ArrayBuffer>> {
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
  const text = new TextEncoder().encode(`{"document":${json},"tensors":${JSON.stringify(entries)}}`);
  const payloadStart = aligned(PREFIX + text.length);
  const bytes = new Uint8Array(payloadStart + payloadLength);
  bytes.set(text, PREFIX);
  bytes.fill(SPACE, PREFIX + text.length, payloadStart);
  arrays.forEach((array, i) => {
    const raw = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    bytes.set(raw, payloadStart + entries[i].offset);
  });
  bytes.set(new TextEncoder().encode(MAGIC));
  const view = new DataView(bytes.buffer);
  view.setUint32(8, VERSION, true);
  view.setUint32(12, payloadStart - PREFIX, true);
  view.setBigUint64(16, BigInt(payloadLength), true);
  bytes.set(await sha256(bytes.subarray(PREFIX)), 24);
  return bytes;
}

const sha256 = async (bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));

const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/**
 * The document of a checkpoint file.
 *
 * @param name how errors call the file.
 * @throws FormatError naming the file, the offset, and what was found and expected, when it is no checkpoint, is of another
 *   version, or is not byte for byte what was written.
 */
export async function decodeCheckpoint(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<Document> {
  const fail = (offset: number, problem: string): never => {
    throw new FormatError(`${name}: offset ${offset}: ${problem}`);
  };
  const magic = String.fromCharCode(...bytes.subarray(0, MAGIC.length));
  if (magic !== MAGIC) {
    fail(0, `expected a checkpoint, which begins with '${MAGIC}', found ${JSON.stringify(magic)}`);
  }
  if (bytes.length < PREFIX) fail(bytes.length, `the file ends here, expected at least ${PREFIX} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint32(8, true);
  if (version !== VERSION) fail(8, `checkpoint version ${version}, expected ${VERSION}`);
  const payloadStart = PREFIX + view.getUint32(12, true);
  const end = payloadStart + Number(view.getBigUint64(16, true));
  if (bytes.length < end) fail(bytes.length, `the file is cut off here, expected ${end} bytes`);
  if (bytes.length !== end) fail(end, `expected the end, found ${bytes.length - end} more bytes`);
  const found = hex(await sha256(bytes.subarray(PREFIX)));
  const expected = hex(bytes.subarray(24, PREFIX));
  if (found !== expected) {
    fail(24, `the file is damaged: its contents have the SHA-256 ${found}, expected ${expected}`);
  }
  // From here on every byte is what the writer put there.
  const header = new TextDecoder().decode(bytes.subarray(PREFIX, payloadStart));
  const { document, tensors: entries } = JSON.parse(header);
  const tensors = (entries as TensorEntry[]).map(({ dtype, shape, offset }) => {
    const size = shape.reduce((count, n) => count * n, DTYPES[dtype].bytes);
    // A copy, so that a tensor does not keep the whole file in memory.
    const raw = bytes.slice(payloadStart + offset, payloadStart + offset + size);
    return fromBytes(raw, shape, dtype);
  });
  return withTensors(document, tensors);
}

function withTensors(value: unknown, tensors: readonly Tensor[]): Document {
  if (Array.isArray(value)) return value.map((entry) => withTensors(entry, tensors));
  if (typeof value !== 'object' || value === null) return value as Document;
  if ('$tensor' in value) return tensors[value.$tensor as number];
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, withTensors(entry, tensors)]));
}

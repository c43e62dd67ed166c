import { type DType, FormatError, type TypedArray } from '@neurite/tensor';
import { type HostArray, hostArray } from '../host-array.js';
import { contentChunks, largestContent } from './gzip.js';
import { type ByteSource, type NamedBytes, readSource } from './source.js';

interface Element {
  readonly bytes: number;
  readonly dtype: DType;
  readonly read: (view: DataView, offset: number) => number;
}

/** The element types of the format; 16-bit integers become int32. */
const ELEMENTS: Readonly<Record<number, Element>> = {
  8: { bytes: 1, dtype: 'uint8', read: (view, offset) => view.getUint8(offset) },
  9: { bytes: 1, dtype: 'int8', read: (view, offset) => view.getInt8(offset) },
  11: { bytes: 2, dtype: 'int32', read: (view, offset) => view.getInt16(offset) },
  12: { bytes: 4, dtype: 'int32', read: (view, offset) => view.getInt32(offset) },
  13: { bytes: 4, dtype: 'float32', read: (view, offset) => view.getFloat32(offset) },
  14: { bytes: 8, dtype: 'float64', read: (view, offset) => view.getFloat64(offset) },
};

const ARRAY_OF = {
  uint8: Uint8Array,
  int8: Int8Array,
  int32: Int32Array,
  float32: Float32Array,
  float64: Float64Array,
};

/** Header: two zero bytes, the element type, the number of dimensions, then each size as a big-endian 32-bit word. */
interface Header {
  readonly element: Element;
  readonly shape: readonly number[];
  readonly headerBytes: number;
  readonly dataBytes: number;
}

/**
 * Reads an IDX file (the format of MNIST: http://yann.lecun.com/exdb/mnist), gzipped or not. The header is checked against
 * the file before anything that it asks for is allocated, and a decompression stops at the size that it promised.
 *
 * @param source bytes or a path.
 * @param options `name`: how errors call bytes that have no path.
 * @throws FormatError for a wrong magic number, an unknown element type, no dimensions, sizes that the file cannot hold,
 *   missing or additional bytes, a damaged gzip stream.
 */
export async function readIdx(
  source: ByteSource,
  options: { readonly name?: string } = {},
): Promise<HostArray> {
  const file = await readSource(source, options.name ?? 'IDX data');
  let header: Header | undefined;
  let start = new Uint8Array(0);
  let body = new Uint8Array(0);
  let filled = 0;
  for await (const chunk of contentChunks(file)) {
    let rest = chunk;
    if (!header) {
      const joined = join(start, chunk);
      header = parseHeader(joined, file);
      if (!header) {
        start = joined;
        continue;
      }
      body = new Uint8Array(header.dataBytes);
      rest = joined.subarray(header.headerBytes);
    }
    if (filled + rest.length > body.length) {
      throw new FormatError(
        `${file.name}: offset ${header.headerBytes + body.length}: expected the end of the data of ${describe(header)}, found further bytes`,
      );
    }
    body.set(rest, filled);
    filled += rest.length;
  }
  if (!header)
    throw new FormatError(`${file.name}: offset ${start.length}: the file ends inside the IDX header`);
  if (filled < body.length) {
    throw new FormatError(
      `${file.name}: offset ${header.headerBytes + filled}: expected ${body.length} bytes of data for ${describe(header)}, found ${filled}`,
    );
  }
  return hostArray(decode(header.element, body), header.shape);
}

const describe = ({ element, shape }: Header): string => `${element.dtype} [${shape.join(', ')}]`;

/** The header, or undefined while `bytes` holds too little of it. */
function parseHeader(bytes: Uint8Array, file: NamedBytes): Header | undefined {
  if (bytes.length < 4) return undefined;
  const hex = (byte: number): string => `0x${byte.toString(16).padStart(2, '0')}`;
  const magic = Array.from(bytes.subarray(0, 4), hex).join(' ');
  if (bytes[0] !== 0 || bytes[1] !== 0) {
    throw new FormatError(
      `${file.name}: offset 0: expected an IDX magic number (0x00 0x00 type rank), found ${magic}`,
    );
  }
  const element = ELEMENTS[bytes[2]];
  if (!element) {
    throw new FormatError(
      `${file.name}: offset 2: expected an element type of 0x08, 0x09, 0x0b, 0x0c, 0x0d or 0x0e, found ${hex(bytes[2])}`,
    );
  }
  const rank = bytes[3];
  if (rank === 0) throw new FormatError(`${file.name}: offset 3: expected at least 1 dimension, found 0`);
  const headerBytes = 4 + 4 * rank;
  if (bytes.length < headerBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, headerBytes);
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const dataBytes = shape.reduce((n, size) => n * size, element.bytes);
  const possible = largestContent(file.bytes);
  if (dataBytes > possible) {
    throw new FormatError(
      `${file.name}: offset 4: the header promises ${element.dtype} [${shape.join(', ')}], ${dataBytes} bytes of data, the file can hold ${possible} at most`,
    );
  }
  return { element, shape, headerBytes, dataBytes };
}

function decode(element: Element, body: Uint8Array): TypedArray {
  if (element.dtype === 'uint8') return body;
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const values = new ARRAY_OF[element.dtype as keyof typeof ARRAY_OF](body.length / element.bytes);
  for (let i = 0; i < values.length; i++) values[i] = element.read(view, i * element.bytes);
  return values;
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

import { FormatError } from '@neurite/tensor';
import type { NamedBytes } from './source.js';

/** Whether bytes begin with gzip's magic number (RFC 1952). */
const isGzip = (bytes: Uint8Array): boolean => bytes.length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;

/** Deflate cannot expand more than this (258 bytes per 2 bits, RFC 1951), so a larger claim is a lie. */
const MAX_GZIP_RATIO = 1032;

/** The most bytes that a file can hold after decompression. */
export const largestContent = (bytes: Uint8Array): number =>
  isGzip(bytes) ? bytes.length * MAX_GZIP_RATIO : bytes.length;

/**
 * The contents of a file in chunks, decompressed if it is gzip; nothing is held beyond the chunk. A consumer that stops
 * early stops the decompression.
 *
 * @throws FormatError when the gzip stream is cut short, corrupt, or followed by something else.
 */
export async function* contentChunks({ bytes, name }: NamedBytes): AsyncGenerator<Uint8Array, void, void> {
  if (!isGzip(bytes)) {
    yield bytes;
    return;
  }
  const reader = new Blob([bytes as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new DecompressionStream('gzip'))
    .getReader();
  let produced = 0;
  try {
    for (;;) {
      let chunk: ReadableStreamReadResult<Uint8Array>;
      try {
        chunk = await reader.read();
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new FormatError(
          `${name}: gzip stream of ${bytes.length} bytes is truncated or corrupt after ${produced} decompressed bytes (${reason})`,
          { cause: error },
        );
      }
      if (chunk.done) return;
      produced += chunk.value.length;
      yield chunk.value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/**
 * Decompresses a gzip file, or returns the bytes of a file that is not gzip.
 *
 * @param options `maxBytes` bounds the result (default 1 GiB): a small file may claim to be a huge one.
 * @throws FormatError when the stream is damaged or the result exceeds `maxBytes`.
 */
export async function gunzip(
  file: NamedBytes,
  options: { readonly maxBytes?: number } = {},
): Promise<Uint8Array> {
  if (!isGzip(file.bytes)) return file.bytes;
  const maxBytes = options.maxBytes ?? 2 ** 30;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of contentChunks(file)) {
    size += chunk.length;
    if (size > maxBytes) {
      throw new FormatError(
        `${file.name}: gzip stream of ${file.bytes.length} bytes decompresses to more than ${maxBytes} bytes`,
      );
    }
    chunks.push(chunk);
  }
  const result = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    result.set(chunk, offset);
    offset += chunk.length;
  }
  return result;
}

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { FormatError } from '@neurite/tensor';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readIdx } from '../src/index.js';
import { idxFile } from './helpers.js';

const bytesOf = (write: (view: DataView) => void, size: number): Uint8Array => {
  const bytes = new Uint8Array(size);
  write(new DataView(bytes.buffer));
  return bytes;
};

describe('readIdx', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'idx-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('reads unsigned bytes with their shape', async () => {
    const array = await readIdx(idxFile(8, [2, 3], [1, 2, 3, 4, 5, 255]));
    expect(array).toEqual({ data: Uint8Array.of(1, 2, 3, 4, 5, 255), shape: [2, 3], dtype: 'uint8' });
  });

  test.each([
    ['int8', 9, 1, Int8Array.of(-2), (v: DataView) => v.setInt8(0, -2)],
    ['int32', 11, 2, Int32Array.of(-300), (v: DataView) => v.setInt16(0, -300)],
    ['int32', 12, 4, Int32Array.of(-70000), (v: DataView) => v.setInt32(0, -70000)],
    ['float32', 13, 4, Float32Array.of(1.5), (v: DataView) => v.setFloat32(0, 1.5)],
    ['float64', 14, 8, Float64Array.of(Math.PI), (v: DataView) => v.setFloat64(0, Math.PI)],
  ])('reads big-endian %s (type %i)', async (dtype, code, size, expected, write) => {
    const array = await readIdx(idxFile(code, [1], bytesOf(write, size)));
    expect(array).toEqual({ data: expected, shape: [1], dtype });
  });

  test('reads gzip, from bytes and from a path', async () => {
    const body = Uint8Array.from({ length: 3 * 400 * 400 }, (_, i) => (i * i) % 251);
    const packed = gzipSync(idxFile(8, [3, 400, 400], body));
    expect((await readIdx(packed)).data).toEqual(body);
    const path = join(folder, 'images.gz');
    await writeFile(path, packed);
    expect((await readIdx(path)).shape).toEqual([3, 400, 400]);
    await expect(readIdx(join(folder, 'absent'))).rejects.toThrow(/ENOENT.*absent/);
  });

  test('an empty set of images is a legal file', async () => {
    expect((await readIdx(idxFile(8, [0, 28, 28], []))).shape).toEqual([0, 28, 28]);
  });

  const good = idxFile(8, [2, 3], [1, 2, 3, 4, 5, 6]);
  const withByte = (position: number, value: number): Uint8Array => good.with(position, value);
  const packed = gzipSync(
    idxFile(
      8,
      [50, 100],
      new Uint8Array(5000).map((_, i) => (i * 37) % 251),
    ),
  );
  const bomb = (sizes: number[], zeros: number): Uint8Array =>
    gzipSync(idxFile(8, sizes, new Uint8Array(zeros)));

  test.each<[string, Uint8Array, RegExp]>([
    ['nothing at all', new Uint8Array(0), /^t10k: offset 0: the file ends inside the IDX header$/],
    ['half a header', good.subarray(0, 7), /^t10k: offset 7: the file ends inside the IDX header$/],
    [
      'another format',
      new TextEncoder().encode('\x89PNG\r\n'),
      /offset 0: expected an IDX magic number .* found 0xc2/,
    ],
    ['an unknown type', withByte(2, 7), /offset 2: expected an element type of 0x08, .* found 0x07/],
    ['no dimensions', withByte(3, 0), /offset 3: expected at least 1 dimension, found 0/],
    [
      'truncated data',
      good.subarray(0, 14),
      /offset 14: expected 6 bytes of data for uint8 \[2, 3\], found 2/,
    ],
    [
      'bytes to spare',
      Uint8Array.from([...good, 9]),
      /offset 18: expected the end of the data of uint8 \[2, 3\]/,
    ],
    [
      'sizes that no machine holds',
      idxFile(14, [0xffffffff, 0xffffffff, 0xffffffff], [1, 2, 3]),
      /offset 4: the header promises float64 \[4294967295, 4294967295, 4294967295\], 6.3\d*e\+29 bytes of data, the file can hold 19 at most/,
    ],
    [
      'a gzip stream cut short',
      packed.subarray(0, -20),
      /^t10k: gzip stream .* truncated or corrupt .*unexpected end/,
    ],
    [
      'a gzip stream with a flipped bit',
      packed.with(300, packed[300] ^ 0xff),
      /^t10k: gzip stream .* truncated or corrupt/,
    ],
    ['a gzip stream with a wrong check sum', packed.with(packed.length - 6, 0), /incorrect data check/],
    ['junk after the gzip stream', Uint8Array.from([...packed, 1, 2, 3, 4]), /truncated or corrupt/],
    [
      'a bomb whose header is modest',
      bomb([10, 10], 50_000_000),
      /offset 112: expected the end of the data of uint8 \[10, 10\]/,
    ],
    [
      'a gzip stream whose header lies',
      bomb([0xffff, 0xffff, 0xff], 100),
      /offset 4: the header promises .* the file can hold/,
    ],
    [
      'a gzip stream with less than promised',
      bomb([100], 99),
      /offset 107: expected 100 bytes of data for uint8 \[100\], found 99/,
    ],
  ])('%s is a FormatError', async (_, bytes, message) => {
    const reading = readIdx(bytes, { name: 't10k' });
    await expect(reading).rejects.toThrow(FormatError);
    await expect(reading).rejects.toThrow(message);
  });
});

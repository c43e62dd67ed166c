/** The elements of a tensor, as an ordinary array. */
export const values = async (t: { data(): Promise<ArrayLike<number>> }): Promise<number[]> =>
  Array.from(await t.data());

/** Everything an async iterable yields. */
export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of source) all.push(item);
  return all;
}

/** The bytes of an IDX file. */
export function idxFile(typeCode: number, sizes: readonly number[], body: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * sizes.length + body.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0, 0, typeCode, sizes.length]);
  sizes.forEach((size, i) => {
    view.setUint32(4 + 4 * i, size);
  });
  bytes.set(Array.from(body), 4 + 4 * sizes.length);
  return bytes;
}

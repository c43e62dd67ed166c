/** As much of WebAssembly's binary format as the roof's loops need, https://webassembly.github.io/spec/core/binary/. */

/** An unsigned number in LEB128. */
export function leb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest % 128) + (rest >= 128 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return bytes;
}

/** A signed number in LEB128. */
function signed(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7) {
    const low = rest & 127;
    const last = rest >> 7 === (low & 64 ? -1 : 0);
    bytes.push(last ? low : low | 128);
    if (last) return bytes;
  }
}

const vector = (items: readonly (readonly number[])[]): number[] => [...leb(items.length), ...items.flat()];

const section = (id: number, items: readonly (readonly number[])[]): number[] => {
  const body = vector(items);
  return [id, ...leb(body.length), ...body];
};

const name = (text: string): number[] => vector([...new TextEncoder().encode(text)].map((byte) => [byte]));

const I32 = 0x7f;
const V128 = 0x7b;
const END = 0x0b;

const simd = (opcode: number, ...rest: readonly number[]): number[] => [0xfd, ...leb(opcode), ...rest];

export const get = (local: number): number[] => [0x20, ...leb(local)];
export const set = (local: number): number[] => [0x21, ...leb(local)];
export const constant = (value: number): number[] => [0x41, ...signed(value)];
export const ADD = [0x6a];
export const SUB = [0x6b];
const LESS = [0x49];

export const load = (offset: number): number[] => simd(0x00, 4, ...leb(offset));
export const loadSplat = (offset: number): number[] => simd(0x09, 2, ...leb(offset));
export const store = (offset: number): number[] => simd(0x0b, 4, ...leb(offset));
export const ZERO = simd(0x0c, ...new Array(16).fill(0));
export const F32X4_ADD = simd(0xe4);
export const F32X4_MUL = simd(0xe6);
/** Fused multiply-add: a·b + c. */
export const F32X4_MADD = simd(0x105);

/** local ← local + value. */
export const advance = (local: number, value: number): number[] => [
  ...get(local),
  ...constant(value),
  ...ADD,
  ...set(local),
];

/** Repeats the body while `local` is less than `end`; at least once. */
export const loopWhileLess = (body: readonly number[], local: number, end: number): number[] => [
  0x03,
  0x40,
  ...body,
  ...get(local),
  ...get(end),
  ...LESS,
  0x0d,
  0,
  END,
];

/** Repeats the body `local` times; at least once. */
export const repeat = (body: readonly number[], local: number): number[] => [
  0x03,
  0x40,
  ...body,
  ...get(local),
  ...constant(1),
  ...SUB,
  ...set(local),
  ...get(local),
  0x0d,
  0,
  END,
];

export interface Routine {
  readonly name: string;
  /** Parameters, all i32; further locals of type i32, then of type v128, are numbered after them. */
  readonly parameters: number;
  readonly integers: number;
  readonly vectors: number;
  readonly body: readonly number[];
}

function code({ integers, vectors, body }: Routine): number[] {
  const locals = vector([
    [...leb(integers), I32],
    [...leb(vectors), V128],
  ]);
  const bytes = [...locals, ...body, END];
  return [...leb(bytes.length), ...bytes];
}

/** A module of functions without results over an imported shared memory, `memory.memory`. */
export function assemble(functions: readonly Routine[], maximumPages: number): Uint8Array<ArrayBuffer> {
  const types = functions.map(({ parameters }) => [0x60, ...vector(new Array(parameters).fill([I32])), 0]);
  const memory = [...name('memory'), ...name('memory'), 0x02, 0x03, ...leb(1), ...leb(maximumPages)];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, types),
    ...section(2, [memory]),
    ...section(
      3,
      functions.map((_, i) => leb(i)),
    ),
    ...section(
      7,
      functions.map((f, i) => [...name(f.name), 0, ...leb(i)]),
    ),
    ...section(10, functions.map(code)),
  ]);
}

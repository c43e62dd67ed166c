/**
 * Runs a tuned program where a mistake shows: in a memory in which every byte that the program was not given, its working
 * memory among them, is part of a NaN. What it may not write is compared afterwards.
 */
import { DTYPES, type Kernel, viewAs } from '@neurite/tensor';
import { argumentLayout, type CpuProgram } from '../src/program.js';

const PAGE = 65536;
/** Bytes between blocks, and the unit to which they are rounded up. */
const GAP = 1024;
/** Four of them are a NaN as float32, eight as float64; as an offset or address they are −1. */
const POISON = 0xff;
const FACTOR = 0.25;

export const poisoned = new WebAssembly.Memory({ initial: 1, maximum: 4096 });

interface Block {
  readonly start: number;
  readonly bytes: number;
  /** Whether the program may write to it. */
  readonly writable: boolean;
}

/** Contents of all buffers after a run on `inputs`; scalars are 0.25. Throws where the program wrote elsewhere. */
export function runPoisoned(program: CpuProgram, inputs: readonly Uint8Array[]): Uint8Array[] {
  const { kernel, parts, scratchBytes, sharedBytes } = program;
  const layout = argumentLayout(kernel);
  let end = GAP;
  const place = (bytes: number, writable: boolean): Block => {
    const start = end;
    end += Math.ceil(bytes / GAP) * GAP + GAP;
    return { start, bytes, writable };
  };
  const args = place(layout.bytes, false);
  const buffers = kernel.buffers.map(({ dtype, size, access }) =>
    place(size * DTYPES[dtype].bytes, access !== 'read'),
  );
  const scratch = place(scratchBytes, true);
  const shared = place(sharedBytes, true);
  const missing = Math.ceil((end - poisoned.buffer.byteLength) / PAGE);
  if (missing > 0) poisoned.grow(missing);
  const memory = new Uint8Array(poisoned.buffer, 0, end).fill(POISON);
  const view = new DataView(memory.buffer);
  for (const [i, { start }] of buffers.entries()) {
    memory.set(inputs[i]!, start);
    view.setInt32(args.start + layout.buffer(i), start, true);
  }
  view.setInt32(args.start + layout.shared, shared.start, true);
  for (const [slot, dtype] of kernel.scalars.entries()) {
    const at = args.start + layout.scalar(slot);
    if (dtype === 'float64') view.setFloat64(at, FACTOR, true);
    else view.setFloat32(at, FACTOR, true);
  }
  const before = memory.slice();
  for (const { units, run } of parts) run(0, units, args.start, scratch.start);
  expectUntouched(kernel, before, memory, [args, ...buffers, scratch, shared]);
  return buffers.map(({ start, bytes }) => memory.slice(start, start + bytes));
}

function expectUntouched(kernel: Kernel, before: Uint8Array, after: Uint8Array, blocks: readonly Block[]) {
  const compare = (from: number, to: number) => {
    if (Buffer.compare(before.subarray(from, to), after.subarray(from, to)) === 0) return;
    const at = before.findIndex((byte, i) => i >= from && byte !== after[i]);
    const places = blocks.map(({ start, bytes }) => `${start} to ${start + bytes}`).join(', ');
    throw new Error(
      `${kernel.name} wrote to byte ${at}; arguments, buffers and working memory are at ${places}`,
    );
  };
  let from = 0;
  for (const { start, bytes, writable } of blocks) {
    if (!writable) continue;
    compare(from, start);
    from = start + bytes;
  }
  compare(from, before.length);
}

/** Numbers between −1 and 1, the same for each call, as contents of a kernel's buffers. */
export function randomInputs(kernel: Kernel): Uint8Array[] {
  let state = 1;
  return kernel.buffers.map(({ dtype, size }) => {
    const bytes = new Uint8Array(size * DTYPES[dtype].bytes);
    const elements = viewAs(dtype, bytes);
    for (let i = 0; i < size; i += 1) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      elements[i] = dtype === 'bool' ? 0 : state / 2 ** 31 - 1;
    }
    return bytes;
  });
}

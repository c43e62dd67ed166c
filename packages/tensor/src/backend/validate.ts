/** A backend that checks another: every kernel runs on both, and what they write is compared. */
import { DTYPES, type DType, fromHalfBits, isFloat, viewAs } from '../dtype.js';
import { ValidationError } from '../errors.js';
import type { Kernel } from '../kernel/ir.js';
import { bufferName, printKernel } from '../kernel/print.js';
import type { Backend, BufferSlice, Command, Program } from './interface.js';
import type { RunKernel } from './interpret.js';

/** How far the elements of a float buffer may lie apart: |a − b| ≤ atol + rtol·|b|, where b is the oracle's. */
export interface ValidateOptions {
  readonly rtol?: number;
  readonly atol?: number;
}

/** A program that the host runs, on copies of the buffers. */
interface HostProgram extends Program {
  readonly runOnHost: RunKernel;
}

interface Pair extends Program {
  readonly checked: Program;
  readonly oracle: Program | HostProgram;
}

/**
 * `backend`, with each command run on `oracle` as well, from the same inputs. Commands wait in a queue until something is
 * read or synchronized; that call, and every later one, rejects with a ValidationError where results differ. The error
 * names kernel, buffer, element and both values, and shows the kernel. Integers and bools must be equal, and a NaN is
 * equal to a NaN only. Made for finding defects, not for speed: every buffer is read before and after each kernel.
 */
export function validating(
  backend: Backend,
  oracle: Backend,
  { rtol = 1e-3, atol = 1e-4 }: ValidateOptions = {},
): Backend {
  // One thing after another: a command's inputs must be read before the next command may change them.
  let queue: Promise<unknown> = Promise.resolve();
  let waiting = 0;

  function enqueue<T>(work: () => Promise<T>): Promise<T> {
    waiting++;
    const result = queue.then(work);
    queue = result.finally(() => waiting--);
    // Whoever waits for the queue sees its rejection; until then it is not an unhandled one.
    queue.catch(() => {});
    return result;
  }

  /** At once where nothing waits, so that memory comes back as soon as it would without checks. */
  function inOrder(work: () => void): void {
    if (waiting === 0) work();
    else void enqueue(async () => work()).catch(() => {});
  }

  const bytesOf = (kernel: Kernel, i: number) =>
    kernel.buffers[i].size * DTYPES[kernel.buffers[i].dtype].bytes;
  const readAll = (kernel: Kernel, slices: readonly BufferSlice[], from: Backend) =>
    Promise.all(slices.map(({ buffer, byteOffset }, i) => from.read(buffer, byteOffset, bytesOf(kernel, i))));

  async function onOracle(program: Program, before: readonly Uint8Array[], scalars: readonly number[]) {
    const copies = before.map((bytes) => {
      const buffer = oracle.allocate(bytes.length);
      oracle.write(buffer, 0, bytes);
      return { buffer, byteOffset: 0 };
    });
    oracle.submit([{ program, buffers: copies, scalars }]);
    const after = await readAll(program.kernel, copies, oracle);
    for (const { buffer } of copies) oracle.free(buffer);
    return after;
  }

  async function run({ program, buffers, scalars }: Command): Promise<void> {
    const { kernel, checked, oracle: twin } = program as Pair;
    const before = await readAll(kernel, buffers, backend);
    backend.submit([{ program: checked, buffers, scalars }]);
    const after = await readAll(kernel, buffers, backend);

    const expected =
      'runOnHost' in twin ? onHost(twin, before, scalars) : await onOracle(twin, before, scalars);
    kernel.buffers.forEach(({ dtype }, i) => {
      const difference = firstDifference(dtype, after[i], expected[i], rtol, atol);
      if (!difference) return;
      const name = `${bufferName(kernel.buffers[i], i)}[${difference.at}]`;
      throw new ValidationError(
        `${kernel.name}: ${name} is ${difference.actual} on ${backend.name} and ${difference.expected} on ` +
          `${oracle.name}, with scalars [${scalars.join(', ')}], in\n${printKernel(kernel)}`,
      );
    });
  }

  function pair(
    kernel: Kernel,
    checked: Program,
    twin: Pair['oracle'] | Promise<Pair['oracle']>,
  ): Pair | Promise<Pair> {
    const join = (made: Pair['oracle']): Pair => ({
      kernel,
      get source() {
        return checked.source;
      },
      specialized: checked.specialized,
      checked,
      oracle: made,
    });
    return twin instanceof Promise ? twin.then(join) : join(twin);
  }
  const pairUp = (kernel: Kernel, made: Program | Promise<Program>) =>
    made instanceof Promise
      ? made.then((program) => pair(kernel, program, twinOf(kernel)))
      : pair(kernel, made, twinOf(kernel));
  /** A named kernel has no loops that just any backend could run. */
  const twinOf = (kernel: Kernel): Pair['oracle'] | Promise<Pair['oracle']> =>
    kernel.named
      ? import('./attention.js').then(({ interpretAttention }) => {
          return { kernel, source: '', runOnHost: interpretAttention(kernel) };
        })
      : oracle.compile(kernel);

  const { specialize } = backend;
  return {
    name: `${backend.name} checked by ${oracle.name}`,
    capabilities: backend.capabilities,
    allocate: (bytes, kind) => backend.allocate(bytes, kind),
    free: (buffer) => inOrder(() => backend.free(buffer)),
    write(buffer, byteOffset, bytes) {
      const copy = bytes.slice();
      inOrder(() => backend.write(buffer, byteOffset, copy));
    },
    read: (buffer, byteOffset, byteLength) => enqueue(() => backend.read(buffer, byteOffset, byteLength)),
    compile: (kernel) => pairUp(kernel, backend.compile(kernel)),
    ...(specialize && {
      specialize(kernel: Kernel) {
        const made = specialize.call(backend, kernel);
        return made && pairUp(kernel, made);
      },
    }),
    submit(commands) {
      for (const command of commands) enqueue(() => run(command)).catch(() => {});
    },
    synchronize: () => enqueue(() => backend.synchronize()),
    async destroy() {
      await queue.catch(() => {});
      await backend.destroy();
      await oracle.destroy();
    },
  };
}

/** What a program on the host makes of copies of the bytes. */
function onHost(
  { kernel, runOnHost }: HostProgram,
  before: readonly Uint8Array[],
  scalars: readonly number[],
): Uint8Array[] {
  const copies = before.map((bytes) => bytes.slice());
  runOnHost(
    copies.map((bytes, i) => viewAs(kernel.buffers[i].dtype, bytes)),
    scalars,
  );
  return copies;
}

interface Difference {
  readonly at: number;
  readonly actual: number;
  readonly expected: number;
}

function firstDifference(
  dtype: DType,
  actualBytes: Uint8Array,
  expectedBytes: Uint8Array,
  rtol: number,
  atol: number,
): Difference | undefined {
  const [left, right] = [viewAs(dtype, actualBytes), viewAs(dtype, expectedBytes)];
  const decode = dtype === 'float16' ? fromHalfBits : (x: number) => x;
  for (let at = 0; at < left.length; at++) {
    const [actual, expected] = [decode(left[at]), decode(right[at])];
    if (actual === expected || (Number.isNaN(actual) && Number.isNaN(expected))) continue;
    const near = isFloat(dtype) && Math.abs(actual - expected) <= atol + rtol * Math.abs(expected);
    // An infinite bound would let anything pass.
    if (near && Number.isFinite(expected)) continue;
    return { at, actual, expected };
  }
  return undefined;
}

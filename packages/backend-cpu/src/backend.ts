/** The CPU backend: kernels as WebAssembly SIMD code over one linear memory. */
import {
  type Backend,
  type BackendFactory,
  type Capabilities,
  type Command,
  type DeviceBuffer,
  DTYPE_NAMES,
  type Kernel,
  roundTo,
  SCALAR_OPS,
  type StartedBackend,
  ValidationError,
  whenHere,
} from '@neurite/tensor';
import { compileKernel } from './codegen/compile.js';
import { specializeContraction } from './contraction/index.js';
import { createMemory, type LinearMemory, MAX_MEMORY_BYTES } from './memory.js';
import type { CpuProgram } from './program.js';
import { createSequential, type Executor } from './threads/executor.js';
import { createPool } from './threads/pool.js';
import { findThreading, type Threading } from './threads/spawn.js';

export interface CpuOptions {
  /**
   * Threads that run kernels, the calling one among them (in a page's main thread: beside it). By default as many as the
   * machine runs at the same time, at most 16. Results have the same bits for any number.
   */
  readonly threads?: number;
  /**
   * From how many machine instructions on, roughly, a kernel is shared out among threads (default 50,000); less is done by
   * one, for calling the others would take longer.
   */
  readonly minParallelWork?: number;
  /** Bytes that may be live at once; at most (and by default) 4 GiB less 64 KiB, what 32-bit addresses reach. */
  readonly memoryBudget?: number;
}

/** Buffers one kernel may bind. Their addresses are passed in memory, so the limit is only a sanity check. */
const MAX_BUFFERS = 4096;
const ALIGNMENT = 64;

const MAX_THREADS = 16;

/**
 * The CPU backend for `use(...)`: `await use(cpu())`. Where threads cannot be had it works with one, and where WebAssembly or its
 * SIMD instructions are missing it interprets kernels, which is slow; it says so in its notes. Its `start` throws
 * ValidationError for a number of threads below one, and DeviceError where the memory cannot be reserved.
 */
export function cpu(options: CpuOptions = {}): BackendFactory {
  return {
    name: 'cpu',
    async start() {
      const missing = missingFeature();
      if (missing) return interpreting(missing);
      const { threads } = options;
      if (threads !== undefined && !(Number.isInteger(threads) && threads > 0)) {
        throw new ValidationError(`cpu: threads must be a whole number of at least 1, not ${threads}`);
      }
      const { memory, executor, note } = await startThreads(options);
      return { backend: createBackend(memory, executor), notes: ['wasm simd', note] };
    },
  };
}

interface Started {
  readonly memory: LinearMemory;
  readonly executor: Executor;
  /** How many threads there are, and why no more. */
  readonly note: string;
}

async function startThreads(options: CpuOptions): Promise<Started> {
  const { memoryBudget: budget = MAX_MEMORY_BYTES - 1024 * 1024, threads: wanted } = options;
  const alone = (reason: string): Started => {
    const memory = createMemory({ budget });
    const note = reason ? `1 thread: ${reason}` : '1 thread';
    return { memory, executor: createSequential(memory.bytes), note };
  };
  if (wanted === 1) return alone('');
  const threading = findThreading();
  if (typeof threading === 'string') return alone(threading);
  const threads = wanted ?? Math.min(threading.parallelism, MAX_THREADS);
  if (threads === 1) return alone('');
  try {
    const memory = createMemory({ budget, shared: true });
    const executor = await createThreaded(memory, threading, { ...options, threads });
    return { memory, executor, note: `${threads} threads` };
  } catch (e) {
    return alone((e as Error).message);
  }
}

async function createThreaded(
  memory: LinearMemory,
  { spawn, mayWait }: Threading,
  { threads, minParallelWork: minWork }: CpuOptions & { readonly threads: number },
): Promise<Executor> {
  const warn = (message: string) => console.warn(`neurite: ${message}`);
  const pool = { threads, minWork, spawn, warn };
  if (mayWait) return createPool(memory, pool);
  // Only a page's main thread needs it.
  const { createCoordinated } = await import('./threads/coordinator.js');
  return createCoordinated(memory, pool);
}

/** (func (drop (v128.const 0))) as a module. */
const SIMD_PROBE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 23, 1, 21, 0, 253, 12, 0, 0, 0, 0, 0, 0, 0,
  0, 0, 0, 0, 0, 0, 0, 0, 0, 26, 11,
]);

/** What generated code needs and this engine has not. */
function missingFeature(): string | null {
  if (typeof WebAssembly === 'undefined') return 'WebAssembly';
  return WebAssembly.validate(SIMD_PROBE) ? null : 'WebAssembly SIMD';
}

async function interpreting(missing: string): Promise<StartedBackend> {
  // Loaded only where it is needed.
  const { reference } = await import('@neurite/tensor/reference');
  const { backend } = await reference().start();
  return {
    backend: Object.assign(Object.create(backend), { name: 'cpu' }),
    notes: [`no ${missing}: kernels are interpreted, which is slow`],
  };
}

interface CpuBuffer extends DeviceBuffer {
  /** −1 once freed. */
  address: number;
  /** Ticket of the submission that wrote to it last. */
  ticket: number;
}

function createBackend(memory: LinearMemory, executor: Executor): Backend {
  const capabilities: Capabilities = {
    dtypes: DTYPE_NAMES,
    scalarOps: new Set(SCALAR_OPS),
    maxBuffers: MAX_BUFFERS,
    maxBufferBytes: memory.budget,
    memoryBudget: memory.budget,
    arena: true,
    alignment: ALIGNMENT,
  };
  /** Gives memory back when nobody can be using it any more. */
  function release(address: number): void {
    const idle = executor.idle();
    if (idle) void idle.then(() => memory.free(address));
    else memory.free(address);
  }

  const scratch = growingBlock(memory, release);
  const shared = growingBlock(memory, release);

  function addressOf(buffer: DeviceBuffer): number {
    const { address } = buffer as CpuBuffer;
    if (address < 0) throw new ValidationError('cpu: a freed buffer is used');
    return address;
  }

  function checkBytes(buffer: DeviceBuffer, byteOffset: number, byteLength: number): number {
    if (byteOffset < 0 || byteOffset + byteLength > buffer.bytes) {
      throw new ValidationError(
        `cpu: bytes ${byteOffset} to ${byteOffset + byteLength} of a buffer of ${buffer.bytes} bytes`,
      );
    }
    return addressOf(buffer) + byteOffset;
  }

  /** Writes the argument block of a command to `args`; `working` is the address of memory that its threads share. */
  function bind({ program, buffers, scalars }: Command, args: number, working: number): void {
    const { kernel, layout } = program as CpuProgram;
    if (buffers.length !== kernel.buffers.length || scalars.length !== kernel.scalars.length) {
      throw new ValidationError(
        `${kernel.name}: given ${buffers.length} buffers and ${scalars.length} scalars, takes ` +
          `${kernel.buffers.length} and ${kernel.scalars.length}`,
      );
    }
    const { words, floats, doubles } = memory.views();
    for (let i = 0; i < buffers.length; i++) {
      const { buffer, byteOffset } = buffers[i];
      words[(args + layout.buffer(i)) / 4] = addressOf(buffer) + byteOffset;
    }
    words[(args + layout.shared) / 4] = working;
    for (let slot = 0; slot < scalars.length; slot++) {
      const at = args + layout.scalar(slot);
      const dtype = kernel.scalars[slot];
      if (dtype === 'float64') doubles[at / 8] = scalars[slot];
      else if (dtype === 'float32') floats[at / 4] = scalars[slot];
      else if (dtype === 'float16') floats[at / 4] = roundTo('float16')(scalars[slot]);
      else words[at / 4] = scalars[slot];
    }
  }

  const compile = (kernel: Kernel) => whenHere(() => compileKernel(kernel, memory.memory));

  const largest = (commands: readonly Command[], of: (program: CpuProgram) => number): number =>
    commands.reduce((most, { program }) => Math.max(most, of(program as CpuProgram)), 0);

  function submit(commands: readonly Command[]): void {
    const sizes = commands.map(({ program }) => align((program as CpuProgram).layout.bytes));
    const block = memory.allocate(sizes.reduce((sum, size) => sum + size, 0));
    try {
      const working = shared.atLeast(largest(commands, (program) => program.sharedBytes));
      const stride = align(largest(commands, (program) => program.scratchBytes));
      const own = { address: scratch.atLeast(stride * executor.threads), stride };
      let args = block;
      const runs = commands.map((command, i) => {
        const run = { program: command.program as CpuProgram, args };
        bind(command, args, working);
        args += sizes[i];
        return run;
      });
      const ticket = executor.submit(runs, own);
      for (const { program, buffers } of commands) {
        buffers.forEach(({ buffer }, i) => {
          if (program.kernel.buffers[i].access !== 'read') (buffer as CpuBuffer).ticket = ticket;
        });
      }
    } finally {
      release(block);
    }
  }

  return {
    name: 'cpu',
    capabilities,
    allocate: (bytes) => ({ bytes, address: memory.allocate(bytes), ticket: 0 }) as CpuBuffer,
    free(buffer) {
      release(addressOf(buffer));
      (buffer as CpuBuffer).address = -1;
    },
    write(buffer, byteOffset, bytes) {
      executor.write(checkBytes(buffer, byteOffset, bytes.length), bytes);
    },
    async read(buffer, byteOffset, byteLength) {
      const { ticket } = buffer as CpuBuffer;
      const bytes = await executor.read(checkBytes(buffer, byteOffset, byteLength), byteLength);
      const failure = executor.failureOf(ticket);
      if (failure) throw failure;
      return bytes;
    },
    compile,
    specialize(kernel) {
      const tuned = whenHere(() => specializeContraction(kernel, memory.memory));
      return tuned instanceof Promise ? tuned.then((program) => program ?? compile(kernel)) : tuned;
    },
    submit,
    synchronize: async () => {
      await executor.idle();
    },
    destroy: () => executor.destroy(),
  };
}

const align = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** One block that is replaced by a larger one when it is too small. */
function growingBlock(
  memory: LinearMemory,
  release: (address: number) => void,
): { atLeast(bytes: number): number } {
  let address = 0;
  let size = 0;
  return {
    atLeast(bytes) {
      if (bytes <= size) return address;
      const larger = memory.allocate(bytes);
      if (size > 0) release(address);
      address = larger;
      size = bytes;
      return address;
    },
  };
}

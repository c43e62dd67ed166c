/** The CPU backend: kernels as WebAssembly SIMD code over one linear memory. */
import {
  type Backend,
  type BackendFactory,
  type Capabilities,
  type Command,
  type DeviceBuffer,
  DeviceError,
  DTYPE_NAMES,
  roundTo,
  SCALAR_OPS,
  ValidationError,
} from '@neurite/tensor';
import { compileKernel } from './codegen/compile.js';
import { specializeContraction } from './contraction/index.js';
import { createMemory, type LinearMemory, MAX_MEMORY_BYTES } from './memory.js';
import { argumentLayout, type CpuProgram } from './program.js';

export interface CpuOptions {
  /** Bytes that may be live at once; at most (and by default) 4 GiB less 64 KiB, what 32-bit addresses reach. */
  readonly memoryBudget?: number;
}

/** Buffers one kernel may bind. Their addresses are passed in memory, so the limit is only a sanity check. */
const MAX_BUFFERS = 4096;
const ALIGNMENT = 64;

/**
 * The CPU backend for `use(...)`: `await use(cpu())`. Its `start` throws DeviceError where WebAssembly or its SIMD
 * instructions are missing.
 */
export function cpu(options: CpuOptions = {}): BackendFactory {
  return {
    name: 'cpu',
    start() {
      requireSimd();
      return { backend: createBackend(options), notes: ['wasm simd', '1 thread'] };
    },
  };
}

/** (func (drop (v128.const 0))) as a module. */
const SIMD_PROBE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 23, 1, 21, 0, 253, 12, 0, 0, 0, 0, 0, 0, 0,
  0, 0, 0, 0, 0, 0, 0, 0, 0, 26, 11,
]);

function requireSimd(): void {
  if (typeof WebAssembly === 'undefined')
    throw new DeviceError('cpu: this JavaScript engine has no WebAssembly');
  if (!WebAssembly.validate(SIMD_PROBE))
    throw new DeviceError('cpu: this WebAssembly engine has no SIMD instructions');
}

interface CpuBuffer extends DeviceBuffer {
  /** −1 once freed. */
  address: number;
}

function createBackend({ memoryBudget = MAX_MEMORY_BYTES - 1024 * 1024 }: CpuOptions): Backend {
  const memory = createMemory({ budget: memoryBudget });
  const capabilities: Capabilities = {
    dtypes: DTYPE_NAMES,
    scalarOps: new Set(SCALAR_OPS),
    maxBuffers: MAX_BUFFERS,
    maxBufferBytes: memoryBudget,
    memoryBudget,
    arena: true,
    alignment: ALIGNMENT,
  };
  const block = growingBlock(memory);
  const scratch = growingBlock(memory);
  const shared = growingBlock(memory);

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

  /** Writes the argument block of a command; returns its address. */
  function bind({ program, buffers, scalars }: Command): number {
    const { kernel, sharedBytes } = program as CpuProgram;
    if (buffers.length !== kernel.buffers.length || scalars.length !== kernel.scalars.length) {
      throw new ValidationError(
        `${kernel.name}: given ${buffers.length} buffers and ${scalars.length} scalars, takes ` +
          `${kernel.buffers.length} and ${kernel.scalars.length}`,
      );
    }
    const layout = argumentLayout(kernel);
    const args = block.atLeast(layout.bytes);
    const working = sharedBytes > 0 ? shared.atLeast(sharedBytes) : 0;
    const bytes = memory.bytes();
    const view = new DataView(bytes.buffer, args, layout.bytes);
    for (const [i, { buffer, byteOffset }] of buffers.entries()) {
      view.setUint32(layout.buffer(i), addressOf(buffer) + byteOffset, true);
    }
    view.setUint32(layout.shared, working, true);
    for (const [slot, dtype] of kernel.scalars.entries()) {
      const at = layout.scalar(slot);
      if (dtype === 'float64') view.setFloat64(at, scalars[slot], true);
      else if (dtype === 'float32') view.setFloat32(at, scalars[slot], true);
      else if (dtype === 'float16') view.setFloat32(at, roundTo('float16')(scalars[slot]), true);
      else view.setInt32(at, scalars[slot], true);
    }
    return args;
  }

  function run(command: Command): void {
    const { parts, scratchBytes } = command.program as CpuProgram;
    const args = bind(command);
    const own = scratchBytes > 0 ? scratch.atLeast(scratchBytes) : 0;
    for (const { units, run: runUnits } of parts) runUnits(0, units, args, own);
  }

  return {
    name: 'cpu',
    capabilities,
    allocate: (bytes) => ({ bytes, address: memory.allocate(bytes) }) as CpuBuffer,
    free(buffer) {
      memory.free(addressOf(buffer));
      (buffer as CpuBuffer).address = -1;
    },
    write(buffer, byteOffset, bytes) {
      memory.bytes().set(bytes, checkBytes(buffer, byteOffset, bytes.length));
    },
    async read(buffer, byteOffset, byteLength) {
      const begin = checkBytes(buffer, byteOffset, byteLength);
      // Its own copy, not a view: the memory may be shared between threads, and moves when it grows.
      return new Uint8Array(memory.bytes().subarray(begin, begin + byteLength));
    },
    compile: (kernel) => compileKernel(kernel, memory.memory),
    specialize: (kernel) => specializeContraction(kernel, memory.memory),
    submit: (commands) => commands.forEach(run),
    // Commands have run when `submit` returns.
    synchronize: async () => {},
    destroy() {},
  };
}

/** One block that is replaced by a larger one when it is too small. */
function growingBlock(memory: LinearMemory): { atLeast(bytes: number): number } {
  let address = 0;
  let size = 0;
  return {
    atLeast(bytes) {
      if (bytes <= size) return address;
      const larger = memory.allocate(bytes);
      if (size > 0) memory.free(address);
      address = larger;
      size = bytes;
      return address;
    },
  };
}

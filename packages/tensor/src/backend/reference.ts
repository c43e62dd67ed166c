/**
 * The reference backend: plain JavaScript that interprets kernels (`interpret.ts`), and so the definition of what they
 * mean. It has no tuned program, but knows the named kernels, which have no loops (`attention.ts`); a scheduler gives it some only
 * where its `namedOps` is set. Work is done when it is submitted.
 */
import { DTYPE_NAMES, DTYPES } from '../dtype.js';
import { OutOfMemoryError, ValidationError } from '../errors.js';
import { type Kernel, SCALAR_OPS } from '../kernel/ir.js';
import { printKernel } from '../kernel/print.js';
import { checkCommand, checkKernel } from './check.js';
import type { Backend, BackendFactory, Capabilities, Command, DeviceBuffer, Program } from './interface.js';
import { interpret, type RunKernel } from './interpret.js';

/** Limits to pretend, so that tests can force a split, a lowering or an out-of-memory. */
export type ReferenceOptions = Partial<Capabilities>;

/** The reference backend for `use(...)` and `validateWith`. */
export function reference(options: ReferenceOptions = {}): BackendFactory {
  return { name: 'reference', start: () => ({ backend: referenceBackend(options), notes: ['interpreter'] }) };
}

/** The data is gone once it is freed. */
type HostBuffer = DeviceBuffer & { data: Uint8Array | undefined };
type Interpreted = Program & { readonly run: RunKernel };

function referenceBackend(options: ReferenceOptions): Backend {
  const capabilities: Capabilities = {
    dtypes: DTYPE_NAMES,
    scalarOps: new Set(SCALAR_OPS),
    maxBuffers: 1024,
    maxBufferBytes: 2 ** 31,
    memoryBudget: 2 ** 31,
    arena: true,
    alignment: 8,
    ...options,
  };
  let live = 0;

  function dataOf(buffer: DeviceBuffer): Uint8Array {
    const { data } = buffer as HostBuffer;
    if (!data) throw new ValidationError('reference: a freed buffer is used');
    return data;
  }

  function compile(kernel: Kernel): Interpreted | Promise<Interpreted> {
    checkKernel('reference', kernel, capabilities);
    if (kernel.named)
      return import('./attention.js').then(({ interpretAttention }) => {
        return { kernel, source: printKernel(kernel), run: interpretAttention(kernel), specialized: true };
      });
    return { kernel, source: printKernel(kernel), run: interpret(kernel, capabilities.scalarOps) };
  }

  function run(command: Command): void {
    checkCommand(command, capabilities);
    const { program, buffers, scalars } = command;
    const views = program.kernel.buffers.map(({ dtype, size }, i) => {
      const data = dataOf(buffers[i].buffer);
      return new DTYPES[dtype].array(data.buffer, buffers[i].byteOffset, size);
    });
    (program as Interpreted).run(views, scalars);
  }

  return {
    name: 'reference',
    capabilities,
    allocate(bytes) {
      if (bytes > capabilities.maxBufferBytes || live + bytes > capabilities.memoryBudget) {
        throw new OutOfMemoryError(
          `reference: ${bytes} bytes asked for, ${live} of ${capabilities.memoryBudget} in use, largest buffer ` +
            `${capabilities.maxBufferBytes}`,
        );
      }
      live += bytes;
      // Not zeros: a kernel that reads what nothing wrote should be seen (NaN in every float dtype).
      return { bytes, data: new Uint8Array(bytes).fill(255) } as HostBuffer;
    },
    free(buffer) {
      dataOf(buffer);
      live -= buffer.bytes;
      (buffer as HostBuffer).data = undefined;
    },
    write: (buffer, byteOffset, bytes) => dataOf(buffer).set(bytes, byteOffset),
    read: async (buffer, byteOffset, byteLength) => dataOf(buffer).slice(byteOffset, byteOffset + byteLength),
    compile,
    ...(capabilities.namedOps && {
      specialize: (kernel: Kernel) => (kernel.named ? compile(kernel) : undefined),
    }),
    submit: (commands) => commands.forEach(run),
    synchronize: async () => {},
    destroy() {},
  };
}

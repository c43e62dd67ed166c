/** What a backend must keep about memory and the order of work, whatever its kernels do. */
import type { Backend, Program } from '../backend/interface.js';
import type { Kernel } from '../kernel/ir.js';
import { lowerScalarOps } from '../kernel/lowering.js';
import { decodeElements, encodeElements, type TestRunner } from './harness.js';
import { builder, load, loop, op, pointwise, reads, store, writes } from './kernel-builder.js';

const SIZE = 10;
const BYTES = SIZE * 4;

/** out1 = in0 · s0 + s1 */
function scaleKernel(): Kernel {
  const i = loop('i', SIZE);
  const scaled = op('mul', load(0, i.variable), builder.scalar(0, 'float32'));
  return {
    name: 'scale',
    buffers: [reads(SIZE), writes(SIZE)],
    scalars: ['float32', 'float32'],
    nests: [pointwise([i], store(1, i.variable, op('add', scaled, builder.scalar(1, 'float32'))))],
  };
}

const count = Array.from({ length: SIZE }, (_, i) => i);

/** Registers tests of buffers, reads and writes, submission and memory limits. */
export function describeBuffers(backend: Backend, { describe, it, expect }: TestRunner): void {
  const { alignment, arena, maxBufferBytes, memoryBudget, scalarOps } = backend.capabilities;
  const compile = async (): Promise<Program> =>
    backend.compile(lowerScalarOps(scaleKernel(), builder, scalarOps));
  const filled = (values: readonly number[]) => {
    const buffer = backend.allocate(BYTES);
    backend.write(buffer, 0, encodeElements('float32', values));
    return { buffer, byteOffset: 0 };
  };
  const contentOf = async ({ buffer, byteOffset }: ReturnType<typeof filled>) =>
    decodeElements('float32', await backend.read(buffer, byteOffset, BYTES)).join();

  describe('buffers and commands', () => {
    it('writes and reads at offsets, and keeps no hold of the bytes', async () => {
      const { buffer } = filled(count);
      const bytes = encodeElements('float32', [100, 101]);
      backend.write(buffer, 8, bytes);
      bytes.fill(0);
      const part = await backend.read(buffer, 4, 16);
      expect(decodeElements('float32', part.slice()).join()).toBe('1,100,101,4');
      part.fill(0);
      expect(await contentOf({ buffer, byteOffset: 0 })).toBe('0,1,100,101,4,5,6,7,8,9');
      backend.free(buffer);
    });

    it('runs commands in order, each with its own scalars', async () => {
      const program = await compile();
      const [a, b] = [filled(count), filled(count)];
      backend.submit([
        { program, buffers: [a, b], scalars: [2, 1] },
        { program, buffers: [b, a], scalars: [10, 3] },
      ]);
      backend.submit([{ program, buffers: [a, b], scalars: [1, 0.5] }]);
      expect(await contentOf(a)).toBe(count.map((x) => (x * 2 + 1) * 10 + 3).join());
      expect(await contentOf(b)).toBe(count.map((x) => (x * 2 + 1) * 10 + 3.5).join());
      for (const { buffer } of [a, b]) backend.free(buffer);
    });

    it('orders writes with commands', async () => {
      const program = await compile();
      const [a, b, c] = [filled(count), filled(count), filled(count)];
      backend.submit([{ program, buffers: [a, b], scalars: [2, 0] }]);
      backend.write(a.buffer, 0, encodeElements('float32', new Array<number>(SIZE).fill(1)));
      backend.submit([{ program, buffers: [a, c], scalars: [2, 0] }]);
      expect(await contentOf(b)).toBe(count.map((x) => x * 2).join());
      expect(await contentOf(c)).toBe(count.map(() => 2).join());
      for (const { buffer } of [a, b, c]) backend.free(buffer);
    });

    it('reads what is there at the time of the call, whatever comes after it', async () => {
      const program = await compile();
      const [a, b] = [filled(count), filled(count.map((x) => 10 * x))];
      const first = contentOf(b);
      backend.submit([{ program, buffers: [a, b], scalars: [2, 0] }]);
      const second = contentOf(b);
      backend.write(b.buffer, 0, encodeElements('float32', count));
      const third = contentOf(b);
      backend.submit([{ program, buffers: [a, b], scalars: [3, 0] }]);
      const seen = [await first, await second, await third, await contentOf(b)];
      expect(seen.join(' ')).toBe([10, 2, 1, 3].map((k) => count.map((x) => k * x).join()).join(' '));
      for (const { buffer } of [a, b]) backend.free(buffer);
    });

    it('lets submitted commands use what is freed after them', async () => {
      const program = await compile();
      const [a, b, c] = [filled(count), filled(count), filled(count)];
      backend.submit([
        { program, buffers: [a, b], scalars: [3, 0] },
        { program, buffers: [b, c], scalars: [1, 1] },
      ]);
      backend.free(a.buffer);
      backend.free(b.buffer);
      const other = filled(new Array<number>(SIZE).fill(-1));
      expect(await contentOf(c)).toBe(count.map((x) => x * 3 + 1).join());
      expect(await contentOf(other)).toBe(count.map(() => -1).join());
      for (const { buffer } of [c, other]) backend.free(buffer);
    });

    if (arena) {
      it('binds two parts of one buffer', async () => {
        const program = await compile();
        const second = Math.ceil(BYTES / alignment) * alignment;
        const buffer = backend.allocate(second + BYTES);
        const [a, b] = [0, second].map((byteOffset) => ({ buffer, byteOffset }));
        backend.write(buffer, 0, encodeElements('float32', count));
        backend.submit([{ program, buffers: [a, b], scalars: [2, 0] }]);
        expect(await contentOf(b)).toBe(count.map((x) => x * 2).join());
        expect(await contentOf(a)).toBe(count.join());
        backend.free(buffer);
      });
    }

    it('refuses more memory than it has, and goes on', async () => {
      const refused = (bytes: number) => {
        try {
          backend.allocate(bytes);
          return 'allocated';
        } catch (error) {
          return (error as Error).name;
        }
      };
      expect(refused(Math.min(maxBufferBytes, memoryBudget) + alignment)).toBe('OutOfMemoryError');
      const a = filled(count);
      expect(await contentOf(a)).toBe(count.join());
      backend.free(a.buffer);
    });

    it('gets freed memory back', async () => {
      const bytes = 2 ** 20;
      for (let given = 0; given <= Math.min(memoryBudget, 2 ** 32); given += bytes * 16) {
        const buffers = Array.from({ length: 16 }, () => backend.allocate(bytes));
        for (const buffer of buffers) backend.free(buffer);
      }
      await backend.synchronize();
    });

    it('takes an empty submission', async () => {
      backend.submit([]);
      await backend.synchronize();
    });
  });
}

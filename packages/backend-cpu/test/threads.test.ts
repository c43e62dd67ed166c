import { DeviceError, OutOfMemoryError, realize, tensor, use, zeros } from '@neurite/tensor';
import { afterEach, expect, test, vi } from 'vitest';
import { compileKernel } from '../src/codegen/compile.js';
import { cpu } from '../src/index.js';
import { createMemory } from '../src/memory.js';
import { argumentLayout } from '../src/program.js';
import { createCoordinated } from '../src/threads/coordinator.js';
import { createSequential, type Executor } from '../src/threads/executor.js';
import { createPool } from '../src/threads/pool.js';
import { findThreading, type Spawn, type Threading } from '../src/threads/spawn.js';
import { loadEverything } from './loadEverything.js';
import { f32, op, pointwise, softmax } from './typical-kernels.js';

const { spawn } = findThreading() as Threading;
const SIZE = 200_000;
const STALL_MS = 300;
const executors: Executor[] = [];

await loadEverything();

afterEach(() => {
  for (const executor of executors.splice(0)) executor.destroy();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

/** A program over two buffers, ready to run with an executor of any kind. */
function prepare(
  kernel = pointwise('chain', SIZE, (x) => op('exp', op('mul', x, f32(0.5)))),
  memory = createMemory({ budget: 2 ** 28, shared: true }),
) {
  const program = compileKernel(kernel, memory.memory);
  const args = memory.allocate(argumentLayout(kernel).bytes);
  const [from, to] = kernel.buffers.map(({ size }) => memory.allocate(4 * size));
  const scratch = { address: memory.allocate(8 * program.scratchBytes + 64), stride: program.scratchBytes };
  const floats = (at: number, size: number) => new Float32Array(memory.bytes().buffer, at, size);
  floats(from, kernel.buffers[0].size).forEach((_, i, all) => {
    all[i] = Math.sin(i);
  });
  const words = new Uint32Array(memory.bytes().buffer, args, 2);
  words.set([from, to]);
  const run = async (executor: Executor): Promise<Float32Array> => {
    executors.push(executor);
    floats(to, kernel.buffers[1].size).fill(-1);
    const ticket = executor.submit([{ program, args }], scratch);
    await executor.idle();
    const failure = executor.failureOf(ticket);
    if (failure) throw failure;
    return floats(to, kernel.buffers[1].size).slice();
  };
  return { memory, program, args, run };
}

/** `toEqual` takes a second for arrays of this size. */
const expectSameBits = (got: Float32Array, expected: Float32Array) =>
  expect(Buffer.compare(Buffer.from(got.buffer), Buffer.from(expected.buffer))).toBe(0);

const silent = { warn: () => {} };

test.each([2, 3, 8])('%i threads give the bits of one', async (threads) => {
  for (const kernel of [undefined, softmax(300, 257)]) {
    const { memory, run } = prepare(kernel);
    const expected = await run(createSequential(memory.bytes));
    const pool = createPool(memory, { threads, spawn, ...silent });
    for (let i = 0; i < 20; i++) expectSameBits(await run(pool), expected);
    const coordinated = await createCoordinated(memory, { threads, spawn, ...silent });
    for (let i = 0; i < 5; i++) expectSameBits(await run(coordinated), expected);
  }
});

/** How long a test waits for a thread that never comes before it fails, instead of hanging. */
const NEVER_MS = 600_000;

/** Makes helpers run `code` in the middle of each of their chunks. */
const sabotage =
  (code: string): Spawn =>
  (source, setup, events) =>
    spawn(setup.member > 0 ? source.replace('run(cut(', `${code}; run(cut(`) : source, setup, events);

/** Makes a caller and a helper meet in a job: how fast a thread starts, and when it has a core, decides nothing. */
function meeting({ memory, program, run }: ReturnType<typeof prepare>) {
  const address = memory.allocate(64);
  const word = () => new Int32Array(memory.bytes().buffer, address, 1);
  // Tests put another one in the place of `Atomics.wait`.
  const { wait } = Atomics;
  const [part] = program.parts;
  const compute = part.run;
  let [own, waits] = [0, false];
  (part as { run: unknown }).run = (...args: Parameters<typeof compute>) => {
    if (waits) wait(word(), 0, 0, NEVER_MS);
    own += args[1] - args[0];
    return compute(...args);
  };
  const share = async (executor: Executor): Promise<number> => {
    own = 0;
    await run(executor);
    return own / part.units;
  };
  const inThread = `new Int32Array(memory.buffer, ${address}, 1)`;
  return {
    /** What a helper does when it has a chunk. */
    arrive: `Atomics.store(${inThread}, 0, 1); Atomics.notify(${inThread}, 0)`,
    /** What a coordinator does when it has one: it waits until the helper has. */
    await: `Atomics.wait(${inThread}, 0, 0, ${NEVER_MS})`,
    /** Runs, and tells which share of the units the caller did itself. */
    shareOfCaller: share,
    /** The same, but the caller does nothing before the helper has a chunk. */
    async shareOfCallerThatWaits(executor: Executor): Promise<number> {
      Atomics.store(word(), 0, 0);
      waits = true;
      return share(executor).finally(() => {
        waits = false;
      });
    },
  };
}

test('helpers do take part', async () => {
  const prepared = prepare();
  const { arrive, shareOfCallerThatWaits } = meeting(prepared);
  const pool = createPool(prepared.memory, { threads: 2, minWork: 1, spawn: sabotage(arrive), ...silent });
  expect(await shareOfCallerThatWaits(pool)).toBeLessThan(1);
});

test('helpers start when there has been enough work to share', async () => {
  const { memory, program, run } = prepare();
  const [{ work }] = program.parts;
  let started = 0;
  const counting: Spawn = (...thread) => {
    started++;
    return spawn(...thread);
  };
  const pool = createPool(memory, { threads: 2, minWork: work / 5, spawn: counting, ...silent });
  const before: number[] = [];
  for (let i = 0; i < 5; i++) {
    await run(pool);
    before.push(started);
  }
  expect(before).toEqual([0, 0, 0, 0, 1]);
});

test('helpers that are held up are left alone for a while', async () => {
  const prepared = prepare();
  const { arrive, shareOfCaller, shareOfCallerThatWaits } = meeting(prepared);
  // Holds its chunk until the caller waits for it.
  const held = prepared.memory.allocate(64);
  const heldUp = `${arrive}; Atomics.wait(new Int32Array(memory.buffer, ${held}, 1), 0, 0, ${NEVER_MS})`;
  Atomics.store(new Int32Array(prepared.memory.bytes().buffer, held, 1), 0, 0);
  const pool = createPool(prepared.memory, { threads: 2, minWork: 1, spawn: sabotage(heldUp), ...silent });
  // By this clock nothing takes time but waiting for the helper.
  let clock = 1000;
  const { wait } = Atomics;
  vi.spyOn(performance, 'now').mockImplementation(() => clock);
  vi.spyOn(Atomics, 'wait').mockImplementation((...args: Parameters<typeof wait>) => {
    clock += 30;
    const word = new Int32Array(prepared.memory.bytes().buffer, held, 1);
    Atomics.store(word, 0, 1);
    Atomics.notify(word, 0);
    return wait(...args);
  });
  expect(await shareOfCallerThatWaits(pool)).toBeLessThan(1);
  expect(clock).toBeGreaterThan(1000);
  const until = clock + 2 * (clock - 1000);
  for (; clock < until; clock += 10) expect(await shareOfCaller(pool)).toBe(1);
  expect(await shareOfCallerThatWaits(pool)).toBeLessThan(1);
});

test('addresses beyond two gigabytes', async () => {
  const memory = createMemory({ budget: 2 ** 32 - 2 ** 21, shared: true });
  // Room that nobody touches costs address space only.
  memory.allocate(2 ** 31 + 2 ** 20);
  const { run, args } = prepare(undefined, memory);
  expect(args).toBeGreaterThan(2 ** 31);
  const expected = await run(createSequential(memory.bytes));
  expect(expected[1]).toBeCloseTo(Math.exp(Math.sin(1) / 2), 6);
  const pool = createPool(memory, { threads: 3, spawn, ...silent });
  for (let i = 0; i < 20; i++) expectSameBits(await run(pool), expected);
  expectSameBits(await run(await createCoordinated(memory, { threads: 3, spawn, ...silent })), expected);
});

test('a memory that cannot grow is an error of the step, and smaller steps go on', async () => {
  const device = await use(cpu({ threads: 2 }), { log: false });
  const grow = vi.spyOn(WebAssembly.Memory.prototype, 'grow').mockImplementation(() => {
    throw new RangeError('no more');
  });
  await expect(realize(zeros([2 ** 26], { device }).add(1))).rejects.toThrow(OutOfMemoryError);
  grow.mockRestore();
  expect(await tensor([1, 2], { device }).add(1).array()).toEqual([2, 3]);
  await device.destroy();
});

test('an idle pool burns no time', async () => {
  const prepared = prepare();
  const { arrive, shareOfCallerThatWaits } = meeting(prepared);
  const pool = createPool(prepared.memory, { threads: 4, minWork: 1, spawn: sabotage(arrive), ...silent });
  expect(await shareOfCallerThatWaits(pool)).toBeLessThan(1);
  const burnt: number[] = [];
  // Threads that start, compilers and collectors need time too, but not for ever: the least of several seconds counts.
  while (burnt.length < 20 && Math.min(...burnt) >= 500_000) {
    const before = process.cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const { user, system } = process.cpuUsage(before);
    burnt.push(user + system);
  }
  // Of this process and all its threads, in microseconds: a thread that spins would take each whole second.
  expect(Math.min(...burnt)).toBeLessThan(500_000);
});

test('a program finds its module in threads that start later, and after the memory has grown', async () => {
  const { memory, run } = prepare();
  const pool = createPool(memory, { threads: 2, spawn, ...silent });
  const expected = await run(pool);
  memory.allocate(2 ** 27);
  const second = prepare(pointwise('other', SIZE, (x) => op('add', x, f32(1))));
  expect((await second.run(createPool(second.memory, { threads: 2, spawn, ...silent })))[0]).toBe(1);
  expectSameBits(await run(pool), expected);
});

test('the place that tests break is there', async () => {
  const seen: string[] = [];
  const { memory, run } = prepare();
  const listen: Spawn = (source, setup, events) => {
    seen.push(source);
    return spawn(source, setup, events);
  };
  await run(createPool(memory, { minWork: 1, threads: 2, spawn: listen, ...silent }));
  expect(seen[0].split('run(cut(').length).toBe(2);
});

test('a helper that dies in the middle of a step is an error, and the next step works', async () => {
  const prepared = prepare();
  const { memory, run } = prepared;
  const { arrive, shareOfCallerThatWaits } = meeting(prepared);
  let first = true;
  const dying = sabotage(`${arrive}; process.exit(3)`);
  const once: Spawn = (...args) => (first ? dying : spawn)(...args);
  const pool = createPool(memory, { threads: 2, minWork: 1, spawn: once, ...silent });
  // Soon for the thread that is dead, and not for those after it: a healthy one may have to wait for a core.
  const { wait } = Atomics;
  const impatient = vi
    .spyOn(Atomics, 'wait')
    .mockImplementation(((words: Int32Array, i: number, value: number) =>
      wait(words, i, value, STALL_MS)) as typeof wait);
  const error: unknown = await shareOfCallerThatWaits(pool).catch((e) => e);
  impatient.mockRestore();
  first = false;
  expect(error).toBeInstanceOf(DeviceError);
  expect((error as Error).message).toMatch(/a worker thread that was running chain is gone or has hung/);
  const expected = await run(createSequential(memory.bytes));
  for (let i = 0; i < 10; i++) expectSameBits(await run(pool), expected);
});

test('a helper that dies behind a coordinator loses what was on its way, and the next step works', async () => {
  const prepared = prepare();
  const { memory, run } = prepared;
  const meet = meeting(prepared);
  let first = true;
  const dying = sabotage(`${meet.arrive}; process.exit(3)`);
  // As above: only the first threads count as lost soon.
  const once: Spawn = (source, setup, events) => {
    if (!first) return spawn(source, setup, events);
    const waiting = source.replace('run(cut(', `${meet.await}; run(cut(`);
    return dying(setup.member === 0 ? waiting : source, { ...setup, stallMs: STALL_MS }, events);
  };
  const pool = await createCoordinated(memory, { threads: 2, minWork: 1, spawn: once, ...silent });
  const error: unknown = await run(pool).catch((e) => e);
  first = false;
  expect((error as Error).message).toMatch(/running chain is gone or has hung/);
  const expected = await run(createSequential(memory.bytes));
  for (let i = 0; i < 5; i++) expectSameBits(await run(pool), expected);
});

test('an error in a helper is an error of the step, with the name of its kernel', async () => {
  const prepared = prepare();
  const { arrive, shareOfCallerThatWaits } = meeting(prepared);
  const failing = sabotage(`${arrive}; throw new Error()`);
  const pool = createPool(prepared.memory, { threads: 2, minWork: 1, spawn: failing, ...silent });
  await expect(shareOfCallerThatWaits(pool)).rejects.toThrow(/^cpu: chain failed in a worker thread$/);
});

test('threads that cannot start leave the work to the caller', async () => {
  const { memory, run } = prepare();
  const expected = await run(createSequential(memory.bytes));
  const messages: string[] = [];
  const warn = (message: string) => messages.push(message);
  const refuse: Spawn = () => {
    throw new Error('not allowed');
  };
  expectSameBits(await run(createPool(memory, { threads: 3, minWork: 1, spawn: refuse, warn })), expected);
  expect(messages).toEqual(['cpu: worker threads cannot start (not allowed); going on with 1']);
  await expect(createCoordinated(memory, { threads: 3, spawn: refuse, warn })).rejects.toThrow('not allowed');
});

test('helpers whose script fails are missed by nobody', async () => {
  const { memory, run } = prepare();
  const expected = await run(createSequential(memory.bytes));
  const broken: Spawn = (_, setup, events) => spawn('throw new Error("no luck");', setup, events);
  let pool: Executor | undefined;
  const message = new Promise<string>((warn) => {
    pool = createPool(memory, { threads: 2, minWork: 1, spawn: broken, warn });
  });
  expectSameBits(await run(pool as Executor), expected);
  expect(await message).toMatch(/a worker thread is lost \(no luck\)/);
  expectSameBits(await run(pool as Executor), expected);
  await expect(createCoordinated(memory, { threads: 2, spawn: broken, ...silent })).rejects.toThrow(
    'no luck',
  );
});

test('without SharedArrayBuffer there is one thread, and the line says why', async () => {
  vi.stubGlobal('SharedArrayBuffer', undefined);
  const lines: string[] = [];
  const device = await use(cpu({ threads: 2 }), { log: (line) => lines.push(line) });
  expect(lines).toEqual(['neurite: using cpu (wasm simd, 1 thread: no SharedArrayBuffer)']);
  const x = tensor([1, 2, 3], { device });
  expect(await x.mul(2).array()).toEqual([2, 4, 6]);
  await device.destroy();
});

test('many small steps and freed tensors', async () => {
  const device = await use(cpu({ threads: 2 }), { log: false });
  let x = tensor(new Float32Array(SIZE).fill(1), { device });
  for (let i = 0; i < 200; i++) {
    x = x.mul(1.5).sub(0.5);
    await realize(x);
  }
  expect(await x.sum().item()).toBe(SIZE);
  await device.destroy();
});

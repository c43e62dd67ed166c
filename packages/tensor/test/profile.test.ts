import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { reference } from '../src/backend/reference.js';
import {
  type Backend,
  type BackendFactory,
  compile,
  type Device,
  explain,
  NeuriteError,
  type Profile,
  profile,
  realize,
  record,
  Tensor,
  type Timings,
  type TypedArray,
  tensor,
  use,
} from '../src/index.js';
import { recorder } from '../src/runtime/recorder.js';

let device: Device;
beforeEach(async () => {
  device = await use(reference(), { log: false });
});
afterEach(() => device.destroy());

const matrix = (rows: number, columns: number): Tensor =>
  tensor(
    Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i)),
    { shape: [rows, columns] },
  );

/** The reference backend with the clock of another device. */
const clocked = (measured: (commands: number) => Timings): BackendFactory => ({
  name: 'clocked',
  async start() {
    const { backend, notes } = await reference().start();
    const measure: Backend['measure'] = async (commands) => {
      backend.submit(commands);
      return measured(commands.length);
    };
    return { backend: { ...backend, name: 'clocked', measure }, notes };
  },
});

describe('kernels', () => {
  test('are those of explain, with operations and bytes, and their times add up', async () => {
    const layer = () => matrix(8, 16).matmul(matrix(16, 4)).relu().softmax(1).sum(0);
    const { kernels, flops, bytes } = await explain(layer());
    const report = await profile(layer);
    const sum = (of: (kernel: Profile['kernels'][number]) => number) =>
      report.kernels.map(of).reduce((a, b) => a + b, 0);
    expect(new Set(report.kernels.map(({ name }) => name))).toEqual(new Set(kernels.map(({ name }) => name)));
    expect([sum((k) => k.flops), sum((k) => k.bytes)]).toEqual([flops, bytes]);
    expect(sum((k) => k.calls)).toBe(kernels.length);
    expect(sum((k) => k.share)).toBeCloseTo(1, 10);
    expect(sum((k) => k.time)).toBeCloseTo(report.kernelTime, 6);
    expect(report.kernelTime).toBeLessThanOrEqual(report.wallTime);
    const order = report.kernels.map(({ time }) => time);
    expect(order).toEqual([...order].sort((a, b) => b - a));
    expect(report.clocks).toEqual([{ device: 'reference', kind: 'host', resolution: expect.any(Number) }]);
  });

  test('of several calls are one row; kernels of other sizes are another', async () => {
    const report = await profile(async () => {
      for (const n of [4, 4, 4, 6]) await matrix(n, 3).matmul(matrix(3, n)).data();
    });
    expect(report.kernels.map(({ name, size, calls }) => [name, size, calls]).sort()).toEqual([
      ['matmul', '4×4 3', 3],
      ['matmul', '6×6 3', 1],
    ]);
    const [small] = report.kernels.filter(({ calls }) => calls === 3);
    expect(small.flops).toBe(3 * 2 * 4 * 4 * 3);
    expect(report.counts).toMatchObject({ plansBuilt: 2, plansReused: 2, kernelsRun: 4 });
  });

  test('that the host runs have a row: custom ops, and dtypes that the device lacks', async () => {
    const dtypes = device.backend.capabilities.dtypes.filter((dtype) => dtype !== 'float64');
    const partial = await use(reference({ dtypes }), { log: false });
    const compute = ([x]: readonly TypedArray[], out: TypedArray) => {
      out[0] = x[0] + 1;
    };
    const report = await profile(async () => {
      const x = tensor([1]).add(1);
      const custom = record('custom', [x.node], { name: 'plusOne', compute }, [1], 'float32');
      expect(await Tensor.fromNode(custom).mul(3).array()).toEqual([9]);
      expect(await tensor([3], { dtype: 'float64' }).sqrt().array()).toEqual([Math.sqrt(3)]);
    });
    const onHost = report.kernels.filter((kernel) => kernel.onHost).map(({ name }) => name);
    expect(onHost.sort()).toEqual(['plusOne', 'sqrt']);
    expect(report.counts.hostStepsRun).toBe(2);
    expect(report.host.steps).toBeGreaterThan(0);
    expect(`${report}`).toContain('plusOne (on the host)');
    await partial.destroy();
  });

  test('that nobody waits for are there too, and those of a replay', async () => {
    const double = compile((x: Tensor) => x.mul(2).sum());
    const x = matrix(3, 3);
    for (let i = 0; i < 3; i++) await double(x).item();
    expect(double.report.replays).toBe(1);
    const report = await profile(() => {
      void realize(double(x));
    });
    expect(double.report.replays).toBe(2);
    expect(report.kernels.map(({ calls }) => calls)).toEqual([1]);
    expect(report.counts.plansBuilt).toBe(0);
  });
});

describe('values', () => {
  test('are those without a profile', async () => {
    const run = () => matrix(20, 30).matmul(matrix(30, 20)).exp().sum(1).data();
    const plain = await run();
    let profiled: typeof plain | undefined;
    await profile(async () => {
      profiled = await run();
    });
    expect(profiled).toEqual(plain);
  });
});

describe('a clock of the device', () => {
  test('is believed, and its step told', async () => {
    const own = await use(
      clocked((n) => ({ nanoseconds: new Array(n).fill(2500), resolution: 10 })),
      {
        log: false,
      },
    );
    const report = await profile(() => matrix(4, 4).matmul(matrix(4, 4)));
    const [kernel] = report.kernels;
    expect(kernel).toMatchObject({ device: 'clocked', time: 2.5, uncertainty: 0.01, share: 1 });
    expect(kernel.gflops).toBeCloseTo((2 * 64) / 2500, 12);
    expect(kernel.gigabytes).toBeCloseTo((3 * 64) / 2500, 12);
    expect(`${report}`).toMatch(/matmul +4×4 4 +1 +2\.50 µs/);
    expect(`${report}`).toContain('clocked: times by its own clock, in steps of 10.0 ns');
    await own.destroy();
  });

  test.each([
    [0, null, '< 65.5 µs'],
    [65536, null, '< 131 µs'],
    [655360, 1.28e-4 * 1.5258789, '~ 655 µs'],
  ])('of coarse steps is not taken for exact: %i ns', async (time, gflops, text) => {
    const own = await use(
      clocked((n) => ({ nanoseconds: new Array(n).fill(time), resolution: 65536 })),
      {
        log: false,
      },
    );
    const report = await profile(() => matrix(4, 4).matmul(matrix(4, 4)));
    const [kernel] = report.kernels;
    expect(kernel.uncertainty).toBe(65.536);
    if (gflops === null) expect([kernel.gflops, kernel.gigabytes]).toEqual([null, null]);
    else expect(kernel.gflops).toBeCloseTo(gflops, 8);
    expect(`${report}`).toContain(text);
    await own.destroy();
  });
});

describe('a trace', () => {
  /** Rules of the trace event format: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU */
  test('is a JSON object of complete and metadata events that do not overlap on a thread', async () => {
    const report = await profile(async () => {
      await matrix(8, 8).matmul(matrix(8, 8)).softmax(1).data();
      await Promise.all([matrix(3, 4).sum(0).data(), matrix(4, 3).exp().data()]);
    });
    const { traceEvents, displayTimeUnit } = JSON.parse(report.chromeTrace());
    expect(displayTimeUnit).toBe('ms');
    const threads = new Map<number, string>();
    const ends = new Map<number, number>();
    let kernelTime = 0;
    for (const { ph, name, cat, ts, dur, pid, tid, args } of traceEvents) {
      expect(['X', 'M']).toContain(ph);
      expect([typeof name, typeof pid, typeof args]).toEqual(['string', 'number', 'object']);
      if (name === 'thread_name') threads.set(tid, args.name);
      if (ph === 'M') continue;
      expect(threads.has(tid)).toBe(true);
      expect(ts).toBeGreaterThanOrEqual(ends.get(tid) ?? 0);
      expect(dur).toBeGreaterThanOrEqual(0);
      ends.set(tid, ts + dur);
      expect(ts + dur).toBeLessThanOrEqual(report.wallTime);
      if (cat === 'kernel') kernelTime += dur;
    }
    expect(kernelTime).toBeCloseTo(report.kernelTime, 6);
    expect(kernelTime).toBeLessThanOrEqual(report.wallTime);
    const kinds = ['reference', 'host: plan', 'host: compile', 'host: write', 'host: run', 'host: read'];
    expect([...threads.values()]).toEqual(expect.arrayContaining(kinds));
    const named = new Set(traceEvents.map(({ name }: { name: string }) => name));
    for (const { name } of report.kernels) expect(named).toContain(name);
  });

  test('and the record are plain data', async () => {
    const report = await profile(() => matrix(2, 2).exp());
    const copy = structuredClone(report);
    expect(JSON.parse(JSON.stringify(report))).toEqual(JSON.parse(JSON.stringify(copy)));
    expect(Object.keys(copy)).toEqual(Object.keys(report));
    expect(copy.kernels).toEqual(report.kernels);
  });
});

describe('the table', () => {
  test('is aligned, longest first, with the whole below', async () => {
    const report = await profile(() => matrix(8, 8).matmul(matrix(8, 8)).softmax(1));
    const lines = `${report}`.split('\n');
    const rule = lines[1];
    expect(rule).toMatch(/^-+$/);
    const rows = lines.slice(2, lines.lastIndexOf(rule));
    expect(rows.map((row) => row.split(' ')[0])).toEqual(report.kernels.map(({ name }) => name));
    for (const row of [lines[0], ...rows]) expect(row).toHaveLength(rule.length);
    const rest = lines.slice(lines.lastIndexOf(rule) + 1).join('\n');
    expect(rest).toMatch(/^kernels .+ of .+; host: /);
    expect(rest).toMatch(/plans: 1 built, 0 reused; programs compiled: \d/);
    expect(rest).toContain('reference: wall times of single kernels');
  });
});

describe('errors', () => {
  test('of the function come out, and the next profile works', async () => {
    await expect(
      profile(async () => {
        void matrix(4, 4).exp().data();
        throw new RangeError('mine');
      }),
    ).rejects.toThrow(RangeError);
    expect(recorder).toBeNull();
    expect((await profile(() => matrix(4, 4).exp())).kernels).toHaveLength(1);
  });

  test('of a kernel come out, and the next profile works', async () => {
    const broken = await use(
      clocked(() => {
        throw new NeuriteError('the clock stopped');
      }),
      { log: false },
    );
    await expect(profile(() => matrix(4, 4).exp().data())).rejects.toThrow('the clock stopped');
    expect(recorder).toBeNull();
    await broken.destroy();
  });

  test('a profile in a profile is one, and so are two at a time', async () => {
    const inner = profile(async () => {
      await expect(profile(() => matrix(2, 2).exp())).rejects.toThrow(NeuriteError);
      await matrix(2, 2).exp().data();
    });
    expect((await inner).kernels).toHaveLength(1);
    const two = await Promise.allSettled([
      profile(() => matrix(2, 2).exp()),
      profile(() => matrix(2, 2).log()),
    ]);
    expect(two.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect((two[1] as PromiseRejectedResult).reason.message).toContain('another profile is running');
  });
});

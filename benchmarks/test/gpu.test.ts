/** What a step asks of a GPU is counted from outside, and right. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type GpuBackend, webgpu } from '@neurite/backend-webgpu';
import { onAnyGpu } from '@neurite/browser';
import { randn, use } from '@neurite/tensor';
import { afterAll, expect, test } from 'vitest';
import { type Measurement, measureRow } from '../src/bench.js';
import { inChromium } from '../src/browser/line-up.js';
import type { Effort } from '../src/effort.js';
import { COUNT_NAMES, type GpuCounts } from '../src/gpu/counts.js';
import { watchDawn } from '../src/gpu/dawn.js';
import { gpuReport } from '../src/gpu/report.js';
import { jsonLine } from '../src/report.js';

const effort: Effort = { rounds: 1, roundMs: 1, warmUpMs: 0, processes: 1 };
const directory = mkdtempSync(join(tmpdir(), 'neurite-bench-test-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test('the counts from outside are those of the backend', async () => {
  const watch = await watchDawn();
  const device = await use(onAnyGpu(webgpu()), { log: false });
  try {
    const x = randn([33]);
    for (let i = 0; i < 3; i++) {
      await x
        .mul(i + 0.25)
        .sum()
        .item();
      await Promise.all([x.add(i).data(), x.argmax().item()]);
    }
    const { counters } = device.backend as GpuBackend;
    const { copies, ...counts } = watch.counts();
    expect(counts).toEqual(counters);
    expect(copies).toBe(9);
    expect(watch.adapter()).not.toBe('none');
  } finally {
    await device.destroy();
  }
});

test('ours in Chromium: one submission, one pass and one mapping a step, and nothing is made in later ones', async () => {
  const lineUp = await inChromium(fileURLToPath(new URL('../src', import.meta.url)), 'webgpu');
  try {
    const ours = lineUp.peers.filter(({ name }) => name === 'neurite webgpu');
    const counted = async (row: 'matmul-4x1024x1024' | 'tiny-step'): Promise<GpuCounts> => {
      const [measured] = await measureRow(row, ours, directory, effort);
      expect(measured).toMatchObject({ check: 'alone', counts: { adapter: expect.any(String) } });
      expect(measured.counts!.first.pipelines).toBeGreaterThan(0);
      return measured.counts!.steady;
    };
    const step = { passes: 1, submits: 1, maps: 1, copies: 1, buffers: 0, pipelines: 0 };
    const product = await counted('matmul-4x1024x1024');
    expect(product).toMatchObject({ ...step, dispatches: 1, writes: 0, bytesWritten: 0, bytesRead: 16384 });
    const training = await counted('tiny-step');
    expect(training).toMatchObject({ ...step, writes: 0, bytesWritten: 0, bytesRead: 4 });
    expect(training.dispatches).toBeLessThanOrEqual(7);
  } finally {
    await lineUp.close();
  }
});

const count = (value: number, other: Partial<GpuCounts> = {}): GpuCounts => ({
  ...(Object.fromEntries(COUNT_NAMES.map((name) => [name, value])) as GpuCounts),
  ...other,
});
const specs = [
  { name: 'neurite webgpu', kind: 'ours' },
  { name: 'peer', kind: 'javascript' },
].map((spec) => ({ ...spec, threads: 1 }) as Parameters<typeof gpuReport>[1][number]);
const measurement = (peer: string, steady: GpuCounts): Measurement => ({
  row: 'softmax',
  peer,
  ms: 2,
  spread: 0.1,
  check: 'ok',
  share: null,
  counts: { first: count(9), steady, adapter: 'SwiftShader' },
});

test('the report says where ours asks for more than a peer, and what it makes late', () => {
  const own = measurement('neurite webgpu', count(2, { buffers: 0.5, bytesRead: 1, pipelines: 0 }));
  const report = gpuReport([own, measurement('peer', count(1, { submits: 2.5 }))], specs);
  expect(report).toContain('Adapter: SwiftShader. It computes in software');
  expect(report).toMatch(/\| softmax \| neurite webgpu \| 2\.00 ±5% \| +2 \|/);
  const said = report.split('\n').filter((line) => line.startsWith('- softmax,'));
  expect(said).toEqual([
    '- softmax, neurite webgpu: 2 dispatches, the least is 1',
    '- softmax, neurite webgpu: 2 bytes written, the least is 1',
    '- softmax, neurite webgpu: buffers made after step 3',
  ]);
});

test('a line of JSON has the counts of a step, and what the first steps made', () => {
  const line = JSON.parse(jsonLine(measurement('peer', count(1, { dispatches: 3 }))));
  expect(line).toMatchObject({
    dispatches: 3,
    submits: 1,
    bytesWritten: 1,
    firstPipelines: 9,
    firstBuffers: 9,
  });
});

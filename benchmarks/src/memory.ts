/**
 * Whether training grows. A process of its own trains an MLP (784-128-10, batch 64, Adam) with the plain loop: a fresh
 * batch of tensors each step, nothing disposed of. After a warm-up come 10,000 steps (on a GPU 2,000), and every hundredth of
 * them its size is taken: device bytes (`memory().live`), on a GPU the bytes of all buffers that there are, and resident
 * memory (`process.memoryUsage().rss`), after full collections (`--expose-gc`), when nothing is left that V8 merely has not
 * come to yet.
 *
 * What is judged is the floor: the least of the samples in each tenth of the run, the last tenth against the first. Memory that was
 * freed and has not been given back to the system yet only ever adds to resident memory, by up to 8 % and for a
 * sample or two; what leaks stays, and lifts the floor too. `leakPerStep` keeps so many bytes of every step, to show that
 * the verdict can be a bad one.
 */
import '@neurite/autograd';
import { cpu } from '@neurite/backend-cpu';
import { webgpu } from '@neurite/backend-webgpu';
import { onAnyGpu } from '@neurite/browser';
import { CrossEntropyLoss, Linear, ReLU, Sequential } from '@neurite/nn';
import { Adam } from '@neurite/optim';
import { type Device, Generator, hostNormal, hostUniform, memory, tensor, use } from '@neurite/tensor';
import { watchDawn } from './gpu/dawn.js';
import type { DeviceName } from './options.js';

interface Run {
  /**
   * Until then the process itself grows: helpers start, the engine compiles hot code again, its heap finds its size. In a run of 40,000
   * steps on the CPU resident memory rose from 102 to 127 MiB in the first 6,000 and stayed at 127.4 ± 1 MiB for the rest.
   */
  readonly warmUp: number;
  readonly steps: number;
  /** Starts the device; `bufferBytes` counts the bytes of a GPU's buffers from outside. */
  start(): Promise<{ device: Device; bufferBytes: (() => number) | null }>;
}

const RUNS: Readonly<Record<DeviceName, Run>> = {
  cpu: {
    warmUp: 8_000,
    steps: 10_000,
    async start() {
      return { device: await use(cpu()), bufferBytes: null };
    },
  },
  webgpu: {
    warmUp: 500,
    steps: 2_000,
    async start() {
      const { bytes } = await watchDawn();
      return { device: await use(onAnyGpu(webgpu())), bufferBytes: bytes };
    },
  },
};

/** The run is so many windows, each with a line of the table and a floor. */
const WINDOWS = 10;
const SAMPLES_PER_WINDOW = 10;
const ALLOWED_GROWTH = 0.05;
const BATCH = 64;
/** Different batches, drawn beforehand: drawing would take longer than training. */
const BATCHES = 50;

interface Size {
  /** Bytes in use on the device. */
  readonly live: number;
  /** Bytes of all buffers of a GPU, those that wait for their next use included; on the CPU 0. */
  readonly buffers: number;
  readonly rss: number;
}

/**
 * Finalizers run in turns of the event loop after a collection, and what they let go is collected by the next one; array
 * buffers are freed by a thread of the engine, which is given a moment.
 */
async function collectGarbage(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc!();
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

const least = (samples: readonly Size[], key: keyof Size): number =>
  Math.min(...samples.map((sample) => sample[key]));

function printWindow(step: number, samples: readonly Size[], loss: number): void {
  const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(2).padStart(9);
  const most = Math.max(...samples.map(({ rss }) => rss));
  const columns = [least(samples, 'live'), least(samples, 'buffers'), least(samples, 'rss'), most].map(mib);
  console.log(`${String(step).padStart(6)} ${columns.join(' ')}   ${loss.toFixed(4)}`);
}

function drawBatches(): { x: Float32Array; y: Int32Array }[] {
  const generator = new Generator(5);
  return Array.from({ length: BATCHES }, () => ({
    x: hostNormal(generator, BATCH * 784),
    y: Int32Array.from(hostUniform(generator, BATCH, 0, 10), Math.floor),
  }));
}

/**
 * Trains and prints; the exit code is 1 when device bytes or resident memory have grown. Needs `--expose-gc`.
 *
 * @param leakPerStep bytes of each step that are kept on purpose, 0 for none.
 */
export async function trainForMemory(name: DeviceName, leakPerStep: number): Promise<number> {
  const { warmUp, steps, start } = RUNS[name];
  const window = steps / WINDOWS;
  const { device, bufferBytes } = await start();
  const batches = drawBatches();
  const model = new Sequential(new Linear(784, 128), new ReLU(), new Linear(128, 10));
  const criterion = new CrossEntropyLoss();
  const optimizer = new Adam(model.parameters(), { lr: 1e-4 });
  const kept: Uint8Array[] = [];
  const windows: Size[][] = [];
  let samples: Size[] = [];
  console.log('  step  live MiB   buffers       rss   highest   loss');
  for (let step = 1; step <= warmUp + steps; step++) {
    const { x, y } = batches[step % BATCHES];
    optimizer.zeroGrad();
    const loss = criterion(model(tensor(x, { shape: [BATCH, 784] })), tensor(y));
    loss.backward();
    await optimizer.step();
    const value = await loss.item();
    if (leakPerStep > 0) kept.push(new Uint8Array(leakPerStep).fill(1));
    const further = step - warmUp;
    if (further <= 0 || further % (window / SAMPLES_PER_WINDOW) !== 0) continue;
    await collectGarbage();
    const { rss } = process.memoryUsage();
    samples.push({ live: memory().live, buffers: bufferBytes?.() ?? 0, rss });
    if (further % window !== 0) continue;
    printWindow(step, samples, value);
    windows.push(samples);
    samples = [];
  }
  // From the first window to the last lie so many steps less one window.
  const scale = steps / (steps - window);
  const growth = (key: keyof Size): number =>
    (least(windows.at(-1)!, key) / least(windows[0], key) - 1) * scale;
  const percent = (x: number): string => `${x >= 0 ? '+' : ''}${(x * 100).toFixed(1)} %`;
  const judged = {
    'device bytes': growth('live'),
    ...(bufferBytes && { 'bytes of buffers': growth('buffers') }),
    'resident memory': growth('rss'),
  };
  const grew = Object.values(judged).some((g) => g > ALLOWED_GROWTH);
  const told = Object.entries(judged).map(([what, g]) => `${what} ${percent(g)}`);
  const limit = `in ${steps} steps, limit +${ALLOWED_GROWTH * 100} %`;
  console.log(`memory ${grew ? 'grew' : 'is flat'}: ${told.join(', ')} ${limit}`);
  if (kept.length > 0) console.log(`(${kept.length} steps kept ${leakPerStep} bytes each on purpose)`);
  // Dawn's threads would keep the process.
  await device.destroy();
  return grew ? 1 : 0;
}

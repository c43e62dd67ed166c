/**
 * Whether training grows. A process of its own trains an MLP (784-128-10, batch 64, Adam) with the plain loop: a fresh
 * batch of tensors each step, nothing disposed of. After 200 steps of warm-up its size is taken, and again
 * after every further 1,000 steps, 10,000 in all.
 *
 * Device bytes are `memory().live`, resident memory is `process.memoryUsage().rss`. Each is taken twice: as it is in
 * the middle of the run, and after full collections (`--expose-gc`), when nothing is left that V8 merely has not come to
 * yet. The second pair is judged: garbage comes and goes, a leak stays. The engine gives pages back in its own time, so one
 * sample of resident memory is off by a few per cent: judged is the median of the later half against the first.
 */
import '@neurite/autograd';
import { cpu } from '@neurite/backend-cpu';
import { CrossEntropyLoss, Linear, ReLU, Sequential } from '@neurite/nn';
import { Adam } from '@neurite/optim';
import { Generator, hostNormal, hostUniform, memory, tensor, use } from '@neurite/tensor';
import { summarize } from './statistics.js';

const WARM_UP = 200;
const STEPS = 10_000;
const SAMPLE_EVERY = 1000;
const ALLOWED_GROWTH = 0.05;
const BATCH = 64;
/** Different batches, drawn beforehand: drawing would take longer than training. */
const BATCHES = 50;

interface Size {
  readonly live: number;
  readonly rss: number;
}

const size = (): Size => ({ live: memory().live, rss: process.memoryUsage().rss });

/** Finalizers run in turns of the event loop after a collection, and what they let go is collected by the next one. */
async function collectGarbage(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc!();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(2).padStart(9);

function printSample(step: number, running: Size, collected: Size, loss: number): void {
  const columns = [running.live, collected.live, running.rss, collected.rss].map(mib);
  console.log(`${String(step).padStart(6)} ${columns.join(' ')}   ${loss.toFixed(4)}`);
}

function drawBatches(): { x: Float32Array; y: Int32Array }[] {
  const generator = new Generator(5);
  return Array.from({ length: BATCHES }, () => ({
    x: hostNormal(generator, BATCH * 784),
    y: Int32Array.from(hostUniform(generator, BATCH, 0, 10), Math.floor),
  }));
}

/** Trains and prints; the exit code is 1 when device bytes or resident memory have grown. Needs `--expose-gc`. */
export async function trainForMemory(): Promise<number> {
  await use(cpu());
  const batches = drawBatches();
  const model = new Sequential(new Linear(784, 128), new ReLU(), new Linear(128, 10));
  const criterion = new CrossEntropyLoss();
  const optimizer = new Adam(model.parameters(), { lr: 1e-4 });
  const samples: Size[] = [];
  console.log('  step  live MiB  after gc   rss MiB  after gc   loss');
  for (let step = 1; step <= WARM_UP + STEPS; step++) {
    const { x, y } = batches[step % BATCHES];
    optimizer.zeroGrad();
    const loss = criterion(model(tensor(x, { shape: [BATCH, 784] })), tensor(y));
    loss.backward();
    await optimizer.step();
    const value = await loss.item();
    if (step < WARM_UP || (step - WARM_UP) % SAMPLE_EVERY !== 0) continue;
    const running = size();
    await collectGarbage();
    samples.push(size());
    printSample(step, running, samples.at(-1)!, value);
  }
  const later = samples.slice(-STEPS / SAMPLE_EVERY / 2);
  const growth = (key: keyof Size): number =>
    summarize(later.map((sample) => sample[key])).median / samples[0][key] - 1;
  const percent = (x: number): string => `${x >= 0 ? '+' : ''}${(x * 100).toFixed(1)} %`;
  const grew = growth('live') > ALLOWED_GROWTH || growth('rss') > ALLOWED_GROWTH;
  const limit = `limit +${ALLOWED_GROWTH * 100} %`;
  console.log(
    `memory ${grew ? 'grew' : 'is flat'}: device bytes ${percent(growth('live'))}, resident memory ${percent(growth('rss'))} (${limit})`,
  );
  return grew ? 1 : 0;
}

import { Generator, manualSeed, StateDictError, use } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  ArrayDataset,
  DataLoader,
  type Dataset,
  hostArray,
  SequentialSampler,
  TensorDataset,
  WeightedRandomSampler,
} from '../src/index.js';
import { prefetched } from '../src/prefetch.js';
import { collect, values } from './helpers.js';

beforeAll(async () => {
  await use(reference());
});

const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const numbers = (n: number): ArrayDataset<number> => new ArrayDataset(count(n));
const asList = (samples: number[]): number[] => samples;

describe('batches', () => {
  test('of a TensorDataset', async () => {
    const x = hostArray(Float32Array.from(count(10)), [5, 2]);
    const y = hostArray(Int32Array.of(0, 1, 2, 3, 4));
    const loader = new DataLoader(new TensorDataset(x, y), { batchSize: 2 });
    expect(loader.length).toBe(3);
    const shapes: (readonly number[])[] = [];
    const labels: number[] = [];
    for await (const [images, classes] of loader) {
      shapes.push(images.shape);
      labels.push(...(await values(classes)));
    }
    expect(shapes).toEqual([
      [2, 2],
      [2, 2],
      [1, 2],
    ]);
    expect(labels).toEqual([0, 1, 2, 3, 4]);
  });

  test('of samples, collated', async () => {
    const [batch] = await collect(new DataLoader(numbers(3), { batchSize: 3 }));
    expect(await values(batch)).toEqual([0, 1, 2]);
  });

  test('without the last, smaller one', async () => {
    const loader = new DataLoader(numbers(5), { batchSize: 2, dropLast: true, collate: asList as never });
    expect(await collect(loader)).toEqual([
      [0, 1],
      [2, 3],
    ]);
  });

  test('by a sampler or a batch sampler', async () => {
    const sampler = new WeightedRandomSampler([0, 0, 1], 4);
    expect(
      await collect(new DataLoader(numbers(3), { sampler, batchSize: 4, collate: asList as never })),
    ).toEqual([[2, 2, 2, 2]]);
    const batchSampler = { length: 2, batches: () => [[2], [0, 1]] };
    expect(await collect(new DataLoader(numbers(3), { batchSampler, collate: asList as never }))).toEqual([
      [2],
      [0, 1],
    ]);
  });

  test('options that exclude each other are rejected', () => {
    const sampler = new SequentialSampler(3);
    expect(() => new DataLoader(numbers(3), { sampler, shuffle: true })).toThrow(
      /sampler and shuffle exclude each other/,
    );
    const batchSampler = { length: 1, batches: () => [[0]] };
    expect(() => new DataLoader(numbers(3), { batchSampler, batchSize: 2 })).toThrow(
      /batchSampler and batchSize/,
    );
    expect(() => new DataLoader(numbers(3), { prefetch: -1 })).toThrow(/prefetch is -1/);
    expect(() => new DataLoader(numbers(3), { batchSize: 1.5 })).toThrow(/batchSize is 1.5/);
  });
});

describe('shuffling and resuming', () => {
  const shuffled = (seed: number) =>
    new DataLoader(numbers(20), {
      shuffle: true,
      batchSize: 3,
      generator: new Generator(seed),
      collate: asList as never,
    });

  test('each epoch has its own order, the same in every process', async () => {
    const loader = shuffled(1);
    const first = await collect(loader);
    const second = await collect(loader);
    expect(first.flat()).not.toEqual(count(20));
    expect(second).not.toEqual(first);
    expect(new Set(first.flat())).toEqual(new Set<unknown>(count(20)));
    const again = shuffled(1);
    expect([await collect(again), await collect(again)]).toEqual([first, second]);
    expect(await collect(shuffled(2))).not.toEqual(first);
  });

  test('the seed follows manualSeed', async () => {
    const epoch = () => collect(new DataLoader(numbers(20), { shuffle: true, collate: asList as never }));
    manualSeed(9);
    const first = await epoch();
    const second = await epoch();
    manualSeed(9);
    expect([await epoch(), await epoch()]).toEqual([first, second]);
    expect(second).not.toEqual(first);
  });

  test('a state taken in the loop goes on with the next batch', async () => {
    const whole = shuffled(1);
    const [epoch0, epoch1, epoch2] = [await collect(whole), await collect(whole), await collect(whole)];

    const stopped = shuffled(1);
    await collect(stopped);
    const seen: unknown[] = [];
    for await (const batch of stopped) {
      seen.push(batch);
      if (seen.length === 3) break;
    }
    const state = JSON.parse(JSON.stringify(stopped.stateDict()));
    expect(state).toEqual({ epoch: 1, position: 3, seed: 1 });

    const resumed = shuffled(77);
    resumed.loadStateDict(state);
    seen.push(...(await collect(resumed)));
    expect(seen).toEqual(epoch1);
    expect(await collect(resumed)).toEqual(epoch2);
    expect(epoch0).toHaveLength(7);
  });

  test('a complete epoch resumes as an empty loop', async () => {
    const loader = shuffled(1);
    await collect(loader);
    const resumed = shuffled(1);
    resumed.loadStateDict(loader.stateDict());
    expect(await collect(resumed)).toEqual([]);
    expect(resumed.stateDict().epoch).toBe(0);
    expect(await collect(resumed)).toEqual(await collect(loader));
  });

  test('leaving a loop early ends the epoch', async () => {
    const loader = shuffled(1);
    for await (const _ of loader) break;
    const second = await collect(loader);
    const whole = shuffled(1);
    await collect(whole);
    expect(second).toEqual(await collect(whole));
  });

  test('a state of another loader is rejected', () => {
    const loader = shuffled(1);
    expect(() => loader.loadStateDict({ epoch: 0, position: 8, seed: 1 })).toThrow(StateDictError);
    expect(() => loader.loadStateDict({ epoch: 0, position: 8, seed: 1 })).toThrow(
      /batch 8 is no place in epochs of 7/,
    );
    expect(() => loader.loadStateDict({ epoch: 0, position: 1, seed: null })).toThrow(/saved order is fixed/);
    expect(() => new DataLoader(numbers(3)).loadStateDict({ epoch: 0, position: 1, seed: 4 })).toThrow(
      /is random/,
    );
    expect(() => loader.loadStateDict({} as never)).toThrow(StateDictError);
  });
});

describe('prefetching', () => {
  /** A dataset whose samples arrive later; it counts how many are under way. */
  function slowDataset(n: number, fail?: number) {
    const state = { started: [] as number[], running: 0, mostRunning: 0 };
    const dataset: Dataset<number> = {
      length: n,
      async get(index) {
        state.started.push(index);
        state.mostRunning = Math.max(state.mostRunning, ++state.running);
        await new Promise((resolve) => setTimeout(resolve, 2));
        state.running--;
        if (index === fail) throw new Error(`sample ${index} is broken`);
        return index;
      },
    };
    return { dataset, state };
  }

  test.each([0, 1, 3])('keeps order and at most %i batches ahead', async (prefetch) => {
    const { dataset, state } = slowDataset(8);
    const loader = new DataLoader(dataset, { prefetch, collate: asList as never });
    let position = 0;
    for await (const batch of loader) {
      expect(batch).toEqual([position++]);
      expect(state.started.length).toBe(Math.min(8, position + prefetch));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(position).toBe(8);
    expect(state.mostRunning).toBe(Math.max(1, prefetch));
  });

  test('an error reaches the consumer in its place, and nothing runs on', async () => {
    const { dataset, state } = slowDataset(10, 2);
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const batch of new DataLoader(dataset, { prefetch: 3, collate: asList as never }))
        seen.push(batch);
    })();
    await expect(reading).rejects.toThrow('sample 2 is broken');
    expect(seen).toEqual([[0], [1]]);
    expect(state.running).toBe(0);
    expect(state.started.length).toBeLessThanOrEqual(6);
  });

  test('all samples of a failed batch have settled', async () => {
    const { dataset, state } = slowDataset(4, 0);
    await expect(collect(new DataLoader(dataset, { batchSize: 4 }))).rejects.toThrow('sample 0 is broken');
    expect(state.running).toBe(0);
  });

  test('leaving early leaves nothing running', async () => {
    const { dataset, state } = slowDataset(100);
    for await (const _ of new DataLoader(dataset, { prefetch: 4 })) break;
    expect(state.running).toBe(0);
    const { length } = state.started;
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(state.started.length).toBe(length);
    expect(length).toBeLessThanOrEqual(5);
  });

  test('errors of the source and of collate pass through', async () => {
    const broken = function* (): Iterable<number> {
      yield 1;
      throw new Error('no more indices');
    };
    const seen: number[] = [];
    const reading = (async () => {
      for await (const item of prefetched(broken(), async (i) => i, 2)) seen.push(item);
    })();
    await expect(reading).rejects.toThrow('no more indices');
    expect(seen).toEqual([1]);
    const loader = new DataLoader(numbers(3), {
      collate: () => {
        throw new Error('collate gave up');
      },
    });
    await expect(collect(loader)).rejects.toThrow('collate gave up');
  });

  test('a loader can be read by hand', async () => {
    const iterator = new DataLoader(numbers(3), { collate: asList as never })[Symbol.asyncIterator]();
    expect((await iterator.next()).value).toEqual([0]);
    expect(await iterator.return()).toEqual({ done: true, value: undefined });
    expect((await iterator.next()).done).toBe(true);
  });
});

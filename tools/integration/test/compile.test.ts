/** `compile` against the plain function: same bits, no graph, and never a stale result. */
import '@neurite/autograd';
import { cpu } from '@neurite/backend-cpu';
import * as nn from '@neurite/nn';
import { Adam, SGD, StepLR } from '@neurite/optim';
import {
  type Backend,
  type BackendFactory,
  type Command,
  type Compiled,
  compile,
  defaultGenerator,
  manualSeed,
  noGrad,
  rand,
  resetStats,
  scalarInput,
  stats,
  type Tensor,
  tensor,
  use,
} from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { beforeEach, describe, expect, it } from 'vitest';

const F = nn.functional;
const inputs = (shape: number[], from = 0): Tensor =>
  tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i + from)),
    { shape },
  );
const labels = (n: number, classes: number, from = 0): Tensor =>
  tensor(Int32Array.from({ length: n }, (_, i) => (i * 7 + from) % classes));
const bits = async (t: Tensor): Promise<number[]> => Array.from(await t.data());

function network() {
  return new nn.Sequential(
    new nn.Linear(6, 8),
    new nn.BatchNorm1d(8),
    new nn.ReLU(),
    new nn.Dropout(0.3),
    new nn.Linear(8, 3),
  ) as nn.Module & ((x: Tensor) => Tensor);
}

type Wrap = <A extends readonly unknown[], R>(fn: (...args: A) => R) => (...args: A) => R;
const plain: Wrap = (fn) => fn;

/** Losses of a training run, then parameters, running statistics and the generator's offset. */
async function train(wrap: Wrap, steps: number): Promise<unknown[]> {
  manualSeed(3);
  const model = network();
  const optimizer = new Adam(model.parameters(), { lr: 0.05, weightDecay: 0.01 });
  const schedule = new StepLR(optimizer, 4, { gamma: 0.5 });
  const step = wrap(async (x: Tensor, y: Tensor) => {
    optimizer.zeroGrad();
    const loss = F.crossEntropy(model(x), y);
    loss.backward();
    await optimizer.step();
    return loss;
  });
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    losses.push(await (await step(inputs([5, 6], i), labels(5, 3, i))).item());
    schedule.step();
  }
  const state = Object.values(model.stateDict()) as Tensor[];
  const counts = [...optimizer.state.values()].map((s) => s.step);
  return [losses, await Promise.all(state.map(bits)), counts, defaultGenerator.offset];
}

for (const backend of [cpu({ threads: 1 }), reference()]) {
  describe(`compile on ${backend.name}`, () => {
    beforeEach(async () => {
      await use(backend, { log: false });
      manualSeed(0);
    });

    it('trains with dropout, batch norm, Adam and a schedule to the same bits', async () => {
      const expected = await train(plain, 20);
      let compiled: Compiled<never, unknown> | undefined;
      const got = await train((fn) => {
        const made = compile(fn);
        compiled = made as never;
        return made;
      }, 20);
      expect(got).toEqual(expected);
      expect(compiled!.report).toMatchObject({ uncompiled: 0, signatures: 1 });
      expect(compiled!.report.replays).toBeGreaterThanOrEqual(16);
    });

    it('records nothing and plans nothing in a replay', async () => {
      const model = network();
      const optimizer = new Adam(model.parameters());
      const step = compile(async (x: Tensor, y: Tensor) => {
        optimizer.zeroGrad();
        const loss = F.crossEntropy(model(x), y);
        loss.backward();
        await optimizer.step();
        return loss;
      });
      for (let i = 0; i < 4; i++) await step(inputs([4, 6]), labels(4, 3));
      resetStats();
      for (let i = 0; i < 3; i++) await (await step(inputs([4, 6], i), labels(4, 3))).item();
      expect(step.report.replays).toBeGreaterThanOrEqual(3);
      expect(stats()).toMatchObject({ nodesRecorded: 0, plansBuilt: 0, plansReused: 0, programsCompiled: 0 });
      expect(stats().kernelsRun).toBeGreaterThan(0);
    });

    it('infers to the same bits, synchronously, for changing shapes and values', async () => {
      const model = network().eval();
      const forward = (x: Tensor) => noGrad(() => ({ logits: model(x), best: [model(x).argmax(1)] }));
      const compiled = compile(forward);
      for (const [rows, from] of [
        [4, 0],
        [4, 1],
        [4, 2],
        [2, 3],
        [2, 4],
        [2, 5],
        [4, 6],
      ]) {
        const x = inputs([rows, 6], from);
        const [got, expected] = [compiled(x), forward(x)];
        expect(await bits(got.logits)).toEqual(await bits(expected.logits));
        expect(await bits(got.best[0])).toEqual(await bits(expected.best[0]));
      }
      expect(compiled.report).toMatchObject({ traces: 4, replays: 3, signatures: 2, uncompiled: 0 });
    });

    it('takes pending arguments, and numbers made with scalarInput', async () => {
      const scale = compile((x: Tensor, by: Tensor) => x.mul(by).add(1));
      for (const by of [2, 3, 4, 5]) {
        expect(await bits(scale(tensor([1, 2]).mul(10), scalarInput(by)))).toEqual([
          10 * by + 1,
          20 * by + 1,
        ]);
      }
      expect(scale.report).toMatchObject({ traces: 2, replays: 2 });
    });

    it('uses the values that captured tensors have at the call', async () => {
      const w = tensor([1, 2, 3]);
      const times = compile((x: Tensor) => x.mul(w));
      const x = tensor([1, 1, 1]);
      for (let i = 0; i < 3; i++) expect(await bits(times(x))).toEqual([1, 2, 3]);
      w.mul_(10);
      expect(await bits(times(x))).toEqual([10, 20, 30]);
      w.copy_(tensor([4, 5, 6]));
      expect(await bits(times(x))).toEqual([4, 5, 6]);
      expect(times.report).toMatchObject({ traces: 2, replays: 3 });
    });

    it('tells an argument from a captured tensor that is the same', async () => {
      const w = tensor([1, 2]);
      const sum = compile((x: Tensor) => x.mul(10).add(w));
      for (let i = 0; i < 3; i++) expect(await bits(sum(w))).toEqual([11, 22]);
      expect(await bits(sum(tensor([5, 5])))).toEqual([51, 52]);
    });

    it('moves what the function moves: arguments, captured tensors and gradients', async () => {
      const count = tensor([0]);
      const w = tensor([2, 3]).requiresGrad_();
      const visit = compile((x: Tensor) => {
        noGrad(() => count.add_(1));
        x.mul_(2);
        w.mul(x).sum().backward();
      });
      const xs = Array.from({ length: 5 }, () => tensor([1, 2]));
      for (const x of xs) visit(x);
      expect(await bits(count)).toEqual([5]);
      for (const x of xs) expect(await bits(x)).toEqual([2, 4]);
      expect(await bits(w.grad!)).toEqual([10, 20]);
      expect(visit.report.replays).toBeGreaterThan(0);
    });

    it('follows modes, options of the optimizer, frozen parameters and a loaded state', async () => {
      const run = async (wrap: Wrap): Promise<number[]> => {
        manualSeed(1);
        const model = network();
        const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
        const step = wrap(async (x: Tensor, y: Tensor) => {
          optimizer.zeroGrad();
          const loss = F.crossEntropy(model(x), y);
          loss.backward();
          await optimizer.step();
          return loss;
        });
        const losses: number[] = [];
        const go = async (n: number) => {
          for (let i = 0; i < n; i++) losses.push(await (await step(inputs([5, 6], i), labels(5, 3))).item());
        };
        await go(5);
        const saved = optimizer.stateDict();
        const kept = await Promise.all(
          Object.values(saved.state).map(async (s) => tensor(await (s.momentum_buffer as Tensor).data())),
        );
        model.eval();
        await go(4);
        model.train();
        optimizer.paramGroups[0].weightDecay = 0.1;
        await go(4);
        optimizer.paramGroups[0].lr = 0.01;
        await go(2);
        Object.values(saved.state).forEach((s, i) => {
          const buffer = kept[i].reshape((s.momentum_buffer as Tensor).shape);
          Object.assign(s, { momentum_buffer: buffer });
        });
        optimizer.loadStateDict(saved);
        await go(4);
        model.parameters()[0].requiresGrad_(false);
        await go(4);
        return losses;
      };
      expect(await run(compile)).toEqual(await run(plain));
    });

    it('draws new random numbers, as the plain function would', async () => {
      const draws = async (wrap: Wrap) => {
        manualSeed(5);
        const noise = wrap((x: Tensor) => x.add(rand([3])).mul(rand([3])));
        const all: number[][] = [];
        for (let i = 0; i < 6; i++) all.push(await bits(noise(tensor([i, 1, 2]))));
        return [all, defaultGenerator.offset];
      };
      expect(await draws(compile)).toEqual(await draws(plain));
    });

    it('runs as it stands, and says why, what cannot be replayed', async () => {
      let calls = 0;
      const counting = compile((x: Tensor) => x.mul(++calls * 7 + 0.25));
      for (let i = 1; i < 12; i++) expect(await bits(counting(tensor([1])))).toEqual([i * 7 + 0.25]);
      expect(counting.report.replays).toBe(0);
      expect(counting.report.reason).toMatch(/a number in it changed from .* to .*; pass it as an argument/);

      const reading = compile(async (x: Tensor) => ((await x.sum().item()) > 2 ? x : x.neg()));
      for (const v of [1, 2, 3, 1]) expect(await bits(await reading(tensor([v])))).toEqual([v > 2 ? v : -v]);
      expect(reading.report.reason).toMatch(/asks for values/);

      let batch = 0;
      const loading = compile((x: Tensor) => x.add(tensor([batch++, 5])));
      for (let i = 0; i < 12; i++) expect(await bits(loading(tensor([0, 0])))).toEqual([i, 5]);
      expect(loading.report.replays).toBe(0);
      expect(loading.report.reason).toMatch(/other host data/);

      const w = tensor([2]).requiresGrad_();
      const open = compile((x: Tensor) => x.mul(w));
      for (let i = 1; i < 5; i++) open(tensor([i])).backward();
      expect(await bits(w.grad!)).toEqual([10]);
      expect(open.report.reason).toMatch(/a result requires gradients/);

      let state: Tensor = tensor([0]);
      const recurrent = compile((x: Tensor) => {
        state = state.add(x);
        return state;
      });
      for (let i = 1; i < 12; i++) expect(await bits(recurrent(tensor([1])))).toEqual([i]);
      expect(recurrent.report.replays).toBe(0);
      expect(recurrent.report.reason).toMatch(/used other tensors/);
    });

    it('checks indices in host memory at each call', async () => {
      const table = inputs([4, 2]);
      const look = compile((i: Tensor) => F.embedding(i, table));
      for (const i of [0, 1, 2, 3]) await bits(look(labels(1, 1).add(i).mul(0).to('int32')));
      for (let i = 0; i < 3; i++) await bits(look(tensor([1, 2], { dtype: 'int32' })));
      expect(() => look(tensor([1, 4], { dtype: 'int32' }))).toThrow(/indices must lie in \[0, 4\), got 4/);
      const pick = compile((x: Tensor, i: Tensor) => x.at(i));
      for (const [index, expected] of [
        [0, 1],
        [1, 2],
        [2, 3],
        [-1, 3],
        [0, 1],
      ])
        expect(await bits(pick(tensor([1, 2, 3]), tensor([index], { dtype: 'int32' })))).toEqual([expected]);
    });

    it('hands on the error of the function, and goes on', async () => {
      let fail = false;
      const f = compile((x: Tensor) => {
        if (fail) throw new RangeError('mine');
        return x.add(1);
      });
      fail = true;
      expect(() => f(tensor([1]))).toThrow('mine');
      fail = false;
      for (const v of [1, 2, 3]) expect(await bits(f(tensor([v])))).toEqual([v + 1]);
      expect(f.report.replays).toBe(1);
      expect(() => compile((x: Tensor) => x.matmul(tensor([[1, 2]])))(tensor([1, 2, 3]))).toThrow(/matmul/);
    });

    it('gives gradients of an argument, and leaves stale results to say so themselves', async () => {
      const slope = (x: Tensor) => {
        x.requiresGrad_();
        x.mul(x).sum().backward();
      };
      const compiled = compile(slope);
      for (let i = 1; i < 6; i++) {
        const x = tensor([i, 2]);
        compiled(x);
        expect(x.requiresGrad).toBe(true);
        expect(await bits(x.grad!)).toEqual([2 * i, 4]);
      }
      expect(compiled.report.reason).toMatch(/makes an argument require gradients/);
      const own = compile((x: Tensor) => {
        const variable = x.detach().requiresGrad_();
        variable.mul(variable).sum().backward();
        return variable.grad!;
      });
      for (let i = 1; i < 6; i++) expect(await bits(own(tensor([i, 2])))).toEqual([2 * i, 4]);
      expect(own.report.replays).toBe(3);

      const w = tensor([1, 2]).requiresGrad_();
      const optimizer = new SGD([w], { lr: 0.5 });
      const late = compile(async (x: Tensor) => {
        const seen = w.mul(3).detach();
        optimizer.zeroGrad();
        w.mul(x).sum().backward();
        await optimizer.step();
        return seen;
      });
      for (let i = 0; i < 5; i++)
        await expect((await late(tensor([1, 1]))).data()).rejects.toThrow(/SGD.step/);
      expect(await bits(w)).toEqual([-1.5, -0.5]);
      expect(late.report).toMatchObject({ replays: 0, reason: expect.stringMatching(/overwritten/) });
    });

    it('computes what was kept before it overwrites what that needs', async () => {
      const w = tensor([1, 2]).requiresGrad_();
      const optimizer = new SGD([w], { lr: 0.5 });
      const step = compile(async (x: Tensor) => {
        optimizer.zeroGrad();
        w.mul(w).mul(x).sum().div(2).backward();
        await optimizer.step();
      });
      for (let i = 0; i < 4; i++) await step(tensor([1, 1]));
      const linear = new nn.Linear(2, 1, { bias: false });
      linear.weight.requiresGrad_(false);
      const kept = linear(w.reshape([1, 2]));
      const stale = w.mul(3);
      await step(tensor([1, 1]));
      await expect(stale.data()).rejects.toThrow(/SGD.step/);
      expect(await bits(w)).toEqual([1 / 32, 2 / 32]);
      expect(await bits(kept)).toHaveLength(1);
      await expect(w.grad!.data()).rejects.toThrow(/overwritten/);
    });

    it('gets ready without changing anything', async () => {
      manualSeed(2);
      const model = network();
      const optimizer = new Adam(model.parameters());
      const body = async (x: Tensor, y: Tensor) => {
        optimizer.zeroGrad();
        const loss = F.crossEntropy(model(x), y);
        loss.backward();
        await optimizer.step();
        return loss;
      };
      const before = await Promise.all((Object.values(model.stateDict()) as Tensor[]).map(bits));
      const offset = defaultGenerator.offset;
      const seen: number[] = [];
      const step = compile(body, { onProgress: ({ plans }) => seen.push(plans) });
      await step.ready(inputs([4, 6]), labels(4, 3));
      expect(seen.length).toBeGreaterThanOrEqual(2);
      expect(await Promise.all((Object.values(model.stateDict()) as Tensor[]).map(bits))).toEqual(before);
      expect([optimizer.state.size, defaultGenerator.offset]).toEqual([0, offset]);
      expect(model.parameters().every((p) => p.grad === null)).toBe(true);
      resetStats();
      const losses: number[] = [];
      for (let i = 0; i < 6; i++) losses.push(await (await step(inputs([4, 6]), labels(4, 3))).item());
      expect(stats()).toMatchObject({ plansBuilt: 0, programsCompiled: 0 });
      expect(losses[5]).toBeLessThan(losses[0]);
      const reading = compile(async (x: Tensor) => x.item());
      await expect(reading.ready(tensor([1]))).rejects.toThrow(/cannot be replayed: it asks for values/);
    });
  });
}

describe('a replay whose plan fails', () => {
  it('leaves parameters, state and counters as they were, and the next one goes on', async () => {
    let failing = false;
    const { backend } = await reference().start();
    const submit = backend.submit.bind(backend);
    const factory: BackendFactory = {
      name: 'failing',
      start: () => ({
        backend: Object.assign(Object.create(backend) as Backend, {
          submit: (commands: readonly Command[]) => {
            if (failing) throw new RangeError('no more');
            submit(commands);
          },
        }),
        notes: [],
      }),
    };
    await use(factory, { log: false });
    const w = tensor([3, 4]).requiresGrad_();
    const optimizer = new Adam([w], { lr: 0.1 });
    const step = compile(async (x: Tensor) => {
      optimizer.zeroGrad();
      const loss = w.mul(w).mul(x).sum();
      loss.backward();
      await optimizer.step();
      return loss;
    });
    for (let i = 0; i < 5; i++) await step(tensor([1, 2]));
    expect(step.report.replays).toBeGreaterThan(0);
    const before = [await bits(w), optimizer.state.get(w)?.step];
    failing = true;
    await expect(step(tensor([1, 2]))).rejects.toThrow('no more');
    failing = false;
    expect([await bits(w), optimizer.state.get(w)?.step]).toEqual(before);
    const { replays } = step.report;
    await step(tensor([1, 2]));
    expect(step.report.replays).toBe(replays + 1);
    expect(optimizer.state.get(w)?.step).toBe(6);
    expect((await bits(w))[0]).toBeLessThan((before[0] as number[])[0]);

    const double = compile((x: Tensor) => x.mul(2));
    for (let i = 0; i < 3; i++) expect(await bits(double(tensor([i])))).toEqual([2 * i]);
    failing = true;
    const lost = double(tensor([5]));
    await expect(lost.data()).rejects.toThrow('no more');
    failing = false;
    expect(await bits(double(tensor([5])))).toEqual([10]);
  });

  it('holds memory flat over many replays', async () => {
    const device = await use(cpu({ threads: 1 }), { log: false });
    const model = network();
    const optimizer = new Adam(model.parameters());
    const step = compile(async (x: Tensor, y: Tensor) => {
      optimizer.zeroGrad();
      const loss = F.crossEntropy(model(x), y);
      loss.backward();
      await optimizer.step();
      return loss;
    });
    const live: number[] = [];
    for (let i = 0; i < 3000; i++) {
      await step(inputs([4, 6], i), labels(4, 3));
      if (i % 500 === 499) live.push(device.memory().live);
    }
    // Results that wait for the collector are a few bytes each.
    expect(Math.max(...live.slice(1))).toBeLessThan(live[0] + 2 ** 20);
    expect(step.report.replays).toBeGreaterThan(2990);
  });
});

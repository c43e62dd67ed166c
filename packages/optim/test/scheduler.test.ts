import { readFileSync } from 'node:fs';
import { StateDictError, tensor, ValueError } from '@neurite/tensor';
import { describe, expect, test } from 'vitest';
import { Adam, lrScheduler, SGD } from '../src/index.js';

/** Learning rates that PyTorch 1.13 computed, with its names. */
interface Case {
  id: string;
  op: string;
  kwargs?: Record<string, unknown>;
  spec?: [string, [string, Record<string, unknown>][], number[] | null];
  base_lr: number;
  base_momentum?: number;
  lr?: number[];
  momentum?: number[];
  metrics?: number[];
  lr_after_each_metric?: number[];
}
const cases = JSON.parse(
  readFileSync(new URL('fixtures/schedulers.json', import.meta.url), 'utf8'),
) as Case[];

const camel = (kwargs: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(kwargs).map(([key, value]) => [
      key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );
/** The arguments that stand before the options. */
const POSITIONAL: Readonly<Record<string, readonly string[]>> = {
  StepLR: ['stepSize'],
  MultiStepLR: ['milestones'],
  ExponentialLR: ['gamma'],
  LambdaLR: ['lrLambda'],
  CosineAnnealingLR: ['TMax'],
  CosineAnnealingWarmRestarts: ['T0'],
  OneCycleLR: ['maxLr'],
  CyclicLR: ['baseLr', 'maxLr'],
};
type Constructor = new (optimizer: SGD, ...rest: unknown[]) => lrScheduler.LRScheduler;
function make(op: string, optimizer: SGD, options: object): lrScheduler.LRScheduler {
  const Scheduler = (lrScheduler as unknown as Record<string, Constructor>)[op];
  const leading = (POSITIONAL[op] ?? []).map((name) => (options as Record<string, unknown>)[name]);
  return new Scheduler(optimizer, ...leading, options);
}
const sgd = (lr: number, momentum = 0) => new SGD([tensor([1, 2])], { lr, momentum });

function close(got: number, expected: number): void {
  expect(Math.abs(got - expected), `${got} for ${expected}`).toBeLessThanOrEqual(1e-9 * Math.abs(expected));
}

describe('values of PyTorch', () => {
  test.each(cases.filter((c) => c.kwargs && c.lr).map((c) => [c.id, c] as const))('%s', (_, c) => {
    const optimizer = sgd(c.base_lr, c.base_momentum);
    const scheduler = make(c.op, optimizer, camel(c.kwargs!));
    c.lr!.forEach((lr, i) => {
      close(optimizer.paramGroups[0].lr, lr);
      close(scheduler.getLastLr()[0], lr);
      if (c.momentum) close(optimizer.paramGroups[0].momentum, c.momentum[i]);
      if (i < c.lr!.length - 1) scheduler.step();
    });
  });

  test.each(cases.filter((c) => c.metrics).map((c) => [c.id, c] as const))('%s', (_, c) => {
    const optimizer = sgd(c.base_lr);
    const scheduler = new lrScheduler.ReduceLROnPlateau(optimizer, camel(c.kwargs!));
    c.metrics!.forEach((metric, i) => {
      scheduler.step(metric);
      close(optimizer.paramGroups[0].lr, c.lr_after_each_metric![i]);
    });
  });

  test.each(cases.filter((c) => c.spec).map((c) => [c.id, c] as const))('%s', (_, c) => {
    const [op, parts, milestones] = c.spec!;
    const optimizer = sgd(c.base_lr);
    const schedulers = parts.map(([name, kwargs]) => make(name, optimizer, camel(kwargs)));
    const scheduler =
      op === 'SequentialLR'
        ? new lrScheduler.SequentialLR(optimizer, schedulers, milestones!)
        : new lrScheduler.ChainedScheduler(schedulers);
    for (const lr of c.lr!) {
      close(optimizer.paramGroups[0].lr, lr);
      scheduler.step();
    }
  });
});

describe('schedules that the fixtures leave out', () => {
  test('OneCycleLR with two cosine phases moves the first beta of Adam', () => {
    const optimizer = new Adam([tensor([1])]);
    const scheduler = new lrScheduler.OneCycleLR(optimizer, 1, { epochs: 5, stepsPerEpoch: 4 });
    const [group] = optimizer.paramGroups;
    close(group.lr, 1 / 25);
    expect(group.betas).toEqual([0.95, 0.999]);
    for (let i = 0; i < 5; i++) scheduler.step();
    close(group.lr, 1);
    close(group.betas[0], 0.85);
    for (let i = 0; i < 14; i++) scheduler.step();
    close(group.lr, 1 / 25 / 1e4);
    close(group.betas[0], 0.95);
    scheduler.step();
    expect(() => scheduler.step()).toThrow(/tried to step 21 times; the cycle has 20 steps/);
  });

  test('LambdaLR takes a function per group', () => {
    const optimizer = new SGD([{ params: [tensor([1])] }, { params: [tensor([1])], lr: 2 }], { lr: 1 });
    const scheduler = new lrScheduler.LambdaLR(optimizer, [(e) => 0.5 ** e, (e) => 1 / (1 + e)]);
    scheduler.step();
    scheduler.step();
    expect(scheduler.getLastLr()).toEqual([0.25, 2 / 3]);
    expect(() => new lrScheduler.LambdaLR(optimizer, [(e) => e])).toThrow(
      /1 functions, .* 2 parameter groups/,
    );
  });

  test('CosineAnnealingWarmRestarts doubles its periods, and can be set to any epoch', () => {
    const walked = sgd(0.1);
    const set = sgd(0.1);
    const step = new lrScheduler.CosineAnnealingWarmRestarts(walked, 3, { TMult: 2, etaMin: 0.01 });
    const jump = new lrScheduler.CosineAnnealingWarmRestarts(set, 3, { TMult: 2, etaMin: 0.01 });
    for (let epoch = 1; epoch < 25; epoch++) {
      step.step();
      jump.step(epoch);
      close(set.paramGroups[0].lr, walked.paramGroups[0].lr);
      if (epoch === 3 || epoch === 9 || epoch === 21) close(walked.paramGroups[0].lr, 0.1);
    }
    expect(() => jump.step(-1)).toThrow(ValueError);
  });

  test.each([
    'StepLR',
    'MultiStepLR',
    'ExponentialLR',
    'CosineAnnealingLR',
    'LinearLR',
    'ConstantLR',
    'PolynomialLR',
  ])('%s gives the same by recursion and in closed form', (op) => {
    const options = { stepSize: 3, milestones: [2, 5, 5], gamma: 0.7, TMax: 6, totalIters: 5 };
    const walked = sgd(0.1);
    const set = sgd(0.1);
    const step = make(op, walked, options);
    const jump = make(op, set, options);
    for (let epoch = 1; epoch < 12; epoch++) {
      step.step();
      jump.step(epoch);
      expect(Math.abs(set.paramGroups[0].lr - walked.paramGroups[0].lr)).toBeLessThan(1e-12);
    }
  });

  test('ReduceLROnPlateau waits in a cooldown and follows a metric that should grow', () => {
    const optimizer = sgd(1);
    const scheduler = new lrScheduler.ReduceLROnPlateau(optimizer, {
      mode: 'max',
      patience: 0,
      factor: 0.5,
      cooldown: 2,
    });
    const rates = [1, 0.5, 0.4, 0.3, 0.2, 2, 0.1].map((metric) => {
      scheduler.step(metric);
      return optimizer.paramGroups[0].lr;
    });
    expect(rates).toEqual([1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25]);
    expect(() => scheduler.step(undefined as never)).toThrow(/expected a number, got undefined/);
  });

  test('all groups follow, each from its own learning rate', () => {
    const optimizer = new SGD([{ params: [tensor([1])] }, { params: [tensor([1])], lr: 0.5 }], { lr: 0.1 });
    const scheduler = new lrScheduler.StepLR(optimizer, 1, { gamma: 0.5 });
    scheduler.step();
    expect(optimizer.paramGroups.map(({ lr }) => lr)).toEqual([0.05, 0.25]);
  });
});

describe('state', () => {
  const kinds: [string, object][] = [
    ['StepLR', { stepSize: 3 }],
    ['MultiStepLR', { milestones: [2, 5, 5] }],
    ['ExponentialLR', { gamma: 0.9 }],
    ['CosineAnnealingLR', { TMax: 7 }],
    ['CosineAnnealingWarmRestarts', { T0: 2, TMult: 2 }],
    ['OneCycleLR', { maxLr: 1, totalSteps: 30 }],
    ['CyclicLR', { baseLr: 0.1, maxLr: 1, stepSizeUp: 4, mode: 'triangular2' }],
    ['LinearLR', {}],
    ['ConstantLR', {}],
    ['PolynomialLR', { totalIters: 10 }],
    ['LambdaLR', { lrLambda: (epoch: number) => 1 / (1 + epoch) }],
  ];

  test.each(kinds)('%s goes on where it was saved', (op, options) => {
    const optimizer = sgd(0.1, 0.9);
    const scheduler = make(op, optimizer, options);
    for (let i = 0; i < 4; i++) scheduler.step();
    const saved = JSON.parse(JSON.stringify([optimizer.stateDict(), scheduler.stateDict()]));

    const resumedOptimizer = sgd(0.7, 0.9);
    const resumed = make(op, resumedOptimizer, options);
    resumedOptimizer.loadStateDict(saved[0]);
    resumed.loadStateDict(saved[1]);
    for (let i = 0; i < 10; i++) {
      scheduler.step();
      resumed.step();
      expect(resumedOptimizer.paramGroups[0].lr).toBe(optimizer.paramGroups[0].lr);
      expect(resumedOptimizer.paramGroups[0].momentum).toBe(optimizer.paramGroups[0].momentum);
    }
    expect(resumed.stateDict()).toEqual(scheduler.stateDict());
  });

  test('has the names of PyTorch, and takes its bookkeeping', () => {
    const scheduler = new lrScheduler.CosineAnnealingLR(sgd(0.1), 10);
    const state = scheduler.stateDict();
    expect(state).toEqual({
      T_max: 10,
      eta_min: 0,
      base_lrs: [0.1],
      last_epoch: 0,
      _step_count: 1,
      _last_lr: [0.1],
    });
    scheduler.loadStateDict({ ...state, last_epoch: 4, verbose: false, _get_lr_called_within_step: false });
    expect(scheduler.lastEpoch).toBe(4);
  });

  test('of another schedule is rejected and changes nothing', () => {
    const scheduler = new lrScheduler.StepLR(sgd(0.1), 3);
    const before = scheduler.stateDict();
    const other = new lrScheduler.ExponentialLR(sgd(0.1), 0.9).stateDict();
    expect(() => scheduler.loadStateDict(other)).toThrow(StateDictError);
    expect(() => scheduler.loadStateDict(other)).toThrow(/step_size is missing/);
    expect(() => scheduler.loadStateDict({ ...before, T_max: 3 })).toThrow(/unknown T_max/);
    expect(() => scheduler.loadStateDict({ ...before, gamma: 'x' })).toThrow(/gamma is "x"/);
    expect(() => scheduler.loadStateDict({ ...before, base_lrs: [1, 2] })).toThrow(/base_lrs has 2 entries/);
    expect(scheduler.stateDict()).toEqual(before);
  });

  test('SequentialLR, ChainedScheduler and ReduceLROnPlateau go on, too', () => {
    const build = (optimizer: SGD) => {
      const parts = () => [
        new lrScheduler.ConstantLR(optimizer, { factor: 0.1, totalIters: 3 }),
        new lrScheduler.ExponentialLR(optimizer, 0.9),
      ];
      return [
        new lrScheduler.SequentialLR(optimizer, parts(), [3]),
        new lrScheduler.ChainedScheduler(parts()),
        new lrScheduler.ReduceLROnPlateau(optimizer, { patience: 1 }),
      ];
    };
    for (const which of [0, 1, 2]) {
      const optimizer = sgd(0.1);
      const scheduler = build(optimizer)[which];
      for (let i = 0; i < 5; i++) scheduler.step(1);
      const resumedOptimizer = sgd(0.1);
      const resumed = build(resumedOptimizer)[which];
      resumedOptimizer.loadStateDict(JSON.parse(JSON.stringify(optimizer.stateDict())));
      resumed.loadStateDict(JSON.parse(JSON.stringify(scheduler.stateDict())));
      for (let i = 0; i < 5; i++) {
        scheduler.step(1);
        resumed.step(1);
        expect(resumedOptimizer.paramGroups[0].lr).toBe(optimizer.paramGroups[0].lr);
      }
    }
  });

  test('a schedule cannot begin in the middle without the optimizer’s state', () => {
    expect(() => new lrScheduler.StepLR(sgd(0.1), 2, { lastEpoch: 3 })).toThrow(/group 0 has no initialLr/);
  });
});

test.each<[string, object, RegExp]>([
  ['StepLR', { stepSize: 0 }, /stepSize is 0/],
  ['ConstantLR', { factor: 1.5 }, /factor is 1.5, expected it between 0 and 1/],
  ['LinearLR', { startFactor: -1 }, /startFactor is -1/],
  ['CosineAnnealingLR', { TMax: 0 }, /TMax is 0/],
  ['CosineAnnealingWarmRestarts', { T0: 1.5 }, /T0 is 1.5/],
  ['OneCycleLR', { maxLr: 1 }, /expected totalSteps, or both epochs and stepsPerEpoch/],
  ['OneCycleLR', { maxLr: 1, totalSteps: 0 }, /0 steps/],
  ['OneCycleLR', { maxLr: 1, totalSteps: 5, pctStart: 2 }, /pctStart is 2/],
  [
    'OneCycleLR',
    { maxLr: [1, 2], totalSteps: 5 },
    /2 values for maxLr, the optimizer has 1 parameter groups/,
  ],
  ['OneCycleLR', { maxLr: 1, totalSteps: 5, annealStrategy: 'sine' }, /annealStrategy is 'sine'/],
  ['CyclicLR', { baseLr: 0, maxLr: 1, mode: 'square' }, /mode is 'square'/],
  ['CyclicLR', { baseLr: 0, maxLr: 1, stepSizeUp: 0 }, /steps up and down are 0 and 0/],
  ['ReduceLROnPlateau', { factor: 1 }, /factor is 1, expected a number < 1/],
])('%s rejects %o', (op, options, message) => {
  expect(() => make(op, sgd(0.1, 0.9), options)).toThrow(message);
});

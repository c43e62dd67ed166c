/** Optimizer, scheduler, initialisation and clipping cases. */
import * as nn from '@neurite/nn';
import * as optim from '@neurite/optim';
import { compareTensor } from './compare.js';
import { camelCase } from './names.js';
import { NotCovered, toOptions } from './ops.js';
import type { Outcome } from './report.js';
import { type HostTensor, type Json, type Suite, toTensor, type Value } from './vectors.js';

type Options = Record<string, unknown>;
type Case = { [key: string]: Json };

const PASSED: Outcome = { kind: 'passed' };
const failed = (reason: string): Outcome => ({ kind: 'failed', reason });

function find<T>(space: unknown, name: string, where: string): T {
  const found = (space as Record<string, unknown>)[name];
  if (typeof found !== 'function') throw new NotCovered(`no ${where}${name}`);
  return found as T;
}

const options = (suite: Suite, kwargs: Json): Options =>
  toOptions(suite.decode(kwargs) as { [key: string]: Value }, new Map());

/** Twenty steps with given gradients; parameters compared after every step. */
export async function runOptimizer(suite: Suite, c: Case): Promise<Outcome> {
  type Make = new (params: nn.Parameter[], o: Options) => optim.Optimizer;
  const Optimizer = find<Make>(optim, c.op as string, 'optim.');
  if (!c.params) throw new NotCovered(`optim.${c.op as string} with a closure`);
  const params = (suite.decode(c.params) as unknown as HostTensor[]).map(
    (p) => new nn.Parameter(toTensor(p)),
  );
  const optimizer = new Optimizer(params, options(suite, c.kwargs));
  const sequence = suite.decode(c.grad_sequence) as unknown as HostTensor[][];
  const expected = suite.decode(c.params_after_each_step) as unknown as HostTensor[][];
  for (const [step, grads] of sequence.entries()) {
    grads.forEach((g, i) => {
      params[i].grad = toTensor(g);
    });
    await optimizer.step();
    for (const [i, p] of params.entries()) {
      const difference = await compareTensor(
        p,
        expected[step][i],
        { rtol: 1e-4, atol: 1e-6 },
        `parameter ${i} after step ${step + 1}`,
      );
      if (difference) return failed(difference);
    }
  }
  return PASSED;
}

interface Scheduler {
  step(metric?: number): void;
}
type MakeScheduler = new (optimizer: optim.Optimizer, ...rest: unknown[]) => Scheduler;

/** PyTorch's leading keyword of each scheduler that is a positional argument in ours. */
const POSITIONAL: Readonly<Record<string, readonly string[]>> = {
  StepLR: ['stepSize'],
  MultiStepLR: ['milestones'],
  ExponentialLR: ['gamma'],
  CosineAnnealingLR: ['TMax'],
  CosineAnnealingWarmRestarts: ['T0'],
  CyclicLR: ['baseLr', 'maxLr'],
  OneCycleLR: ['maxLr'],
};

function makeScheduler(optimizer: optim.Optimizer, name: string, o: Options): Scheduler {
  const Make = find<MakeScheduler>((optim as Options).lrScheduler ?? optim, name, 'optim.lrScheduler.');
  const named = { ...o };
  const positional = (POSITIONAL[name] ?? []).map((k) => {
    const v = named[k];
    delete named[k];
    return v;
  });
  return new Make(optimizer, ...positional, named);
}

/** Fifty steps; learning rate (and momentum) compared at each. */
export async function runScheduler(suite: Suite, c: Case): Promise<Outcome> {
  const base = { lr: c.base_lr as number, momentum: (c.base_momentum as number) ?? 0.9 };
  const optimizer = new optim.SGD(
    [new nn.Parameter(toTensor({ dtype: 'float32', shape: [1], data: new Float32Array(1) }))],
    base,
  );
  const group = optimizer.paramGroups[0] as unknown as { lr: number; momentum: number };
  const near = (got: number, want: number) => Math.abs(got - want) <= 1e-9 * Math.abs(want) + 1e-15;
  if (c.metrics) {
    const scheduler = makeScheduler(optimizer, c.op as string, options(suite, c.kwargs));
    const want = c.lr_after_each_metric as number[];
    for (const [i, metric] of (c.metrics as number[]).entries()) {
      scheduler.step(metric);
      if (!near(group.lr, want[i])) return failed(`lr after metric ${i} is ${group.lr}, expected ${want[i]}`);
    }
    return PASSED;
  }
  let scheduler: Scheduler;
  if (c.spec) {
    const [kind, parts, milestones] = c.spec as [string, [string, Json][], number[] | null];
    const inner = parts.map(([name, kwargs]) => makeScheduler(optimizer, name, options(suite, kwargs)));
    const Make = find<new (...a: unknown[]) => Scheduler>(
      (optim as Options).lrScheduler ?? optim,
      kind,
      'optim.lrScheduler.',
    );
    scheduler = kind === 'SequentialLR' ? new Make(optimizer, inner, milestones) : new Make(inner);
  } else scheduler = makeScheduler(optimizer, c.op as string, options(suite, c.kwargs));
  const lr = c.lr as number[];
  const momentum = c.momentum as number[] | undefined;
  for (let i = 0; i < lr.length; i++) {
    if (!near(group.lr, lr[i])) return failed(`lr at step ${i} is ${group.lr}, expected ${lr[i]}`);
    if (momentum && !near(group.momentum, momentum[i]))
      return failed(`momentum at step ${i} is ${group.momentum}, expected ${momentum[i]}`);
    if (i === lr.length - 1) break;
    await optimizer.step();
    scheduler.step();
  }
  return PASSED;
}

/** Gains, fans and bounds of initialisers; gradient clipping. */
export async function runInit(suite: Suite, c: Case): Promise<Outcome> {
  const tol = c.tol as { rtol: number; atol: number };
  const near = (got: number, want: number) => Math.abs(got - want) <= tol.atol + tol.rtol * Math.abs(want);
  if (c.op === 'calculate_gain') {
    const gain = nn.init.calculateGain(
      camelCase(c.nonlinearity as string) as never,
      (c.param as number | null) ?? undefined,
    );
    return near(gain, c.gain as number) ? PASSED : failed(`gain is ${gain}, expected ${c.gain as number}`);
  }
  if (c.op === 'fan') {
    const shape = c.shape as number[];
    const { fanIn, fanOut } = nn.init.calculateFanInAndFanOut(shape);
    const got: Record<string, number> = {
      fan_in: fanIn,
      fan_out: fanOut,
      xavier_uniform_bound: Math.sqrt(6 / (fanIn + fanOut)),
      xavier_normal_std: Math.sqrt(2 / (fanIn + fanOut)),
      kaiming_uniform_relu_bound: (nn.init.calculateGain('relu') * Math.sqrt(3)) / Math.sqrt(fanIn),
      kaiming_normal_relu_std: nn.init.calculateGain('relu') / Math.sqrt(fanIn),
      linear_default_bound:
        (nn.init.calculateGain('leakyRelu', Math.sqrt(5)) * Math.sqrt(3)) / Math.sqrt(fanIn),
    };
    for (const [k, v] of Object.entries(got))
      if (!near(v, c[k] as number)) return failed(`${k} is ${v}, expected ${c[k] as number}`);
    return PASSED;
  }
  if (c.op === 'clip_grad_norm') {
    const before = suite.decode(c.grads_before) as unknown as HostTensor[];
    const params = before.map((g) => {
      const p = new nn.Parameter(toTensor({ ...g, data: g.data.slice().fill(0) }));
      p.grad = toTensor(g);
      return p;
    });
    const total = optim.clipGradNorm(params, c.max_norm as number, {
      normType: suite.decode(c.norm_type) as number,
    });
    if (!near(await (await total).item(), c.total_norm as number))
      return failed(`total norm, expected ${c.total_norm as number}`);
    const after = suite.decode(c.grads_after) as unknown as HostTensor[];
    for (const [i, p] of params.entries()) {
      const difference = await compareTensor(p.grad, after[i], tol, `gradient ${i}`);
      if (difference) return failed(difference);
    }
    return PASSED;
  }
  throw new NotCovered(`no runner for init case ${c.op as string}`);
}

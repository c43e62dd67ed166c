/** Runs a function and writes down what its kernels and the host's work took. Loaded by `profile`. */
import type { Command } from '../backend/interface.js';
import { NeuriteError } from '../errors.js';
import type { Kernel } from '../kernel/ir.js';
import type { Plan } from '../schedule/plan.js';
import type { Device } from './device.js';
import { hostStepOf, kernelCost } from './kernel-cost.js';
import { type Clock, type HostEvent, type Profile, type ProfileEvent, summarize } from './profile-summary.js';
import { type HostWork, type Recorder, setRecorder } from './recorder.js';
import { type Stats, stats } from './stats.js';

/** Changes of the host's clock that are waited for to find its step. */
const CLOCK_STEPS = 5;

/** The step of the host's clock in µs: pages see a coarse one. */
function hostResolution(): number {
  const steps: number[] = [];
  for (let last = performance.now(); steps.length < CLOCK_STEPS; ) {
    const now = performance.now();
    if (now > last) steps.push((now - last) * 1000);
    last = now;
  }
  return steps.sort((a, b) => a - b)[CLOCK_STEPS >> 1];
}

interface Recording extends Recorder {
  /** Waits for everything that was queued meanwhile. */
  settle(): Promise<void>;
  summary(before: Stats): Profile;
}

function record(): Recording {
  const step = hostResolution();
  const began = performance.now();
  const now = () => (performance.now() - began) * 1000;
  const events: ProfileEvent[] = [];
  const devices = new Set<Device>();
  const clocks = new Map<Device, Clock>();
  /** Where on the host's clock the last kernel of a device ended. */
  const ends = new Map<Device, number>();

  const clockOf = (device: Device): Clock => {
    let clock = clocks.get(device);
    if (!clock) {
      const kind = device.backend.measure ? 'device' : 'host';
      clock = { device: device.name, kind, resolution: step };
      clocks.set(device, clock);
    }
    return clock;
  };

  const addKernel = (device: Device, command: Command, kernel: Kernel, start: number, duration: number) => {
    const { specialized = false } = command.program;
    const cost = kernelCost(kernel);
    const at = { device: device.name, start, duration };
    events.push({ kind: 'kernel', name: kernel.name, size: sizeText(kernel), specialized, ...cost, ...at });
  };

  /** By the device's clock: how long kernels took is known, and where the first one started is not. */
  async function runMeasured(device: Device, commands: readonly Command[], kernels: readonly Kernel[]) {
    const start = Math.max(now(), ends.get(device) ?? 0);
    const { nanoseconds, resolution } = await device.backend.measure!(commands);
    let end = start;
    commands.forEach((command, i) => {
      const duration = nanoseconds[i] / 1000;
      addKernel(device, command, kernels[i], end, duration);
      end += duration;
    });
    ends.set(device, end);
    clocks.set(device, { ...clockOf(device), resolution: resolution / 1000 });
  }

  /** By the host's clock, one command at a time. */
  async function runTimed(device: Device, commands: readonly Command[], kernels: readonly Kernel[]) {
    const { backend } = device;
    clockOf(device);
    await backend.synchronize();
    for (const [i, command] of commands.entries()) {
      const start = now();
      backend.submit([command]);
      await backend.synchronize();
      addKernel(device, command, kernels[i], start, now() - start);
    }
  }

  const add = (kind: HostEvent['kind'], name: string, device: Device, start: number) => {
    events.push({ kind, name, device: device.name, start, duration: now() - start });
  };

  return {
    follows: (device) => void devices.add(device),
    timed<T>(what: HostWork, name: string, device: Device, work: () => T): T {
      const start = now();
      const done = () => add(what, name, device, start);
      const result = work();
      if (result instanceof Promise) result.then(done, done);
      else done();
      return result;
    },
    async run(device, commands, kernels) {
      const start = now();
      await (device.backend.measure ? runMeasured : runTimed)(device, commands, kernels);
      add('run', `${commands.length} kernels`, device, start);
    },
    async runOnHost(device, plan, i, work) {
      const start = now();
      await work();
      const at = { device: device.name, start, duration: now() - start };
      events.push({ kind: 'host step', specialized: false, ...costOf(plan, i), ...at });
    },
    async settle() {
      for (const device of devices) while (device.tail) await device.tail;
    },
    summary: (before) => summarize(events, [...clocks.values()], now(), countsSince(before)),
  };
}

function countsSince(before: Stats): Stats {
  const entries = Object.entries(stats) as [keyof Stats, number][];
  return Object.fromEntries(entries.map(([name, count]) => [name, count - before[name]])) as unknown as Stats;
}

function costOf(plan: Plan, i: number) {
  const step = plan.steps[i];
  if (step.kind === 'host') return { ...hostStepOf(plan, step.node), size: '' };
  const { kernel } = step.bound;
  return { name: kernel.name, size: sizeText(kernel), ...kernelCost(kernel) };
}

/** The loops of a kernel's largest nest: `32×512 784` has 32·512 points, each with a loop of 784. */
function sizeText({ nests }: Kernel): string {
  let text = '';
  let most = -1;
  for (const { outer, phases } of nests) {
    const around = outer.map(({ size }) => size).filter((size) => size > 1);
    for (const { loops } of phases) {
      const inner = loops.map(({ size }) => size).filter((size) => size > 1);
      const points = [...around, ...inner].reduce((a, b) => a * b, 1);
      if (points <= most) continue;
      most = points;
      text = [around, inner]
        .filter((sizes) => sizes.length)
        .map((sizes) => sizes.join('×'))
        .join(' ');
    }
  }
  return text;
}

let isRunning = false;

/** What `profile` does. Work that was queued before on `device` is waited for and not counted. */
export async function runProfiled(device: Device | null, fn: () => unknown): Promise<Profile> {
  if (isRunning) throw new NeuriteError('profile: another profile is running, and one cannot hold another');
  isRunning = true;
  while (device?.tail) await device.tail;
  const recording = record();
  const before = { ...stats };
  setRecorder(recording);
  try {
    await fn();
    await recording.settle();
    return recording.summary(before);
  } finally {
    await recording.settle();
    setRecorder(null);
    isRunning = false;
  }
}

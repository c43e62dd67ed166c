/** What a profile says: the kernels, summed up, and where the time of the host went. */
import type { KernelCost } from './explain.js';
import { profileTable } from './profile-table.js';
import { chromeTrace } from './profile-trace.js';
import type { HostWork } from './recorder.js';
import type { Stats } from './stats.js';

/** All times of a profile are in microseconds, as those of `torch.profiler` are. */
interface Span {
  readonly name: string;
  readonly device: string;
  /** Since the profile began. Of kernels on a device with a clock of its own: no earlier than this. */
  readonly start: number;
  readonly duration: number;
}

/** One run of a kernel, or of a step that the host did in place of the device (a custom op, a dtype that the device lacks). */
export interface KernelEvent extends Span, KernelCost {
  readonly kind: 'kernel' | 'host step';
  /** Sizes of the loops: `32×512 784` is 32·512 points, each with a loop of 784. */
  readonly size: string;
  readonly specialized: boolean;
}

/** Work of the host; `run` is its waiting for kernels. */
export interface HostEvent extends Span {
  readonly kind: HostWork | 'run';
}

export type ProfileEvent = KernelEvent | HostEvent;

/** All runs of one kernel together. */
export interface ProfiledKernel extends KernelCost {
  readonly name: string;
  readonly size: string;
  readonly device: string;
  /** Whether the host did it. */
  readonly onHost: boolean;
  /** Whether a tuned program runs in place of the loops. */
  readonly specialized: boolean;
  readonly calls: number;
  readonly time: number;
  /** How far `time` may be off: a step of the clock for each call. */
  readonly uncertainty: number;
  /** Part of the time of all kernels, 0 … 1. */
  readonly share: number;
  /** 10⁹ floating-point operations per second; null where the time is too short to be known. */
  readonly gflops: number | null;
  /** 10⁹ bytes per second, likewise. */
  readonly gigabytes: number | null;
}

/** How the times of a device's kernels were had. */
export interface Clock {
  readonly device: string;
  /** `device`: by its own clock. `host`: from submitting a kernel, alone, to hearing that it is done. */
  readonly kind: 'device' | 'host';
  /** The step of the clock. */
  readonly resolution: number;
}

/** Where the time went, as the host saw it. Work of several kinds may go on at once: they can sum up to more than the whole. */
export interface HostTime {
  readonly planning: number;
  readonly compiling: number;
  /** Copies to and from devices. */
  readonly copying: number;
  /** Kernels and custom ops that the host ran. */
  readonly steps: number;
  /** Waiting for kernels, handing them over included. */
  readonly waiting: number;
  /** Everything else: the profiled function itself, recording the graph, gradients. */
  readonly rest: number;
}

/** A plain record, for `JSON.stringify` and `structuredClone`; the two methods are not enumerable. */
export interface Profile {
  /** Longest first. */
  readonly kernels: readonly ProfiledKernel[];
  /** In the order in which they ended. */
  readonly events: readonly ProfileEvent[];
  /** From the call of the function to the end of all that it queued. */
  readonly wallTime: number;
  /** Of all kernels. */
  readonly kernelTime: number;
  readonly host: HostTime;
  /** What was done meanwhile: plans built and reused, programs compiled, kernels run. */
  readonly counts: Stats;
  /** One for each device that ran kernels. */
  readonly clocks: readonly Clock[];
  /** The kernels as a table, with what the times are. */
  toString(): string;
  /** The text of a trace file for chrome://tracing and https://ui.perfetto.dev. */
  chromeTrace(): string;
}

export const isKernelEvent = (event: ProfileEvent): event is KernelEvent =>
  event.kind === 'kernel' || event.kind === 'host step';

export function summarize(
  events: readonly ProfileEvent[],
  clocks: readonly Clock[],
  wallTime: number,
  counts: Stats,
): Profile {
  const runs = events.filter(isKernelEvent);
  const kernelTime = runs.reduce((sum, { duration }) => sum + duration, 0);
  const data = {
    kernels: sumUp(runs, clocks, kernelTime),
    events,
    wallTime,
    kernelTime,
    host: hostTime(events, wallTime),
    counts,
    clocks,
  };
  const hidden = <T>(value: T) => ({ value, enumerable: false });
  return Object.defineProperties(data, {
    toString: hidden(() => profileTable(data)),
    chromeTrace: hidden(() => chromeTrace(data)),
  }) as Profile;
}

function sumUp(
  runs: readonly KernelEvent[],
  clocks: readonly Clock[],
  kernelTime: number,
): readonly ProfiledKernel[] {
  const groups = new Map<string, KernelEvent[]>();
  for (const run of runs) {
    const { kind, name, size, device, specialized, flops, bytes } = run;
    const key = JSON.stringify([kind, name, size, device, specialized, flops, bytes]);
    const group = groups.get(key);
    if (group) group.push(run);
    else groups.set(key, [run]);
  }
  const rows = [...groups.values()].map((group): ProfiledKernel => {
    const { kind, name, size, device, specialized } = group[0];
    const calls = group.length;
    const time = group.reduce((sum, { duration }) => sum + duration, 0);
    const resolution = clocks.find((clock) => clock.device === device)?.resolution ?? 0;
    const uncertainty = calls * resolution;
    const flops = calls * group[0].flops;
    const bytes = calls * group[0].bytes;
    const rate = (amount: number) => (time > uncertainty ? amount / time / 1000 : null);
    return {
      name,
      size,
      device,
      onHost: kind === 'host step',
      specialized,
      calls,
      time,
      uncertainty,
      share: kernelTime > 0 ? time / kernelTime : 0,
      flops,
      bytes,
      gflops: rate(flops),
      gigabytes: rate(bytes),
    };
  });
  return rows.sort((a, b) => b.time - a.time);
}

function hostTime(events: readonly ProfileEvent[], wallTime: number): HostTime {
  const during = (...kinds: readonly ProfileEvent['kind'][]) =>
    covered(events.filter(({ kind }) => kinds.includes(kind)));
  return {
    planning: during('plan'),
    compiling: during('compile'),
    copying: during('write', 'read'),
    steps: during('host step'),
    waiting: during('run'),
    rest: Math.max(0, wallTime - during('plan', 'compile', 'write', 'read', 'host step', 'run')),
  };
}

/** Time in which at least one of the spans was going on. */
function covered(spans: readonly Span[]): number {
  let total = 0;
  let end = 0;
  for (const { start, duration } of [...spans].sort((a, b) => a.start - b.start)) {
    total += Math.max(0, start + duration - Math.max(start, end));
    end = Math.max(end, start + duration);
  }
  return total;
}

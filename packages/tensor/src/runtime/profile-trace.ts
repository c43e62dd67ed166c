/**
 * A profile in the trace event format of Chrome, which chrome://tracing and Perfetto show:
 * https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
 */
import type { Profile, ProfileEvent } from './profile-summary.js';

interface Lane {
  readonly name: string;
  /** Where its last event ends. */
  end: number;
}

/** Threads of the trace: on one of them events must not overlap. */
function assignLanes(events: readonly ProfileEvent[]): {
  readonly lanes: readonly Lane[];
  readonly laneOf: readonly number[];
} {
  const lanes: Lane[] = [];
  const laneOf = events.map((event) => {
    const name = event.kind === 'kernel' ? event.device : `host: ${event.kind}`;
    let lane = lanes.findIndex((lane) => lane.name === name && lane.end <= event.start);
    if (lane < 0) lane = lanes.push({ name, end: 0 }) - 1;
    lanes[lane].end = event.start + event.duration;
    return lane;
  });
  return { lanes, laneOf };
}

function argsOf(event: ProfileEvent): object {
  if (!('flops' in event)) return { device: event.device };
  const { device, size, flops, bytes, specialized } = event;
  return { device, loops: size, flops, bytes, tuned: specialized };
}

export function chromeTrace(profile: Omit<Profile, 'toString' | 'chromeTrace'>): string {
  const events = [...profile.events].sort((a, b) => a.start - b.start);
  const { lanes, laneOf } = assignLanes(events);
  const pid = 1;
  const names = lanes.map(({ name }, tid) => ({ ph: 'M', name: 'thread_name', pid, tid, args: { name } }));
  const order = lanes.map((_, tid) => ({
    ph: 'M',
    name: 'thread_sort_index',
    pid,
    tid,
    args: { sort_index: tid },
  }));
  const spans = events.map((event, i) => ({
    ph: 'X',
    name: event.kind === 'kernel' || event.kind === 'host step' ? event.name : `${event.kind} ${event.name}`,
    cat: event.kind,
    ts: event.start,
    dur: event.duration,
    pid,
    tid: laneOf[i],
    args: argsOf(event),
  }));
  const process = { ph: 'M', name: 'process_name', pid, args: { name: 'neurite' } };
  const { wallTime, clocks, counts } = profile;
  return JSON.stringify({
    traceEvents: [process, ...names, ...order, ...spans],
    displayTimeUnit: 'ms',
    otherData: { wallTime, clocks, counts },
  });
}

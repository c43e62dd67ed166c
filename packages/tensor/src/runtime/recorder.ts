/** The slot for `profile`: while a recorder is in it, kernels run one at a time and are measured. */
import type { Command } from '../backend/interface.js';
import type { Kernel } from '../kernel/ir.js';
import type { Plan } from '../schedule/plan.js';
import type { Device } from './device.js';

/** What the host does beside running a step. */
export type HostWork = 'plan' | 'compile' | 'write' | 'read';

export interface Recorder {
  /** A job was queued: it belongs to the recording, whether or not anybody waits for it. */
  follows(device: Device): void;
  /** Does work of the host, and writes down how long it took, also where a promise is the result. */
  timed<T>(what: HostWork, name: string, device: Device, work: () => T): T;
  /** Runs commands in order; resolves when they are done. `kernels` are theirs as the scheduler made them, before any lowering. */
  run(device: Device, commands: readonly Command[], kernels: readonly Kernel[]): Promise<void>;
  /** Runs a step of a plan on the host: a kernel, or a custom op. */
  runOnHost(device: Device, plan: Plan, step: number, work: () => Promise<void>): Promise<void>;
}

export let recorder: Recorder | null = null;

export function setRecorder(next: Recorder | null): void {
  recorder = next;
}

export const timed = <T>(what: HostWork, name: string, device: Device, work: () => T): T =>
  recorder ? recorder.timed(what, name, device, work) : work();

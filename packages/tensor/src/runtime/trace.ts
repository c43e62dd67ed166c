/** What a function did in one call, written down so that it can be done again without its graph. */
import type { DType } from '../dtype.js';
import type { Node } from '../graph/node.js';
import {
  type HostStep,
  type Look,
  type Observer,
  type Outcome,
  type Watched,
  watched,
} from '../graph/observer.js';
import type { Storage } from '../graph/storage.js';
import type { CompiledPlan } from './compile.js';
import { type Device, deviceOf } from './device.js';
import { isStale } from './pending.js';
import { submitValues } from './realize.js';
import type { Job } from './run.js';

/** Where a value comes from in a replay. */
export type Ref =
  | { readonly from: 'start'; readonly handle: number }
  | { readonly from: 'job'; readonly job: number; readonly output: number }
  | { readonly from: 'constant'; readonly storage: Storage };

/** A tensor that the function found and did not make: an argument, one that it holds on to, or the gradient of another one. */
export interface Found {
  readonly handle: Watched;
  readonly argument: number;
  /** Of which of the found tensors it is the gradient, or −1. */
  readonly gradientOf: number;
  /** What it was when it was found. */
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly device: Device;
  readonly requiresGrad: boolean;
  readonly isVariable: boolean;
  /** An argument that is a runtime number: its place among the numbers. */
  readonly slot: number;
}

export interface TracedJob {
  readonly device: Device;
  plan: CompiledPlan | null;
  readonly leaves: readonly Ref[];
  /** Places among the numbers, or constants. */
  readonly scalars: readonly ({ readonly slot: number } | { readonly value: number })[];
  readonly outputs: readonly Pick<Storage, 'dtype' | 'size' | 'bytes'>[];
  readonly replaced: readonly (Ref | null)[];
  readonly by: string | null;
}

export interface TracedStep {
  readonly step: HostStep;
  readonly slots: readonly number[];
  /** The job that it comes before. */
  readonly job: number;
}

/** A value that the call left behind. */
export interface Left {
  readonly ref: Ref;
  readonly shape: readonly number[];
}

/** What a gradient slot holds at the end; 'stale' is a tensor that only says that it cannot be had any more. */
export type LastGradient = Left | null | { readonly stale: Watched };

interface GradientSlot {
  readonly isSet: boolean;
  read: boolean;
  moved: boolean;
}

export class Trace implements Observer {
  readonly found: Found[] = [];
  readonly jobs: TracedJob[] = [];
  readonly steps: TracedStep[] = [];
  readonly guarded: { readonly what: string; readonly value: () => unknown; readonly seen: unknown }[] = [];
  readonly inspected: { readonly ref: Ref; readonly look: Look<Outcome>; readonly outcome: Outcome }[] = [];
  /** Pairs of found tensors that had one value between them. */
  readonly shared: (readonly [number, number])[] = [];
  /** How many numbers a replay needs. */
  numbers = 0;
  refusal: string | null = null;
  readonly gradients = new Map<number, GradientSlot>();
  /** Found tensors that were moved, and found gradient slots that were set: what they are at the end. */
  readonly lastValues: (readonly [handle: number, value: Left])[] = [];
  readonly lastGradients: (readonly [handle: number, gradient: LastGradient])[] = [];

  private readonly plans: Promise<void>[] = [];
  /** What found tensors were when they were found. */
  private readonly starts: Node[] = [];
  private readonly firstGradients = new Map<number, Watched | null>();
  private readonly made = new WeakSet<Watched>();
  private readonly index = new Map<Watched, number>();
  private readonly owners = new Map<Watched, number>();
  private readonly moved = new Set<number>();
  private readonly values = new Map<Storage, Ref>();
  private readonly bytes = new Map<Uint8Array, Ref>();
  private readonly slots = new Map<Node, number>();

  constructor(
    args: readonly Watched[],
    readonly dry: boolean,
  ) {
    for (const [argument, handle] of args.entries()) this.find(handle, { argument });
  }

  makes(handle: Watched): void {
    this.made.add(handle);
  }

  reads(handle: Watched): void {
    if (this.made.has(handle) || this.index.has(handle)) return;
    this.find(handle, { gradientOf: this.owners.get(handle) });
  }

  moves(handle: Watched): void {
    if (this.made.has(handle)) return;
    this.reads(handle);
    this.moved.add(this.index.get(handle)!);
  }

  readsGradient(handle: Watched): void {
    const slot = this.gradientSlot(handle);
    if (!slot || slot.moved) return;
    slot.read = true;
    if (handle.gradient) this.owners.set(handle.gradient, this.index.get(handle)!);
  }

  movesGradient(handle: Watched): void {
    const slot = this.gradientSlot(handle);
    if (slot) slot.moved = true;
  }

  inspects(node: Node, look: Look<Outcome>, outcome: Outcome): void {
    const ref = node.storage && this.refOf(node.storage);
    // Other values are constants of the trace, or results of its graph.
    if (ref?.from === 'start') this.inspected.push({ ref, look, outcome });
  }

  guards(what: string, value: () => unknown): void {
    this.guarded.push({ what, value, seen: value() });
  }

  advances(step: HostStep): void {
    const slots = step.scalars.map((node) => this.slotOf(node));
    this.steps.push({ step, slots, job: this.jobs.length });
  }

  refuses(reason: string): void {
    this.refusal ??= reason;
  }

  submits(device: Device, job: Job, by: string | null): void {
    const leaves = job.leaves.map((storage) => this.refOf(storage) ?? this.constant(storage));
    const { order, isLeaf } = job.request!;
    const scalars = order
      .filter((node, i) => !isLeaf[i] && node.op === 'scalar')
      .map((node) => {
        const slot = this.slots.get(node);
        return slot === undefined ? { value: node.value } : { slot };
      });
    const replaced = job.replaced.map(
      (storage) => storage && (this.refOf(storage) ?? this.constant(storage)),
    );
    const outputs = job.outputs.map(({ dtype, size, bytes }) => ({ dtype, size, bytes }));
    const traced: TracedJob = { device, plan: null, leaves, scalars, outputs, replaced, by };
    if (job.plan instanceof Promise) {
      const known = job.plan.then(
        (plan) => {
          traced.plan = plan;
        },
        () => this.refuses('its kernels do not compile'),
      );
      this.plans.push(known);
    } else traced.plan = job.plan;
    job.outputs.forEach((storage, output) =>
      this.values.set(storage, { from: 'job', job: this.jobs.length, output }),
    );
    this.jobs.push(traced);
  }

  /** Resolves when all plans are there, or refused. */
  async compiled(): Promise<void> {
    await Promise.all(this.plans);
  }

  /**
   * Computes what the call leaves behind: results, tensors that were moved, gradients. To be called unwatched, after the function; says
   * where the results' values come from. Where it refuses, nothing has been asked for.
   */
  finish(results: readonly Watched[]): readonly Left[] {
    for (const { current } of results)
      if (current.requiresGrad && !current.consumed && !current.variable)
        this.refuses('a result requires gradients: call backward in the function, or the function in noGrad');
    const left = [...results, ...[...this.moved].map((i) => this.found[i].handle)];
    if (left.some(({ current }) => isStale(current)))
      this.refuses(
        'it leaves a pending value that needs one which was overwritten; keep() it, or read it before',
      );
    if (this.refusal) return [];
    const slots = [...this.gradients].filter(([, slot]) => slot.moved).map(([i]) => i);
    const wanted = new Set<Node>();
    const want = (node: Node) => {
      if (!node.storage) wanted.add(node);
    };
    for (const { current } of results) want(current);
    for (const i of this.moved) want(this.found[i].handle.current);
    for (const i of slots) {
      const node = this.found[i].handle.gradient?.current;
      if (node && !isStale(node)) want(node);
    }
    if (wanted.size)
      watched(this, () => {
        submitValues([...wanted]);
      });
    for (const i of this.moved) this.lastValues.push([i, this.left(this.found[i].handle.current)]);
    for (const i of slots) {
      const last = this.found[i].handle.gradient;
      const stale = last && isStale(last.current);
      this.lastGradients.push([i, last && (stale ? { stale: last } : this.left(last.current))]);
    }
    return results.map(({ current }) => this.left(current));
  }

  /** Lets go of the values of this call: a replay has its own. */
  forget(): void {
    this.starts.length = 0;
    for (const map of [this.firstGradients, this.values, this.bytes, this.slots]) map.clear();
  }

  /** Puts everything back as it was before the call: after a dry trace. */
  undo(): void {
    for (const [i, node] of this.starts.entries()) {
      this.found[i].handle.current = node;
      // What another dry trace was to make has no value to go back to.
      if (node.storage?.buffer || node.storage?.host) node.storage.overwrittenBy = null;
    }
    for (const [i, gradient] of this.firstGradients) this.found[i].handle.gradient = gradient;
    for (const { step } of [...this.steps].reverse()) step.undo();
  }

  private find(handle: Watched, { argument = -1, gradientOf = -1 }): void {
    const { current: node } = handle;
    const i = this.found.length;
    const isVariable = node.variable !== null;
    const isNumber = argument >= 0 && node.op === 'scalar' && !node.storage;
    const slot = isNumber ? this.slotOf(node) : -1;
    const { requiresGrad } = node;
    const device = deviceOf(node);
    const { shape, dtype } = node;
    this.starts.push(node);
    this.found.push({ handle, argument, gradientOf, shape, dtype, device, requiresGrad, isVariable, slot });
    this.index.set(handle, i);
    if (isNumber) return;
    if (requiresGrad && !isVariable) {
      this.refuses('it uses a tensor that was computed, with gradients, outside of it');
      return;
    }
    if (!node.storage) watched(null, () => submitValues([node]));
    const storage = node.storage!;
    if (storage.source) this.refuses('it uses a value that another device has yet to send');
    const ref: Ref = { from: 'start', handle: i };
    const known = this.values.get(storage);
    if (known?.from === 'start') this.shared.push([known.handle, i]);
    else this.values.set(storage, ref);
    if (storage.host) this.bytes.set(storage.host, ref);
  }

  private gradientSlot(handle: Watched): GradientSlot | null {
    if (this.made.has(handle)) return null;
    this.reads(handle);
    const i = this.index.get(handle)!;
    let slot = this.gradients.get(i);
    if (!slot) {
      slot = { isSet: handle.gradient !== null, read: false, moved: false };
      this.gradients.set(i, slot);
      this.firstGradients.set(i, handle.gradient);
    }
    return slot;
  }

  private slotOf(node: Node): number {
    const slot = this.numbers++;
    this.slots.set(node, slot);
    return slot;
  }

  /** Leaves made from the host bytes of a found tensor share them, and stand for it. */
  private refOf(storage: Storage): Ref | undefined {
    return this.values.get(storage) ?? (storage.host ? this.bytes.get(storage.host) : undefined);
  }

  private left(node: Node): Left {
    const storage = node.storage!;
    return { ref: this.refOf(storage) ?? this.constant(storage), shape: node.shape };
  }

  private constant(storage: Storage): Ref {
    if (storage.source) this.refuses('it moves a tensor from one device to another');
    else if (!storage.host) this.refuses('it depends on a computed value of which it holds no tensor');
    return { from: 'constant', storage };
  }
}

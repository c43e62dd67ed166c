/** A device: a started backend with its caches and its memory accounts. */
import type { Backend, BufferKind, DeviceBuffer, Program } from '../backend/interface.js';
import { DeviceError, OutOfMemoryError } from '../errors.js';
import type { Node } from '../graph/node.js';
import type { DeviceHandle, Storage } from '../graph/storage.js';
import type { CompiledPlan } from './compile.js';
import { timed } from './recorder.js';
import { stats } from './stats.js';
import { createScales } from './weight.js';

export interface MemoryReport {
  readonly device: string;
  /** Bytes in use on the device now, cached uploads included. */
  readonly live: number;
  /** The most that was in use at once. */
  readonly peak: number;
  /** Bytes of host tensors that are cached on the device and may be dropped at any time. */
  readonly cachedUploads: number;
  /** The limit. */
  readonly budget: number;
}

export interface DeviceOptions {
  /** Fuse ops into few kernels (default true). Off is for tests. */
  readonly fusion?: boolean;
  /** Device bytes that copies of host tensors may occupy between uses (default 256 MiB). */
  readonly uploadCache?: number;
}

const MAX_PLANS = 256;
/**
 * A copy of a host tensor that so many runs did without is dropped. A batch per step thus takes the room of a few batches,
 * whenever the garbage collector comes to the tensors themselves; what each step uses stays.
 */
const UPLOAD_IDLE_RUNS = 16;
const PACE = 4;

export class Device implements DeviceHandle {
  readonly name: string;
  readonly fusion: boolean;
  /** Plans by structural hash; several graphs may share one. */
  readonly plans = new Map<string, CompiledPlan[]>();
  readonly programs = new Map<string, Program | Promise<Program>>();
  /** Resolves when all work queued so far is done or failed. */
  tail: Promise<void> | null = null;
  private live = 0;
  private peak = 0;
  private cached = 0;
  /** Host tensors with a copy on the device, and the run that used it last; least recently used first. */
  private readonly uploads = new Map<Storage, number>();
  private runs = 0;
  /** Runs since the device was last known, or asked, to have done everything. */
  private ahead = 0;
  /** Resolves when what was submitted until then is done. */
  private underWay: Promise<void> | null = null;
  private readonly uploadLimit: number;
  private destroyed = false;
  private readonly weightOf: (bytes: number) => object | null;
  private readonly registry = new FinalizationRegistry<DeviceBuffer>((buffer) => this.free(buffer));

  constructor(
    readonly backend: Backend,
    readonly report: string,
    options: DeviceOptions = {},
  ) {
    this.name = backend.name;
    this.weightOf = createScales(backend.capabilities.memoryBudget);
    this.fusion = options.fusion ?? true;
    this.uploadLimit = options.uploadCache ?? 256 * 2 ** 20;
  }

  /** Throws DeviceError once the device has been destroyed. */
  check(): void {
    if (this.destroyed)
      throw new DeviceError(`device ${this.name} was destroyed; make a new one with use(...)`);
  }

  allocate(bytes: number, kind: BufferKind = 'other'): DeviceBuffer {
    this.check();
    let buffer: DeviceBuffer;
    try {
      buffer = this.backend.allocate(bytes, kind);
    } catch (e) {
      if (!(e instanceof OutOfMemoryError) || this.uploads.size === 0) throw e;
      // The run that is being prepared needs those that it has used.
      this.dropUploads((lastRun) => lastRun < this.runs);
      buffer = this.backend.allocate(bytes, kind);
    }
    this.adopt(buffer);
    stats.bytesAllocated += buffer.bytes;
    return buffer;
  }

  /** Takes a buffer of its backend into the account. */
  adopt(buffer: DeviceBuffer): void {
    this.live += buffer.bytes;
    if (this.live > this.peak) this.peak = this.live;
  }

  free(buffer: DeviceBuffer): void {
    if (this.destroyed) return;
    this.live -= buffer.bytes;
    this.backend.free(buffer);
  }

  /** Makes a storage the owner of a buffer: it is freed with the storage, or by `disown`. */
  own(storage: Storage, buffer: DeviceBuffer, weight: object | null = this.weightOf(buffer.bytes)): void {
    storage.buffer = buffer;
    storage.weight = weight;
    storage.device = this;
    this.registry.register(storage, buffer, storage);
  }

  /** Takes the buffer away from its storage; the caller frees it or passes it on. */
  disown(storage: Storage): DeviceBuffer | null {
    const { buffer } = storage;
    if (!buffer) return null;
    this.registry.unregister(storage);
    if (this.uploads.delete(storage)) this.cached -= buffer.bytes;
    storage.buffer = null;
    storage.weight = null;
    return buffer;
  }

  /** Makes a storage the owner of another one's buffer. */
  pass(from: Storage, to: Storage): void {
    const { weight } = from;
    this.own(to, this.disown(from)!, weight);
  }

  /** The device buffer of a value, uploaded from the host if it is not there. */
  bufferOf(storage: Storage): DeviceBuffer {
    if (storage.buffer && storage.device !== this) {
      if (!storage.host)
        throw new DeviceError(
          `a tensor on ${storage.device?.name} was used on ${this.name}; move it with to(device)`,
        );
      // A cached copy on another device: the host has the value.
      const other = storage.device as Device;
      other.free(other.disown(storage)!);
    }
    if (storage.buffer) {
      // Most recently used goes to the end.
      if (this.uploads.delete(storage)) this.uploads.set(storage, this.runs);
      return storage.buffer;
    }
    if (!storage.host)
      throw storage.error ?? new DeviceError('a value is not on the device and has no copy on the host');
    const buffer = this.allocate(storage.bytes);
    const { host } = storage;
    timed('write', `${host.length} bytes`, this, () => this.backend.write(buffer, 0, host));
    this.own(storage, buffer);
    this.uploads.set(storage, this.runs);
    this.cached += buffer.bytes;
    return buffer;
  }

  /** To be called before a run asks for its buffers. */
  beginRun(): void {
    this.runs++;
  }

  /**
   * To be awaited after a run: bounds what is queued on a device that works while the program goes on, at two times `PACE` runs. A
   * loop that asks for values without reading them would otherwise fill the memory before any of it is done.
   */
  keepPace(): Promise<void> | null {
    if (++this.ahead < PACE) return null;
    this.ahead = 0;
    const before = this.underWay;
    // What went wrong is told by whoever reads a value.
    this.underWay = this.backend.synchronize().catch(() => undefined);
    return before;
  }

  /** To be called when a value has been read: the device has done what was submitted before. */
  caughtUp(): void {
    this.ahead = 0;
  }

  /** Drops cached uploads that have been idle for long, and others while there are too many. */
  trimUploads(): void {
    this.dropUploads((lastRun) => lastRun <= this.runs - UPLOAD_IDLE_RUNS || this.cached > this.uploadLimit);
  }

  /** Drops cached uploads, least recently used first, up to one that is not due. */
  private dropUploads(isDue: (lastRun: number) => boolean): void {
    for (const [storage, lastRun] of this.uploads) {
      if (!isDue(lastRun)) return;
      this.free(this.disown(storage)!);
    }
  }

  /** Remembers a plan; the oldest structure is forgotten when there are many. */
  cachePlan(hash: string, plan: CompiledPlan): void {
    const same = this.plans.get(hash);
    if (same) same.push(plan);
    else this.plans.set(hash, [plan]);
    if (this.plans.size > MAX_PLANS) this.plans.delete(this.plans.keys().next().value!);
  }

  /** Bytes that can still be had, cached uploads counted as free. */
  available(): number {
    return this.backend.capabilities.memoryBudget - this.live + this.cached;
  }

  memory(): MemoryReport {
    return {
      device: this.name,
      live: this.live,
      peak: this.peak,
      cachedUploads: this.cached,
      budget: this.backend.capabilities.memoryBudget,
    };
  }

  /** Waits for queued work and frees everything; values that live only on the device and were not read by then are lost. */
  async destroy(): Promise<void> {
    // More may be queued, or another call may have come first, while this one waits.
    while (this.tail) await this.tail;
    if (this.destroyed) return;
    this.destroyed = true;
    if (defaultDevice === this) defaultDevice = null;
    this.plans.clear();
    this.programs.clear();
    this.uploads.clear();
    await this.backend.destroy();
  }
}

let defaultDevice: Device | null = null;

/** The device that `use` chose last. Throws DeviceError when there is none. */
export function getDefaultDevice(): Device {
  if (!defaultDevice)
    throw new DeviceError(
      "no device: choose one first, for example `await use(cpu())` with cpu from '@neurite/backend-cpu'",
    );
  return defaultDevice;
}

/** The default device, or null before the first `use`. */
export const currentDevice = (): Device | null => defaultDevice;

export function setDefaultDevice(device: Device | null): void {
  defaultDevice = device;
}

/** Memory of a device (default: the default device). */
export const memory = (device: Device = getDefaultDevice()): MemoryReport => device.memory();

/** The device on which a node is (to be) computed. */
export function deviceOf(node: Node): Device {
  const device = node.device ?? getDefaultDevice();
  if (!(device instanceof Device))
    throw new DeviceError(`device ${device.name} is not one that use(...) made`);
  return device;
}

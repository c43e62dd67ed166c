/** Counts a program's calls of WebGPU from outside, whatever library makes them. */
import { COUNT_NAMES, countsFrom, type GpuCounts } from './counts.js';

/** The classes whose methods are counted: a page's global object, or what Dawn exports in Node. */
export type GpuClasses = Pick<
  typeof globalThis,
  'GPUAdapter' | 'GPUDevice' | 'GPUQueue' | 'GPUBuffer' | 'GPUCommandEncoder' | 'GPUComputePassEncoder'
>;

export interface GpuWatch {
  /** The counts until now. */
  counts(): GpuCounts;
  /** Bytes of buffers that were made and not destroyed. */
  bytes(): number;
  /** How the adapter of the last device names itself. */
  adapter(): string;
}

// biome-ignore lint/suspicious/noExplicitAny: any method of any class
type Method = (...args: any[]) => unknown;
type Methods<T> = { [K in keyof T as T[K] extends Method ? K : never]: T[K] };

/** Has `note` called with the receiver and the arguments of a method's calls, then the method. */
function before<T extends object, K extends keyof Methods<T>>(
  { prototype }: { prototype: T },
  name: K,
  note: (self: T, ...args: Parameters<Extract<T[K], Method>>) => void,
): void {
  const methods = prototype as Record<K, Method>;
  const original = methods[name];
  methods[name] = function (this: T, ...args) {
    note(this, ...(args as Parameters<Extract<T[K], Method>>));
    return original.apply(this, args);
  } as Method;
}

/** The bytes that `writeBuffer` copies: its offset and size count elements of a typed array, and bytes of anything else. */
function bytesOf(data: BufferSource | SharedArrayBuffer, offset = 0, size?: number): number {
  const unit = (data as Partial<Float32Array>).BYTES_PER_ELEMENT ?? 1;
  return size === undefined ? data.byteLength - offset * unit : size * unit;
}

function describe({ vendor, architecture, device, description }: GPUAdapterInfo): string {
  const words = [vendor, architecture, description || device].filter(Boolean);
  return [...new Set(words)].join(' ') || 'unnamed';
}

/** GPUMapMode.READ */
const READ = 1;

/** Counts from now on all that is done with these classes. Each class can be watched once. */
export function watchGpu(classes: GpuClasses): GpuWatch {
  const { GPUAdapter, GPUDevice, GPUQueue, GPUBuffer, GPUCommandEncoder, GPUComputePassEncoder } = classes;
  const now = Object.fromEntries(COUNT_NAMES.map((name) => [name, 0])) as Record<keyof GpuCounts, number>;
  const count = (name: keyof GpuCounts) => (): void => {
    now[name]++;
  };
  let adapter = 'none';
  before(GPUAdapter, 'requestDevice', ({ info }) => {
    adapter = describe(info);
  });
  before(GPUDevice, 'createComputePipeline', count('pipelines'));
  before(GPUDevice, 'createComputePipelineAsync', count('pipelines'));
  let bytes = 0;
  before(GPUDevice, 'createBuffer', (_, { size }) => {
    now.buffers++;
    bytes += size;
  });
  const destroyed = new WeakSet<GPUBuffer>();
  before(GPUBuffer, 'destroy', (buffer) => {
    if (!destroyed.has(buffer)) bytes -= buffer.size;
    destroyed.add(buffer);
  });
  before(GPUDevice, 'createBindGroup', count('bindGroups'));
  before(GPUCommandEncoder, 'beginComputePass', count('passes'));
  before(GPUCommandEncoder, 'copyBufferToBuffer', count('copies'));
  before(GPUComputePassEncoder, 'dispatchWorkgroups', count('dispatches'));
  before(GPUComputePassEncoder, 'dispatchWorkgroupsIndirect', count('dispatches'));
  before(GPUQueue, 'submit', count('submits'));
  before(GPUQueue, 'writeBuffer', (_, _buffer, _at, data, offset, size) => {
    now.writes++;
    now.bytesWritten += bytesOf(data as BufferSource, offset, size);
  });
  const readable = new WeakSet<GPUBuffer>();
  before(GPUBuffer, 'mapAsync', (buffer, mode) => {
    now.maps++;
    if (mode === READ) readable.add(buffer);
    else readable.delete(buffer);
  });
  // A mapped range is where bytes come to the host, or go from there.
  before(GPUBuffer, 'getMappedRange', (buffer, offset = 0, size = buffer.size - offset) => {
    if (readable.has(buffer)) now.bytesRead += size;
    else {
      now.writes++;
      now.bytesWritten += size;
    }
  });
  return { counts: () => countsFrom((name) => now[name]), bytes: () => bytes, adapter: () => adapter };
}

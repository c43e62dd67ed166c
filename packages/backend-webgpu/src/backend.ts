/** The WebGPU backend: kernels as WGSL over a device's queue. */
import {
  type Backend,
  type BackendFactory,
  type Capabilities,
  type DeviceBuffer,
  DeviceError,
  type Kernel,
  OutOfMemoryError,
  type Program,
} from '@neurite/tensor';
import { type AdapterOptions, type FoundDevice, findDevice } from './adapter.js';
import { type GpuCounters, zeroCounters } from './counters.js';
import { watch } from './health.js';
import { createPool, type GpuBuffer } from './memory.js';
import { createCompiler } from './program.js';
import { createQueue } from './queue.js';
import { NAMED_OPS } from './wgsl/attention/calls.js';
import { contractionShader } from './wgsl/contractions.js';
import { kernelShader } from './wgsl/kernelShader.js';
import type { Shader } from './wgsl/module.js';
import { SPELLED } from './wgsl/operations.js';
import { scatterShader } from './wgsl/scatter.js';
import { sortShader } from './wgsl/sort.js';
import { GPU_DTYPES } from './wgsl/values.js';

export interface WebGpuOptions extends AdapterOptions {
  /** Bytes that may be live at once (default 4 GiB). WebGPU does not tell how much memory a device has. */
  readonly memoryBudget?: number;
}

export interface GpuBackend extends Backend {
  readonly device: GPUDevice;
  readonly counters: GpuCounters;
  /** Hands over what has been gathered: what is submitted to the device afterwards comes behind it. */
  flush(): void;
  /** Does work of the function `who` on the device, behind what has been gathered; what is wrong with it is told to whoever waits next. */
  after(who: string, work: () => void): void;
  /** Takes over a buffer of this device, with the usages of one of its own. Throws OutOfMemoryError. */
  adopt(buffer: GPUBuffer): DeviceBuffer;
}

/**
 * The WebGPU backend for `use(...)`: `await use(webgpu(), cpu())`. In Node it needs the package `webgpu` (Dawn). Its `start` throws
 * DeviceError with the reason where there is no WebGPU or no adapter.
 */
export function webgpu(options: WebGpuOptions = {}): BackendFactory {
  return {
    name: 'webgpu',
    async start() {
      const found = await findDevice(options);
      return { backend: createBackend(found, options), notes: found.notes };
    },
  };
}

const DEFAULT_BUDGET = 2 ** 32;

function createBackend(
  { device, hasSubgroups, hasHalf, release }: FoundDevice,
  options: WebGpuOptions,
): GpuBackend {
  const { memoryBudget = DEFAULT_BUDGET } = options;
  const { limits } = device;
  const counters = zeroCounters();
  const health = watch(device, options.device !== undefined);
  const queue = createQueue(device, counters, health, {
    allocate: (bytes) => pool.allocate(bytes),
    free: (buffer) => pool.free(buffer),
    moveOut: (buffer) => pool.moveOut(buffer),
    nextSubmission: () => pool.nextSubmission(),
  });
  const largest = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize, memoryBudget);
  const pool = createPool(device, { budget: memoryBudget, largest, counters, health, flush: queue.flush });
  const compiler = createCompiler(device, counters);
  const capabilities: Capabilities = {
    dtypes: GPU_DTYPES,
    scalarOps: SPELLED,
    maxBuffers: limits.maxStorageBuffersPerShaderStage,
    maxBufferBytes: largest,
    memoryBudget,
    // A dispatch must not bind one buffer for reading and for writing.
    arena: false,
    alignment: Math.max(limits.minStorageBufferOffsetAlignment, limits.minUniformBufferOffsetAlignment),
    namedOps: NAMED_OPS,
  };
  const tuned = async (kernel: Kernel, shader: Shader): Promise<Program> => ({
    ...(await compiler.compile(kernel, shader)),
    specialized: true,
  });
  return {
    name: 'webgpu',
    device,
    counters,
    capabilities,
    flush: queue.flush,
    after(who, work) {
      health.check();
      queue.flush();
      const noMemory = (message: string) =>
        new OutOfMemoryError(`${who}: the device has no memory left: ${message}`);
      const wrong = (message: string) => new DeviceError(`${who}: ${message}`);
      health.guard('out-of-memory', noMemory, () => health.guard('validation', wrong, work));
    },
    adopt: pool.adopt,
    allocate: pool.allocate,
    free: (buffer) => pool.free(buffer as GpuBuffer),
    write: (buffer, byteOffset, bytes) => queue.write({ buffer, byteOffset }, bytes),
    read: (buffer, byteOffset, byteLength) => queue.read({ buffer, byteOffset }, byteLength),
    compile: (kernel) =>
      compiler.compile(
        kernel,
        kernelShader(kernel, { hasSubgroups, hasHalf, maxBuffers: capabilities.maxBuffers }),
      ),
    specialize(kernel) {
      if (kernel.named)
        return import('./wgsl/attention/index.js').then(({ namedShader }) =>
          tuned(kernel, namedShader(kernel, limits.maxComputeWorkgroupStorageSize, hasHalf)),
        );
      const shader =
        contractionShader(kernel, capabilities.maxBuffers, hasHalf) ??
        sortShader(kernel, capabilities.maxBuffers) ??
        scatterShader(kernel, capabilities.maxBuffers, hasSubgroups);
      // Plain loops need no memory between stages.
      return shader?.scratch.every((bytes) => bytes <= largest) ? tuned(kernel, shader) : undefined;
    },
    submit: queue.submit,
    ...(device.features.has('timestamp-query') && { measure: queue.measure }),
    synchronize: queue.synchronize,
    destroy() {
      queue.destroy();
      pool.destroy();
      release();
    },
  };
}

/** The WebGPU backend: kernels as WGSL over a device's queue. */
import type { Backend, BackendFactory, Capabilities } from '@neurite/tensor';
import { type AdapterOptions, type FoundDevice, findDevice } from './adapter.js';
import { type GpuCounters, zeroCounters } from './counters.js';
import { watch } from './health.js';
import { createPool, type GpuBuffer } from './memory.js';
import { createCompiler } from './program.js';
import { createQueue } from './queue.js';
import { contractionShader } from './wgsl/contractions.js';
import { kernelShader } from './wgsl/module.js';
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
  { device, hasSubgroups, release }: FoundDevice,
  { memoryBudget = DEFAULT_BUDGET }: WebGpuOptions,
): GpuBackend {
  const { limits } = device;
  const counters = zeroCounters();
  const health = watch(device);
  const queue = createQueue(device, counters, health, {
    allocate: (bytes) => pool.allocate(bytes),
    free: (buffer) => pool.free(buffer),
    moveOut: (buffer) => pool.moveOut(buffer),
  });
  const largest = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize, memoryBudget);
  const pool = createPool(device, { budget: memoryBudget, largest, counters, flush: queue.flush });
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
  };
  return {
    name: 'webgpu',
    device,
    counters,
    capabilities,
    allocate: pool.allocate,
    free: (buffer) => pool.free(buffer as GpuBuffer),
    write: (buffer, byteOffset, bytes) => queue.write({ buffer, byteOffset }, bytes),
    read: (buffer, byteOffset, byteLength) => queue.read({ buffer, byteOffset }, byteLength),
    compile: (kernel) => compiler.compile(kernel, kernelShader(kernel, hasSubgroups)),
    specialize(kernel) {
      const shader =
        contractionShader(kernel) ??
        sortShader(kernel, capabilities.maxBuffers) ??
        scatterShader(kernel, capabilities.maxBuffers, hasSubgroups);
      return shader
        ? compiler.compile(kernel, shader).then((program) => ({ ...program, specialized: true }))
        : undefined;
    },
    submit(commands) {
      queue.submit(commands);
      pool.nextPlan();
    },
    synchronize: queue.synchronize,
    destroy() {
      queue.destroy();
      pool.destroy();
      device.destroy();
      release();
    },
  };
}

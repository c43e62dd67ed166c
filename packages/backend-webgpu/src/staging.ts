/** Buffers that results are copied to, to be mapped. */
import type { GpuCounters } from './counters.js';

export interface Staging {
  take(bytes: number): GPUBuffer;
  give(buffer: GPUBuffer): void;
  destroy(): void;
}

/** Staging buffers that are kept. */
const KEPT_STAGING = 4;

export function createStaging(device: GPUDevice, counters: GpuCounters): Staging {
  let idle: GPUBuffer[] = [];
  return {
    take(bytes) {
      const fitting = idle.find((buffer) => buffer.size >= bytes);
      if (fitting) {
        idle = idle.filter((buffer) => buffer !== fitting);
        return fitting;
      }
      counters.buffers++;
      const power = 2 ** Math.max(8, Math.ceil(Math.log2(bytes)));
      const size = power > device.limits.maxBufferSize ? bytes : power;
      return device.createBuffer({ label: 'staging', size, usage: 0x1 | 0x8 });
    },
    give(buffer) {
      idle.push(buffer);
      if (idle.length > KEPT_STAGING) idle.shift()!.destroy();
    },
    destroy() {
      for (const buffer of idle) buffer.destroy();
    },
  };
}

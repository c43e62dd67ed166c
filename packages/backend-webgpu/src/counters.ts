/** What a device was asked to do. */
export interface GpuCounters {
  /** Command buffers handed to the queue. */
  submits: number;
  passes: number;
  dispatches: number;
  /** Compute pipelines made. */
  pipelines: number;
  /** GPU buffers made, staging buffers included. */
  buffers: number;
  bindGroups: number;
  /** Copies from the host, and their bytes. */
  writes: number;
  bytesWritten: number;
  /** Times that a staging buffer was mapped, and the bytes that were read. */
  maps: number;
  bytesRead: number;
}

export const zeroCounters = (): GpuCounters => ({
  submits: 0,
  passes: 0,
  dispatches: 0,
  pipelines: 0,
  buffers: 0,
  bindGroups: 0,
  writes: 0,
  bytesWritten: 0,
  maps: 0,
  bytesRead: 0,
});

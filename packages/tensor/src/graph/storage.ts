import type { DeviceBuffer } from '../backend/interface.js';
import type { DType } from '../dtype.js';

/** What the graph needs to know of a device; the runtime's `Device` is one. */
export interface DeviceHandle {
  readonly name: string;
}

/**
 * The value of a realised node. `host` holds row-major bytes of a tensor made from host data, of which `buffer` is then
 * only a cached copy; without `host`, `buffer` is the value itself.
 */
export interface Storage {
  readonly dtype: DType;
  readonly size: number;
  readonly bytes: number;
  host: Uint8Array | null;
  device: DeviceHandle | null;
  buffer: DeviceBuffer | null;
  /** Makes the garbage collector feel what `buffer` weighs. */
  weight: object | null;
  /** Who overwrote the value in place; reading it then is an error. */
  overwrittenBy: string | null;
  /** Set when the computation of the value failed. */
  error: unknown;
  /** A node on another device whose value this is a copy of, until it has been fetched. */
  source: object | null;
}

/** Storage whose value a device will hold. */
export function deviceStorage(dtype: DType, size: number, bytes: number, device: DeviceHandle): Storage {
  return {
    dtype,
    size,
    bytes,
    host: null,
    device,
    buffer: null,
    weight: null,
    overwrittenBy: null,
    error: null,
    source: null,
  };
}

/** Storage of a tensor whose value lies in host memory. */
export function hostStorage(dtype: DType, size: number, host: Uint8Array): Storage {
  return {
    dtype,
    size,
    bytes: host.byteLength,
    host,
    device: null,
    buffer: null,
    weight: null,
    overwrittenBy: null,
    error: null,
    source: null,
  };
}

/**
 * The backend interface: nine functions, a tenth for `profile`, and a record. A backend knows kernels, buffers and nothing else: no ops, no
 * gradients, no layers.
 */
import type { DType } from '../dtype.js';
import type { Kernel, ScalarOp } from '../kernel/ir.js';

/** What a device can do; the scheduler reads it, so that nothing is a surprise at run time. */
export interface Capabilities {
  /** Dtypes that buffers may hold and kernels may compute with. */
  readonly dtypes: readonly DType[];
  /** Scalar ops that `compile` spells itself; shared lowering expresses the others through these. */
  readonly scalarOps: ReadonlySet<ScalarOp>;
  /** Buffers that one kernel may bind. */
  readonly maxBuffers: number;
  /** Largest single buffer, in bytes. */
  readonly maxBufferBytes: number;
  /** Bytes that may be live at once. */
  readonly memoryBudget: number;
  /** Whether intermediates of a plan may share one buffer at different offsets within one kernel. */
  readonly arena: boolean;
  /** Offsets into a buffer are multiples of this many bytes. */
  readonly alignment: number;
  /**
   * Named ops that `specialize` has kernels for, by name, and which calls of them it takes: it must return a program for each of these.
   * All other calls come as the loops of their decompositions.
   */
  readonly namedOps?: Readonly<Record<string, (call: NamedCall) => boolean>>;
}

/** A named op on tensors, as a backend is asked about it (see `NamedOp`). */
export interface NamedCall {
  readonly params: object;
  readonly inputs: readonly TensorForm[];
  readonly output: TensorForm;
}

export interface TensorForm {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** Device memory; opaque to everyone but its backend. */
export interface DeviceBuffer {
  readonly bytes: number;
}

/** A compiled kernel. */
export interface Program {
  readonly kernel: Kernel;
  /** Generated code, as text, for `explain`. May be a getter that writes it when it is asked for. */
  readonly source: string | Promise<string>;
  /** Set by `specialize`: a tuned program, not the kernel's own loops. */
  readonly specialized?: boolean;
}

/** Part of a buffer, bound to a kernel's buffer argument. */
export interface BufferSlice {
  readonly buffer: DeviceBuffer;
  readonly byteOffset: number;
}

/** One kernel run: `buffers[i]` binds `kernel.buffers[i]`, `scalars[i]` is `kernel.scalars[i]` (a bool is 0 or 1). */
export interface Command {
  readonly program: Program;
  readonly buffers: readonly BufferSlice[];
  readonly scalars: readonly number[];
}

/** How long commands took, by a clock of the device. */
export interface Timings {
  /** One for each command, in nanoseconds: all that its program does, and nothing of what is around it. */
  readonly nanoseconds: readonly number[];
  /** The step of that clock, in nanoseconds: `profile` does not call a time exact that is not much longer. */
  readonly resolution: number;
}

/**
 * `result`: what a program has computed and may keep, of which many wait for the garbage collector. Others are values of host tensors, and
 * scratch memory, which is given back when its commands are submitted.
 */
export type BufferKind = 'result' | 'other';

export interface Backend {
  readonly name: string;
  readonly capabilities: Capabilities;
  /**
   * Device memory of at least `bytes` bytes, content undefined. Throws OutOfMemoryError. `kind` says what it will hold; a backend may
   * ignore it.
   */
  allocate(bytes: number, kind?: BufferKind): DeviceBuffer;
  /** Gives memory back; commands submitted before may still use it. */
  free(buffer: DeviceBuffer): void;
  /** Copies host bytes into a buffer, ordered with `submit`: whole words of four bytes, or up to the buffer's end. */
  write(buffer: DeviceBuffer, byteOffset: number, bytes: Uint8Array): void;
  /**
   * Copies bytes back to the host, after everything submitted before and whatever comes after the call. The result is the caller's own copy.
   */
  read(buffer: DeviceBuffer, byteOffset: number, byteLength: number): Promise<Uint8Array>;
  /** Makes a program of any kernel whose dtypes and scalar ops the capabilities list. */
  compile(kernel: Kernel): Program | Promise<Program>;
  /** A tuned program for a kernel it recognises (see `Nest.contraction`, `Kernel.named`); undefined means: use `compile`. */
  specialize?(kernel: Kernel): Program | Promise<Program> | undefined;
  /** Runs commands in order; returns when they are queued, not when they are done. */
  submit(commands: readonly Command[]): void;
  /**
   * Submits commands in order and says how long each took; only called by `profile`. A backend without a clock of its own leaves it
   * out: then commands are submitted one by one, each between two calls of `synchronize`, and the host's clock is read.
   */
  measure?(commands: readonly Command[]): Promise<Timings>;
  /** Resolves when everything submitted is done; rejects with DeviceLostError when it never will be. */
  synchronize(): Promise<void>;
  /** Frees everything; the backend must not be used afterwards. */
  destroy(): void | Promise<void>;
}

/** A backend that can be tried: `use(webgpu(), cpu())`. */
export interface BackendFactory {
  readonly name: string;
  /** Starts the backend, or throws an error whose message is the reason why this machine cannot. */
  start(): Promise<StartedBackend> | StartedBackend;
}

export interface StartedBackend {
  readonly backend: Backend;
  /** Short facts for the line that `use` reports: "wasm simd", "threads off: page not cross-origin isolated". */
  readonly notes: readonly string[];
}

/**
 * Values that were never computed. A device may refuse a submission, and says so later: then nothing in it has run. Whoever waits next is told once
 * (health.ts); what the submission was to write, and what was made from that since, must not be read as if it were there.
 */
import { type DeviceBuffer, DeviceError } from '@neurite/tensor';

/** A command, until the device has said whether it took the submission, with those that wrote what it reads. */
export interface Writer {
  error: DeviceError | null;
  from: readonly Writer[];
}

export interface Spoiled {
  /** Takes down a command when it is gathered. */
  gathered(reads: readonly DeviceBuffer[], writes: readonly DeviceBuffer[]): Writer;
  /** What the device has said of a submission, the earlier ones being judged. */
  judged(writers: readonly Writer[], error: DeviceError | null): void;
  /** The host has written new values. */
  written(buffer: DeviceBuffer): void;
  /** Throws DeviceError for a buffer whose value was never computed. */
  check(buffer: DeviceBuffer): void;
}

export function trackSpoiled(): Spoiled {
  /** The last one of each buffer. */
  const writerOf = new WeakMap<DeviceBuffer, Writer>();
  return {
    gathered(reads, writes) {
      const from = reads.flatMap((buffer) => writerOf.get(buffer) ?? []);
      const writer = { error: null, from };
      for (const buffer of writes) writerOf.set(buffer, writer);
      return writer;
    },
    judged(writers, error) {
      for (const writer of writers) {
        writer.error = error ?? writer.from.find((other) => other.error)?.error ?? null;
        writer.from = [];
      }
    },
    written: (buffer) => void writerOf.delete(buffer),
    check(buffer) {
      const cause = writerOf.get(buffer)?.error;
      if (cause) throw new DeviceError(`${cause.message}; so this value was never computed`, { cause });
    },
  };
}

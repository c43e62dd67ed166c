/** Checks that every backend can share. */
import { DTYPES } from '../dtype.js';
import { NeuriteError, ValidationError } from '../errors.js';
import type { Kernel } from '../kernel/ir.js';
import { bufferName } from '../kernel/print.js';
import type { Capabilities, Command } from './interface.js';

/** Throws NeuriteError where a kernel binds more buffers, or buffers of other dtypes, than the capabilities allow. */
export function checkKernel(backend: string, kernel: Kernel, { dtypes, maxBuffers }: Capabilities): void {
  const excluded = kernel.buffers.find(({ dtype }) => !dtypes.includes(dtype));
  if (!excluded && kernel.buffers.length <= maxBuffers) return;
  const what = excluded ? excluded.dtype : `${kernel.buffers.length} buffers`;
  throw new NeuriteError(`${backend}: ${kernel.name} uses ${what}, which capabilities exclude`);
}

/** Throws ValidationError where a command's bindings are not what its kernel takes: their number, size and alignment. */
export function checkCommand({ program, buffers, scalars }: Command, { alignment }: Capabilities): void {
  const { kernel } = program;
  if (buffers.length !== kernel.buffers.length || scalars.length !== kernel.scalars.length) {
    throw new ValidationError(
      `${kernel.name}: given ${buffers.length} buffers and ${scalars.length} scalars, takes ` +
        `${kernel.buffers.length} and ${kernel.scalars.length}`,
    );
  }
  for (const [i, { buffer, byteOffset }] of buffers.entries()) {
    const bytes = kernel.buffers[i].size * DTYPES[kernel.buffers[i].dtype].bytes;
    if (byteOffset % alignment === 0 && byteOffset + bytes <= buffer.bytes) continue;
    throw new ValidationError(
      `${kernel.name}: ${bufferName(kernel.buffers[i], i)} needs ${bytes} bytes at offset ${byteOffset} (a multiple of ` +
        `${alignment}) of a buffer of ${buffer.bytes}`,
    );
  }
}

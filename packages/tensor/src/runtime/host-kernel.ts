/** Kernels that the host runs, because they need a dtype that the device lacks (float64 on a GPU). Loaded where there is one. */

import type { Program } from '../backend/interface.js';
import { interpret, type RunKernel } from '../backend/interpret.js';
import { type Kernel, SCALAR_OPS } from '../kernel/ir.js';
import { printKernel } from '../kernel/print.js';

/** The interpreter takes the place of a program: its buffers come to the host, and what it writes goes back. */
export interface HostProgram extends Program {
  readonly runOnHost: RunKernel;
}

export function compileForHost(kernel: Kernel): HostProgram {
  return {
    kernel,
    get source() {
      return `interpreted on the host, for a dtype that the device lacks:\n${printKernel(kernel)}`;
    },
    runOnHost: interpret(kernel, new Set(SCALAR_OPS)),
  };
}

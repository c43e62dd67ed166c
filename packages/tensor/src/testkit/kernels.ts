/** The kernel-level test kit: hand-made kernels that cover the kernel language, run on any backend. */
import type { Backend, Program } from '../backend/interface.js';
import { reference } from '../backend/reference.js';
import type { Kernel } from '../kernel/ir.js';
import { lowerScalarOps } from '../kernel/lowering.js';
import { describeBuffers } from './buffer-tests.js';
import { convs } from './conv-cases.js';
import { describeMismatch, type KernelCase, runProgram, type TestRunner } from './harness.js';
import { indexCases } from './index-cases.js';
import { builder } from './kernel-builder.js';
import { loopCases } from './loop-cases.js';
import { matmuls } from './matmul-cases.js';
import { phaseCases } from './phase-cases.js';
import { reductionCases } from './reduction-cases.js';
import { scalarCases } from './scalar-cases.js';
import { scanCases } from './scan-cases.js';
import { sortCases } from './sort-cases.js';

/** Every case of the kit, by the part of the language that it covers. */
export function kernelCases(): Readonly<Record<string, readonly KernelCase[]>> {
  return {
    'scalar ops': scalarCases(),
    ...loopCases(),
    ...indexCases(),
    ...reductionCases(),
    ...phaseCases(),
    ...scanCases(),
    sorts: sortCases(),
    'matrix products': matmuls(),
    convolutions: convs(),
  };
}

export interface KernelTestOptions {
  /** Float32 results below 2^−126 may be 0, as on most GPUs (default false). */
  readonly flushesSubnormals?: boolean;
}

/** Least positive normal float32. */
const LEAST_NORMAL = 2 ** -126;

/**
 * Registers tests that run every case on a backend and compare with the reference backend, and with values stated by
 * the case; ops that the backend does not spell are lowered first. Cases with dtypes that it does not list, or with more
 * buffers than it binds, are left out.
 *
 * ```ts
 * await describeKernels('cpu', startMyBackend, { describe, it, expect });
 * ```
 */
export async function describeKernels(
  name: string,
  start: () => Backend | Promise<Backend>,
  { describe, it, expect }: TestRunner,
  { flushesSubnormals = false }: KernelTestOptions = {},
): Promise<void> {
  const backend = await start();
  const oracle = (await reference().start()).backend;
  const groups = Object.entries(kernelCases());

  const lowered = (kernel: Kernel) => lowerScalarOps(kernel, builder, backend.capabilities.scalarOps);

  // A promise does not say yet whether there is a tuned program.
  const tuned = new Map<KernelCase, Program>();
  for (const c of groups.flatMap(([, cases]) => cases)) {
    const program = canRun(c.kernel, backend) ? await backend.specialize?.(lowered(c.kernel)) : undefined;
    if (program?.specialized) tuned.set(c, program);
  }

  const atLeast = flushesSubnormals ? LEAST_NORMAL : 0;

  async function check(
    given: KernelCase,
    compile: (kernel: Kernel) => Program | Promise<Program>,
  ): Promise<void> {
    const { atol = 0 } = given.tolerance;
    const c = { ...given, tolerance: { ...given.tolerance, atol: Math.max(atol, atLeast) } };
    const program = await compile(lowered(c.kernel));
    const actual = await runProgram(backend, program, c);
    const expected = await runProgram(oracle, await oracle.compile(c.kernel), c);
    expect(describeMismatch(c, actual, expected)).toBe('');
    const stated = expected.map((values, i) => c.expected?.[i] ?? values);
    expect(describeMismatch(c, actual, stated)).toBe('');
  }

  describe(`kernels on ${name}`, () => {
    describeBuffers(backend, { describe, it, expect });
    for (const [group, cases] of groups) {
      describe(group, () => {
        for (const c of cases) {
          if (!canRun(c.kernel, backend)) continue;
          it(c.name, () => check(c, (kernel) => backend.compile(kernel)));
          const program = tuned.get(c);
          if (program) it(`${c.name}, tuned`, () => check(c, () => program));
        }
      });
    }
    it('shuts down', () => backend.destroy());
  });
}

/** Whether a backend has the dtypes of a kernel's buffers, and binds so many. */
function canRun({ buffers }: Kernel, { capabilities: { dtypes, maxBuffers } }: Backend): boolean {
  return buffers.length <= maxBuffers && buffers.every(({ dtype }) => dtypes.includes(dtype));
}

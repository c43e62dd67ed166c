/** Running one kernel on one backend, and comparing what two backends made of it. */
import type { Backend, Program } from '../backend/interface.js';
import { DTYPES, type DType, fromHalfBits, isFloat, type TypedArray, toHalfBits, viewAs } from '../dtype.js';
import type { Kernel } from '../kernel/ir.js';
import { bufferName } from '../kernel/print.js';

/** What the kit needs of a test runner; vitest, jest and node:test with any `expect` fit. */
export interface TestRunner {
  describe(name: string, body: () => void): void;
  it(name: string, body: () => void | Promise<void>): void;
  expect(value: unknown): { toBe(expected: unknown): void };
}

/** How far floats may be from the oracle's: in units of the last place, or relative and absolute. The widest holds. */
export interface Tolerance {
  readonly ulps?: number;
  readonly rtol?: number;
  readonly atol?: number;
}

export interface KernelCase {
  readonly name: string;
  readonly kernel: Kernel;
  /** Content of each buffer; undefined for one that is only written. */
  readonly inputs: readonly (readonly number[] | undefined)[];
  readonly scalars: readonly number[];
  readonly tolerance: Tolerance;
  /** Values that some buffers must have afterwards, by index; the others are compared with the oracle's. */
  readonly expected?: Readonly<Record<number, readonly number[]>>;
}

/** Bytes of a dtype's elements. */
export function encodeElements(dtype: DType, values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * DTYPES[dtype].bytes);
  viewAs(dtype, bytes).set(dtype === 'float16' ? values.map(toHalfBits) : values);
  return bytes;
}

/** Elements of a dtype from their bytes. */
export function decodeElements(dtype: DType, bytes: Uint8Array): number[] {
  const elements = Array.from(viewAs(dtype, bytes) as TypedArray);
  return dtype === 'float16' ? elements.map(fromHalfBits) : elements;
}

/** Bytes beside each buffer argument that no kernel may touch. */
const MARGIN = 64;
const MARGIN_BYTE = 0x77;

/**
 * Runs a program once and returns the content of all its buffers. Each lies in the middle of a larger buffer, whose
 * margins must not change; what is only written holds 77 before.
 */
export async function runProgram(
  backend: Backend,
  program: Program,
  { kernel, inputs, scalars }: Pick<KernelCase, 'kernel' | 'inputs' | 'scalars'>,
): Promise<number[][]> {
  const before = Math.ceil(MARGIN / backend.capabilities.alignment) * backend.capabilities.alignment;
  const allocated = kernel.buffers.map(({ dtype, size }, i) => {
    const length = size * DTYPES[dtype].bytes;
    const buffer = backend.allocate(before + length + MARGIN);
    const content = encodeElements(
      dtype,
      inputs[i] ?? new Array<number>(size).fill(dtype === 'bool' ? 1 : 77),
    );
    if (content.length !== length)
      throw new Error(`${kernel.name}: input ${i} has ${content.length} bytes, not ${length}`);
    const whole = new Uint8Array(before + length + MARGIN).fill(MARGIN_BYTE);
    whole.set(content, before);
    backend.write(buffer, 0, whole);
    return { buffer, length, dtype };
  });
  backend.submit([
    { program, buffers: allocated.map(({ buffer }) => ({ buffer, byteOffset: before })), scalars },
  ]);
  const results: number[][] = [];
  for (const [i, { buffer, length, dtype }] of allocated.entries()) {
    const whole = await backend.read(buffer, 0, before + length + MARGIN);
    const margins = [...whole.subarray(0, before), ...whole.subarray(before + length)];
    if (margins.some((byte) => byte !== MARGIN_BYTE)) {
      throw new Error(`${kernel.name}: wrote outside ${bufferName(kernel.buffers[i], i)}`);
    }
    results.push(decodeElements(dtype, whole.slice(before, before + length)));
    backend.free(buffer);
  }
  return results;
}

/** Distance from |x| to the next larger number of a float dtype. */
export function unitInLastPlace(x: number, dtype: DType): number {
  const [digits, leastExponent] = { float32: [24, -149], float16: [11, -24] }[dtype as string] ?? [53, -1074];
  const exponent = x === 0 ? leastExponent : Math.floor(Math.log2(Math.abs(x)));
  return 2 ** Math.max(exponent - digits + 1, leastExponent);
}

/** Numbers below this may come out as 0 where an op is not required to be exact. */
const LEAST_NORMAL: Partial<Record<DType, number>> = {
  float32: 2 ** -126,
  float16: 2 ** -14,
  float64: 2 ** -1022,
};

/** Whether `actual` is within `tolerance` of `expected`; equal infinities and two NaNs always are. */
function isClose(actual: number, expected: number, dtype: DType, tolerance: Tolerance): boolean {
  if (actual === expected || (Number.isNaN(actual) && Number.isNaN(expected))) return true;
  if (!isFloat(dtype) || !Number.isFinite(actual) || !Number.isFinite(expected)) return false;
  const { ulps = 0, rtol = 0, atol = 0 } = tolerance;
  const bound = Math.max(
    ulps > 0 ? Math.max(ulps * unitInLastPlace(expected, dtype), LEAST_NORMAL[dtype]!) : 0,
    atol + rtol * Math.abs(expected),
  );
  return Math.abs(actual - expected) <= bound;
}

/** The first element in which two runs of a kernel differ, as a sentence; '' where there is none. */
export function describeMismatch(
  { kernel, inputs, tolerance }: KernelCase,
  actual: readonly (readonly number[])[],
  expected: readonly (readonly number[])[],
): string {
  for (const [i, buffer] of kernel.buffers.entries()) {
    for (let j = 0; j < buffer.size; j++) {
      if (isClose(actual[i][j], expected[i][j], buffer.dtype, tolerance)) continue;
      const given = inputs.flatMap((values, k) => {
        const same = values && values.length === buffer.size;
        return same ? [`${bufferName(kernel.buffers[k], k)}[${j}] = ${values[j]}`] : [];
      });
      const where = given.length > 0 ? ` (${given.join(', ')})` : '';
      return `${bufferName(buffer, i)}[${j}] is ${actual[i][j]}, expected ${expected[i][j]}${where}`;
    }
  }
  return '';
}

/**
 * A convolution of an input with gaps (the gradient of a strided one) multiplies mostly by zeros. Output positions that are
 * equal modulo the gap meet the same taps and nothing but elements, so each class of them is a convolution without gaps.
 */
import type { ConvContraction } from '@neurite/tensor';

/** Positions `start`, `start + step`, … of an outer loop of the nest. */
export interface Place {
  readonly start: number;
  readonly step: number;
}

/** Part of a contraction: a convolution of its own whose results belong at some positions of the whole one's. */
export interface ConvPart {
  readonly conv: ConvContraction;
  /** For each spatial dimension; null where the part is everything. */
  readonly places: readonly Place[] | null;
}

/** More parts than this cost more in code and preparation than they save. */
const MAX_PARTS = 16;

interface Class extends Place {
  readonly size: number;
  readonly taps: number;
  readonly firstTap: number;
  readonly tapStep: number;
  readonly dilation: number;
  readonly padding: number;
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/** The classes of one dimension, whose stride is 1 where the input has gaps. */
function classesOf(conv: ConvContraction, i: number): Class[] {
  const gap = conv.inputDilation[i]!;
  const [size, taps] = [conv.outputSize[i]!, conv.kernelSize[i]!];
  const [dilation, padding] = [conv.dilation[i]!, conv.padding[i]!];
  if (gap === 1) return [{ start: 0, step: 1, size, taps, firstTap: 0, tapStep: 1, dilation, padding }];
  const common = gcd(dilation, gap);
  const tapStep = gap / common;
  return Array.from({ length: Math.min(gap, size) }, (_, start) => {
    // Position start + gap·u meets tap firstTap + tapStep·s at element u + s·(dilation/common) − padding'.
    const reached = (tap: number) => start + tap * dilation - padding;
    let firstTap = 0;
    while (firstTap < tapStep && reached(firstTap) % gap !== 0) firstTap += 1;
    const some = firstTap < Math.min(tapStep, taps);
    return {
      start,
      step: gap,
      size: Math.ceil((size - start) / gap),
      taps: some ? Math.ceil((taps - firstTap) / tapStep) : 0,
      firstTap,
      tapStep,
      dilation: dilation / common,
      padding: some ? -reached(firstTap) / gap : 0,
    };
  });
}

/** The parts of a convolution; itself alone where its input has no gaps. */
export function splitGaps(conv: ConvContraction): ConvPart[] {
  const gaps = conv.inputDilation.some((gap) => gap > 1);
  const splittable = conv.inputDilation.every((gap, i) => gap === 1 || conv.stride[i] === 1);
  const count = conv.inputDilation.reduce((product, gap) => product * gap, 1);
  if (!gaps || !splittable || count > MAX_PARTS) return [{ conv, places: null }];
  const combinations = conv.outputSize.reduce<Class[][]>(
    (lists, _, i) => lists.flatMap((list) => classesOf(conv, i).map((c) => [...list, c])),
    [[]],
  );
  return combinations.map((classes) => ({
    conv: {
      ...conv,
      outputSize: classes.map((c) => c.size),
      kernelSize: classes.map((c) => c.taps),
      dilation: classes.map((c) => c.dilation),
      padding: classes.map((c) => c.padding),
      inputDilation: classes.map(() => 1),
      weight: {
        ...conv.weight,
        offset: classes.reduce(
          (sum, c, i) => sum + c.firstTap * conv.weight.strides.kernel[i]!,
          conv.weight.offset,
        ),
        strides: {
          ...conv.weight.strides,
          kernel: classes.map((c, i) => c.tapStep * conv.weight.strides.kernel[i]!),
        },
      },
    },
    places: classes,
  }));
}

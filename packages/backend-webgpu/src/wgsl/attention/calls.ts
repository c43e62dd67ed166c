/** Which calls of named ops have a kernel. */
import type { Capabilities, DType, NamedCall } from '@neurite/tensor';

/** The widest rows whose sums an invocation can hold. */
const WIDEST = 128;

const TAKEN: readonly DType[] = ['float32', 'float16', 'bool'];

const isTaken = ({ inputs }: NamedCall): boolean =>
  inputs.every(({ dtype }) => TAKEN.includes(dtype)) &&
  inputs.slice(0, 3).every(({ shape }) => shape.at(-1)! <= WIDEST);

/** The named ops of this backend. */
export const NAMED_OPS: Capabilities['namedOps'] = {
  attention: isTaken,
  attentionLogSumExp: isTaken,
  attentionGradQuery: isTaken,
  attentionGradKey: isTaken,
  attentionGradValue: isTaken,
};

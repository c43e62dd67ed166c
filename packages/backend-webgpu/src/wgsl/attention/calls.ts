/** Which calls of named ops have a kernel. */
import type { Capabilities, NamedCall } from '@neurite/tensor';

/** The widest rows whose sums an invocation can hold. */
const WIDEST = 128;

const isTaken = ({ inputs }: NamedCall): boolean =>
  inputs.every(({ dtype }) => dtype === 'float32' || dtype === 'bool') &&
  inputs.slice(0, 3).every(({ shape }) => shape.at(-1)! <= WIDEST);

/** The named ops of this backend. */
export const NAMED_OPS: Capabilities['namedOps'] = {
  attention: isTaken,
  attentionLogSumExp: isTaken,
  attentionGradQuery: isTaken,
  attentionGradKey: isTaken,
  attentionGradValue: isTaken,
};

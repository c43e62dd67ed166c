/** Gradients of gather, scatter and their relatives; several sources at one place as torch.scatter_reduce. */
import type { OpAttrs, ScatterMode, Tensor } from '@neurite/tensor';
import { filled, primitive, type Rules } from './rule.js';

type Indexing = 'gather' | 'scatter' | 'indexSelect' | 'indexScatter';

const gather = (t: Tensor, dim: number, index: Tensor): Tensor =>
  primitive('gather', [t, index], { dim }, index.shape);

const scatter = (target: Tensor, dim: number, index: Tensor, source: Tensor, mode: ScatterMode): Tensor =>
  primitive('scatter', [target, index, source], { dim, mode }, target.shape);

/** Everything that one scatter gradient needs. */
interface Scattered {
  readonly g: Tensor;
  readonly dim: number;
  readonly target: Tensor;
  readonly index: Tensor;
  readonly source: Tensor;
  readonly result: Tensor;
}

interface ModeRule {
  readonly target: (s: Scattered) => Tensor;
  readonly source: (s: Scattered) => Tensor;
}

/** The gradient where target and sources attain the extremum, divided by how many of them do. */
function shared({ g, dim, target, index, source, result }: Scattered) {
  const targetWins = target.eq(result).to(g.dtype);
  const sourceWins = source.eq(gather(result, dim, index)).to(g.dtype);
  return { targetWins, sourceWins, share: g.div(scatter(targetWins, dim, index, sourceWins, 'add')) };
}

const extremum: ModeRule = {
  target: (s) => {
    const { targetWins, share } = shared(s);
    return share.mul(targetWins);
  },
  source: (s) => {
    const { sourceWins, share } = shared(s);
    return gather(share, s.dim, s.index).mul(sourceWins);
  },
};

/** The product of the others is the result divided by the element, except at a zero, where it is taken without it. */
const product: ModeRule = {
  target: ({ g, dim, target, index, source }) => {
    const ones = scatter(filled(target, 1), dim, index, source, 'mul');
    return g.mul(ones);
  },
  source: ({ g, dim, target, index, source, result }) => {
    const zero = source.eq(0);
    const zeros = scatter(filled(target, 0), dim, index, zero.to(g.dtype), 'add');
    const single = zero.logicalAnd(gather(zeros, dim, index).eq(1));
    const others = scatter(target, dim, index, source.maskedFill(single, 1), 'mul');
    const quotient = gather(g.mul(result), dim, index).div(source.maskedFill(zero, 1));
    return gather(g.mul(others), dim, index).where(single, quotient);
  },
};

const MODES: Readonly<Record<ScatterMode, ModeRule>> = {
  set: {
    target: ({ g, dim, index, source }) => scatter(g, dim, index, filled(source, 0), 'set'),
    source: ({ g, dim, index }) => gather(g, dim, index),
  },
  add: { target: ({ g }) => g, source: ({ g, dim, index }) => gather(g, dim, index) },
  mul: product,
  max: extremum,
  min: extremum,
};

/** indexScatter is scatter with the index repeated across the other dimensions. */
function repeated({ dim }: OpAttrs['indexScatter'], index: Tensor, source: Tensor): Tensor {
  return index.reshape(source.shape.map((n, d) => (d === dim ? n : 1))).expand(source.shape);
}

export const indexing: Rules<Indexing> = {
  gather: [(g, [a, index], _, { dim }) => scatter(filled(a, 0), dim, index, g, 'add'), null],
  scatter: [
    (g, [target, index, source], result, { dim, mode }) =>
      MODES[mode].target({ g, dim, target, index, source, result }),
    null,
    (g, [target, index, source], result, { dim, mode }) =>
      MODES[mode].source({ g, dim, target, index, source, result }),
  ],
  indexSelect: [
    (g, [a, index], _, { dim }) =>
      primitive('indexScatter', [filled(a, 0), index, g], { dim, mode: 'add' }, a.shape),
    null,
  ],
  indexScatter: [
    (g, [target, index, source], result, attrs) =>
      MODES[attrs.mode].target({
        g,
        dim: attrs.dim,
        target,
        index: repeated(attrs, index, source),
        source,
        result,
      }),
    null,
    (g, [target, index, source], result, attrs) =>
      attrs.mode === 'add' || attrs.mode === 'set'
        ? primitive('indexSelect', [g, index], { dim: attrs.dim }, source.shape)
        : MODES[attrs.mode].source({
            g,
            dim: attrs.dim,
            target,
            index: repeated(attrs, index, source),
            source,
            result,
          }),
  ],
};

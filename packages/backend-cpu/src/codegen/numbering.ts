/** Which expressions of different phases have equal values, and what follows from it. */
import { type Expr, type Nest, type Phase, phaseRoots, visitExprs } from '@neurite/tensor';

/** Numbers expressions so that equal numbers mean equal values at the same point of equally long loops. */
export function createNumbering(): (phase: Phase) => (e: Expr) => number {
  const numbers = new Map<string, number>();
  return ({ loops }) => {
    const sizes = loops.map((l) => l.size).join();
    const names = new Map<Expr, string>(loops.map((l, i) => [l.variable, `loop ${i} of ${sizes}`]));
    const known = new Map<Expr, number>();
    const numberOf = (e: Expr): number => {
      let number = known.get(e);
      if (number === undefined) {
        const key = names.get(e) ?? keyOf(e, numberOf);
        number = numbers.get(key) ?? numbers.size;
        numbers.set(key, number);
        known.set(e, number);
      }
      return number;
    };
    return numberOf;
  };
}

function keyOf(e: Expr, numberOf: (e: Expr) => number): string {
  switch (e.kind) {
    case 'const':
      return `${e.dtype} ${Object.is(e.value, -0) ? '-0' : e.value}`;
    case 'var':
      return `var ${e.id}`;
    case 'scalar':
      return `scalar ${e.slot}`;
    case 'acc':
      return `acc ${e.acc}`;
    case 'load':
      return `load ${e.buffer} ${numberOf(e.index)} ${e.guard ? numberOf(e.guard) : ''}`;
    case 'op':
      return `${e.op} ${e.dtype} ${e.args.map(numberOf)}`;
  }
}

/**
 * The differences x − m where m is the largest of the same x over the loops of an earlier phase, as softmax and its logarithm take them:
 * none is above 0.
 */
export function belowMaximum({ phases }: Nest): Set<Expr> {
  const numbering = createNumbering();
  /** The numbers of what the maxima so far are of, by accumulator. */
  const maxima = new Map<number, number>();
  const found = new Set<Expr>();
  for (const phase of phases) {
    const numberOf = numbering(phase);
    visitExprs(phaseRoots(phase), (e) => {
      if (e.kind !== 'op' || e.op !== 'sub') return;
      const [x, m] = e.args;
      if (m.kind === 'acc' && maxima.get(m.acc) === numberOf(x)) found.add(e);
    });
    for (const { op, acc, value } of phase.reductions) if (op === 'max') maxima.set(acc, numberOf(value));
  }
  return found;
}

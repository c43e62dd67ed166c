/** Concatenations, taken apart. */
import type { OpAttrs } from '../ops/primitives.js';
import type { Graph } from './graph.js';

/** A node that is part of a concatenation, and where in it its first element is. */
export interface Piece {
  readonly node: number;
  readonly starts: readonly number[];
}

/** What a stored concatenation consists of; those in it that are not stored themselves are taken apart too. */
export function piecesOf({ nodes }: Graph, stored: readonly boolean[], concat: number): Piece[] {
  const visit = (node: number, starts: readonly number[]): Piece[] => {
    const { op, inputs, shape, attrs } = nodes[node];
    if (shape.includes(0)) return [];
    if (op !== 'concat' || (stored[node] && node !== concat)) return [{ node, starts }];
    const { dim } = attrs as OpAttrs['concat'];
    let start = starts[dim];
    return inputs.flatMap((input) => {
      const from = start;
      start += nodes[input].shape[dim];
      return visit(
        input,
        starts.map((s, d) => (d === dim ? from : s)),
      );
    });
  };
  return visit(
    concat,
    nodes[concat].shape.map(() => 0),
  );
}

/** Cuts the loops of a phase into pieces of equal size, and what is left over. */
import { type Expr, type ExprBuilder, type Loop, rewrite, type VarExpr } from '@neurite/tensor';

export interface LoopCut {
  /** Loops over the pieces. */
  readonly pieces: readonly Loop[];
  /** Loops within a piece. */
  readonly loops: readonly Loop[];
  /** An expression of the original loops, at a point of a piece. */
  readonly inPiece: (e: Expr) => Expr;
  /** The points beyond the last piece. */
  readonly rest: { readonly loops: readonly Loop[]; readonly inRest: (e: Expr) => Expr } | null;
}

/** Points of a piece along one loop come in multiples of this where there are many, so that pieces are whole cache lines. */
const GRAIN = 16;

/** How long to make the about `count` pieces of a loop: of what is near, what leaves the smallest rest. */
export function pieceSize(size: number, count: number): number {
  const most = Math.max(Math.floor(size / count), 1);
  const grain = most >= 4 * GRAIN ? GRAIN : 1;
  let best = most - (most % grain);
  for (let s = best; s > (most * 3) / 4 && size % best !== 0; s -= grain)
    if (size % s < size % best) best = s;
  return best;
}

/** Cuts loops into about `count` pieces, outermost loops first. */
export function cutLoops(b: ExprBuilder, loops: readonly Loop[], count: number): LoopCut {
  let first = 0;
  let left = count;
  while (first < loops.length - 1 && loops[first].size <= left) left = Math.ceil(left / loops[first++].size);
  const { variable, size } = loops[first];
  const whole = loops.slice(0, first);
  const inner = loops.slice(first + 1);
  const step = pieceSize(size, left);
  const pieces = Math.floor(size / step);
  const piece = loopOf(b, 'piece', pieces);
  const within = loopOf(b, variable.name, step);
  const int = (value: number) => b.constant(value, 'int32');
  const renaming = (to: Expr) => {
    const memo = new Map<Expr, Expr>();
    return (e: Expr) => rewrite(b, e, (x) => (x === variable ? to : undefined), memo);
  };
  const remaining = size - pieces * step;
  const beyond = loopOf(b, variable.name, remaining);
  return {
    pieces: [...whole, piece],
    loops: [within, ...inner],
    inPiece: renaming(b.op('add', [b.op('mul', [piece.variable, int(step)]), within.variable])),
    rest:
      remaining === 0
        ? null
        : {
            loops: [...whole, beyond, ...inner],
            inRest: renaming(b.op('add', [beyond.variable, int(pieces * step)])),
          },
  };
}

function loopOf(b: ExprBuilder, name: string, size: number): Loop {
  const variable: VarExpr = b.variable(name, size);
  return { variable, size };
}

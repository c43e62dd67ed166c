/** Kernel expressions as WGSL. */
import {
  childrenOf,
  countUses,
  type Expr,
  type Kernel,
  type Nest,
  type Phase,
  phaseRoots,
  type VarExpr,
} from '@neurite/tensor';
import type { BufferCode } from './buffers.js';
import type { Helpers } from './helpers.js';
import { bitcast, cast, narrowed, operation } from './operations.js';
import { constant, scalarValue } from './values.js';

/** What the expressions of a module have in common. */
export interface ModuleScope {
  readonly kernel: Kernel;
  readonly buffers: readonly BufferCode[];
  readonly helpers: Helpers;
  /** Whether reductions may use subgroups. */
  readonly hasSubgroups: boolean;
  /** How many neighbouring points an invocation of a nest takes, where that is not one. */
  readonly runs: ReadonlyMap<Nest, number>;
}

export type Names = ReadonlyMap<VarExpr, string>;

/** Operations in one another that a statement has at most: compilers of WGSL bound the depth of what they parse. */
const MOST_DEEP = 40;

/** The text of an expression; a subexpression that is used twice, or deep, becomes a `let`, which is emitted first. */
export type Speller = (e: Expr) => string;

/** Spells the expressions of one phase. */
export function phaseSpeller(
  phase: Phase,
  scope: ModuleScope,
  names: Names,
  emit: (line: string) => void,
): Speller {
  const uses = countUses(phaseRoots(phase));
  const lets = new Map<Expr, string>();
  /** Of expressions that are no `let`. */
  const depths = new Map<Expr, number>();
  const { helpers, buffers } = scope;

  function text(e: Expr): string {
    const known = lets.get(e);
    if (known) return known;
    if (e.kind !== 'op' && e.kind !== 'load') return plain(e);
    const value = plain(e);
    const depth = 1 + Math.max(0, ...childrenOf(e).map((child) => depths.get(child) ?? 0));
    if (uses.get(e) === 1 && depth < MOST_DEEP) {
      depths.set(e, depth);
      return value;
    }
    const name = `t${lets.size}`;
    lets.set(e, name);
    emit(`let ${name} = ${value};`);
    return name;
  }

  function plain(e: Expr): string {
    switch (e.kind) {
      case 'const':
        return constant(e.value, e.dtype, helpers);
      case 'var':
        return names.get(e)!;
      case 'scalar':
        return scalarValue(`scalars[${e.slot >> 2}].${'xyzw'[e.slot & 3]}`, e.dtype, helpers);
      case 'acc':
        return narrowed(`acc${e.acc}`, e.dtype, helpers);
      case 'load':
        return buffers[e.buffer].load(text(e.index), e.guard && text(e.guard));
      case 'op': {
        const args = e.args.map(text);
        const from = e.args[0].dtype;
        if (e.op === 'cast') return cast(args[0], from, e.dtype, helpers);
        if (e.op === 'bitcast') return bitcast(args[0], from, e.dtype);
        return operation(e.op, e.op === 'where' ? e.dtype : from, args, helpers);
      }
    }
  }
  return text;
}

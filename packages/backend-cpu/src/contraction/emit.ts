/** Integer arithmetic and loops, a little above single instructions. */
import type { FunctionBuilder, PlainOp } from '../wasm/encoder.js';

/** An `i32`: a number known while compiling, or code that pushes it. */
export type I32 = number | (() => void);

export interface Emitter {
  readonly f: FunctionBuilder;
  /** Pushes a value. */
  push(value: I32): void;
  /** Evaluates once, into a new local (a known number stays one). */
  hold(value: I32): I32;
  /** A new local with a first value. */
  variable(value: I32): Variable;
  add(...terms: I32[]): I32;
  sub(a: I32, b: I32): I32;
  mul(a: I32, b: I32): I32;
  div(a: I32, b: number): I32;
  rem(a: I32, b: number): I32;
  min(a: I32, b: I32): I32;
  max(a: I32, b: I32): I32;
  less(a: I32, b: I32): I32;
  equal(a: I32, b: I32): I32;
  both(a: I32, b: I32): I32;
  /** Runs `then` where the condition is not 0. */
  when(condition: I32, then: () => void, otherwise?: () => void): void;
  /** `body` for from, from + step, … below `to`; `to` is evaluated each time and should be held. */
  loop(from: I32, to: I32, step: I32, body: (at: () => void) => void): void;
  /** The same for addresses: one behind 2 GB is greater than those in front of it. */
  walk(from: I32, to: I32, step: number, body: (at: () => void) => void): void;
  /** Nested loops from 0 to each extent, the last one innermost; extents of 1 make none. */
  nest(extents: readonly I32[], body: (at: readonly I32[]) => void): void;
}

export interface Variable {
  readonly get: () => void;
  set(value: I32): void;
  /** Adds to it. */
  advance(by: I32): void;
}

/** Writes into `f`. Comparisons are signed, those of `walk` excepted; divisions are not. */
export function emitter(f: FunctionBuilder): Emitter {
  const push = (value: I32) => (typeof value === 'number' ? f.i32(value) : value());
  const binary =
    (op: PlainOp, fold: (a: number, b: number) => number) =>
    (a: I32, b: I32): I32 =>
      typeof a === 'number' && typeof b === 'number'
        ? fold(a, b)
        : () => {
            push(a);
            push(b);
            f.op(op);
          };
  const plus = binary('i32.add', (a, b) => a + b);
  const times = binary('i32.mul', (a, b) => a * b);
  const less = binary('i32.lt_s', (a, b) => Number(a < b));
  const add = (...terms: I32[]): I32 => {
    const known = terms.reduce<number>((sum, t) => (typeof t === 'number' ? sum + t : sum), 0);
    const unknown = terms.filter((t) => typeof t !== 'number');
    const parts: I32[] = known || !unknown.length ? [...unknown, known] : unknown;
    return parts.reduce((sum, t) => plus(sum, t));
  };
  const mul = (a: I32, b: I32): I32 => {
    if (a === 0 || b === 0) return 0;
    if (a === 1) return b;
    return b === 1 ? a : times(a, b);
  };
  const variable = (value: I32): Variable => {
    const local = f.local('i32');
    const set = (next: I32) => {
      push(next);
      f.set(local);
    };
    set(value);
    const get = () => f.get(local);
    return { get, set, advance: (by) => set(add(get, by)) };
  };
  const hold = (value: I32): I32 => (typeof value === 'number' ? value : variable(value).get);
  const choose =
    (takeFirst: (a: number, b: number) => boolean, compare: 'i32.lt_s' | 'i32.gt_s') =>
    (a: I32, b: I32): I32 => {
      if (typeof a === 'number' && typeof b === 'number') return takeFirst(a, b) ? a : b;
      const [x, y] = [hold(a), hold(b)];
      return () => {
        push(x);
        push(y);
        push(x);
        push(y);
        f.op(compare);
        f.op('select');
      };
    };
  const loopUntil =
    (isDone: 'i32.ge_s' | 'i32.ge_u') =>
    (from: I32, to: I32, step: I32, body: (at: () => void) => void): void => {
      const at = variable(from);
      const done = f.block();
      const next = f.loop();
      push(at.get);
      push(to);
      f.op(isDone);
      f.brIf(done);
      body(at.get);
      at.advance(step);
      f.br(next);
      f.end();
      f.end();
    };
  const loop = loopUntil('i32.ge_s');
  const nest: Emitter['nest'] = (extents, body) => {
    if (!extents.length) return body([]);
    const [first, ...others] = extents as [I32, ...I32[]];
    if (first === 1) return nest(others, (at) => body([0, ...at]));
    loop(0, first, 1, (at) => nest(others, (inner) => body([at, ...inner])));
  };
  return {
    f,
    push,
    hold,
    loop,
    walk: loopUntil('i32.ge_u'),
    nest,
    variable,
    add,
    sub: (a, b) => (b === 0 ? a : binary('i32.sub', (x, y) => x - y)(a, b)),
    mul,
    div: (a, b) => (b === 1 ? a : binary('i32.div_u', (x, y) => Math.floor(x / y))(a, b)),
    rem: (a, b) => (b === 1 ? 0 : binary('i32.rem_u', (x, y) => x % y)(a, b)),
    min: choose((a, b) => a < b, 'i32.lt_s'),
    max: choose((a, b) => a > b, 'i32.gt_s'),
    less,
    equal: binary('i32.eq', (a, b) => Number(a === b)),
    both: binary('i32.and', (a, b) => a & b),
    when(condition, then, otherwise) {
      if (typeof condition === 'number') return condition ? then() : otherwise?.();
      condition();
      f.if_();
      then();
      if (otherwise) {
        f.else_();
        otherwise();
      }
      f.end();
    },
  };
}

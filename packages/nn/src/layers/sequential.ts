import { IndexError, type Shape, ValueError } from '@neurite/tensor';
import { Layer, type Module } from '../module/module.js';
import { type Member, ModuleTree } from '../module/tree.js';
import type { Apply, AsShape, ShapeFn } from '../types/shape-fn.js';

/** The shape function of a module, if its type says one. */
type FnOf<M> = M extends { readonly shapeFn?: infer F } ? (F extends ShapeFn ? F : never) : never;
/** What a module makes of a shape: unknown for a module of the user's own. */
type OutOf<M, S extends Shape> = [FnOf<M>] extends [never] ? Shape : Apply<FnOf<M>, S>;

/**
 * Each module's own type, but the complaint in place of the first one that does not take what the ones before
 * it give.
 */
export type Chain<M extends readonly unknown[], S extends Shape = Shape> = M extends readonly [
  infer First,
  ...infer Rest,
]
  ? OutOf<First, S> extends infer Out
    ? Out extends Shape
      ? readonly [unknown, ...Chain<Rest, Out>]
      : readonly [Out, ...Rest]
    : never
  : M extends readonly []
    ? readonly []
    : M;

type ChainOut<M extends readonly unknown[], S extends Shape> = M extends readonly [infer First, ...infer Rest]
  ? OutOf<First, S> extends infer Out
    ? Out extends Shape
      ? ChainOut<Rest, Out>
      : Out
    : never
  : M extends readonly []
    ? S
    : Shape;

interface SequentialFn<M extends readonly unknown[]> extends ShapeFn {
  readonly out: ChainOut<M, AsShape<this['in']>>;
}

type Modules<T extends readonly Module[] | readonly [Readonly<Record<string, Module>>]> =
  T extends readonly Module[] ? T : readonly Module[];

/**
 * Modules one after the other, the output of each being the input of the next. Layers whose sizes do not fit
 * are a compile error: `new Sequential(new Linear(784, 128), new Linear(64, 10))`. Names are '0', '1', …, or
 * the keys of an object: `new Sequential({ conv: new Conv2d(1, 6, 5), relu: new ReLU() })`.
 * https://pytorch.org/docs/1.13/generated/torch.nn.Sequential.html
 */
export class Sequential<
  const T extends readonly Module[] | readonly [Readonly<Record<string, Module>>] = readonly Module[],
> extends Layer<SequentialFn<Modules<T>>> {
  readonly #modules = new Map<string, Module>();

  constructor(...modules: T & Chain<T>) {
    super();
    const [first] = modules as readonly unknown[];
    const named = modules.length === 1 && !(first instanceof ModuleTree);
    if (named && (typeof first !== 'object' || first === null))
      throw new ValueError(`Sequential: ${String(first)} is no module`);
    for (const [name, module] of Object.entries((named ? first : modules) as Record<string, Module>)) {
      if (!(module instanceof ModuleTree)) throw new ValueError(`Sequential: '${name}' is no module`);
      this.#modules.set(name, module);
    }
  }

  override *members(): Iterable<Member> {
    for (const [key, value] of this.#modules) yield { kind: 'module', key, value };
  }

  /** Number of modules. */
  override get length(): number {
    return this.#modules.size;
  }

  /** The module at a position; negative ones count from the end. */
  at(index: number): Module {
    const module = [...this.#modules.values()].at(index);
    if (!module) throw new IndexError(`Sequential: no module at ${index}, there are ${this.length}`);
    return module;
  }

  /** Puts a module at the end; its input is not checked by the compiler. */
  append(module: Module): this {
    this.#modules.set(String(this.length), module);
    return this;
  }

  [Symbol.iterator](): IterableIterator<Module> {
    return this.#modules.values();
  }

  // biome-ignore lint/suspicious/noExplicitAny: what the first module takes and the last one returns.
  forward(input: any): any {
    let value = input;
    for (const module of this.#modules.values()) value = module(value);
    return value;
  }
}

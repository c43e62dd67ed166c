import { IndexError, ValueError } from '@neurite/tensor';
import { Module } from '../module/module.js';
import { type Member, ModuleTree } from '../module/tree.js';
import { Parameter } from '../parameter.js';

/**
 * Containers: what they hold is registered under '0', '1', … or under the keys given, unchanged. They have no
 * forward.
 */

/** The type of an element: layers of several types have no common call signature, and are plain modules. */
type OneOf<M, All = M> = M extends unknown ? ([All] extends [M] ? M : Module) : never;

/** A list of modules. https://pytorch.org/docs/1.13/generated/torch.nn.ModuleList.html */
export class ModuleList<M extends Module = Module> extends Module {
  readonly #modules: M[] = [];

  constructor(modules: Iterable<M> = []) {
    super();
    this.extend(modules);
  }

  override *members(): Iterable<Member> {
    for (const [i, value] of this.#modules.entries()) yield { kind: 'module', key: String(i), value };
  }

  /** Number of modules. */
  override get length(): number {
    return this.#modules.length;
  }

  /** The module at a position; negative ones count from the end. */
  at(index: number): OneOf<M> {
    return itemAt('ModuleList', this.#modules, index) as OneOf<M>;
  }

  append(module: M): this {
    if (!(module instanceof ModuleTree)) throw new ValueError('ModuleList: takes modules only');
    this.#modules.push(module);
    return this;
  }

  extend(modules: Iterable<M>): this {
    for (const module of modules) this.append(module);
    return this;
  }

  /** Puts a module before position `index`. */
  insert(index: number, module: M): void {
    this.append(module);
    this.#modules.splice(index, 0, this.#modules.pop() as M);
  }

  [Symbol.iterator](): IterableIterator<OneOf<M>> {
    return this.#modules.values() as IterableIterator<OneOf<M>>;
  }
}

/**
 * Modules by name, in the order in which they were set.
 * https://pytorch.org/docs/1.13/generated/torch.nn.ModuleDict.html
 */
export class ModuleDict<M extends Module = Module> extends Module {
  readonly #modules = new Map<string, M>();

  constructor(modules: Readonly<Record<string, M>> | Iterable<readonly [string, M]> = {}) {
    super();
    const entries =
      Symbol.iterator in modules ? (modules as Iterable<readonly [string, M]>) : Object.entries(modules);
    for (const [key, module] of entries) this.set(key, module);
  }

  override *members(): Iterable<Member> {
    for (const [key, value] of this.#modules) yield { kind: 'module', key, value };
  }

  /** Number of modules. */
  get size(): number {
    return this.#modules.size;
  }

  /** The module of this name; throws IndexError when there is none. */
  get(key: string): OneOf<M> {
    const module = this.#modules.get(key);
    if (!module)
      throw new IndexError(
        `ModuleDict: no module '${key}', there are ${[...this.#modules.keys()].join(', ')}`,
      );
    return module as OneOf<M>;
  }

  has(key: string): boolean {
    return this.#modules.has(key);
  }

  set(key: string, module: M): this {
    if (key === '' || key.includes('.'))
      throw new ValueError(`ModuleDict: '${key}' is no possible name (a dot separates levels)`);
    if (!(module instanceof ModuleTree)) throw new ValueError('ModuleDict: takes modules only');
    this.#modules.set(key, module);
    return this;
  }

  delete(key: string): boolean {
    return this.#modules.delete(key);
  }

  keys(): string[] {
    return [...this.#modules.keys()];
  }

  values(): OneOf<M>[] {
    return [...this.#modules.values()] as OneOf<M>[];
  }

  [Symbol.iterator](): IterableIterator<[string, OneOf<M>]> {
    return this.#modules.entries() as IterableIterator<[string, OneOf<M>]>;
  }
}

/** A list of parameters. https://pytorch.org/docs/1.13/generated/torch.nn.ParameterList.html */
export class ParameterList extends Module {
  readonly #parameters: Parameter[] = [];

  constructor(parameters: Iterable<Parameter> = []) {
    super();
    for (const parameter of parameters) this.append(parameter);
  }

  override *members(): Iterable<Member> {
    for (const [i, value] of this.#parameters.entries()) yield { kind: 'parameter', key: String(i), value };
  }

  /** Number of parameters. */
  override get length(): number {
    return this.#parameters.length;
  }

  /** The parameter at a position; negative ones count from the end. */
  at(index: number): Parameter {
    return itemAt('ParameterList', this.#parameters, index);
  }

  append(parameter: Parameter): this {
    if (!(parameter instanceof Parameter)) throw new ValueError('ParameterList: takes parameters only');
    this.#parameters.push(parameter);
    return this;
  }

  override extraRepr(): string {
    return this.#parameters
      .map(
        (parameter, i) =>
          `(${i}): Parameter containing: [${parameter.dtype} of size ${parameter.shape.join('x')}]`,
      )
      .join('\n');
  }

  [Symbol.iterator](): IterableIterator<Parameter> {
    return this.#parameters.values();
  }
}

function itemAt<T>(name: string, items: readonly T[], index: number): T {
  const item = items.at(index);
  if (item === undefined) throw new IndexError(`${name}: no element at ${index}, there are ${items.length}`);
  return item;
}

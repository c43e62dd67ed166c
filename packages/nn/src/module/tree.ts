import { NeuriteError, Tensor } from '@neurite/tensor';
import { Parameter } from '../parameter.js';
import { Callable } from './callable.js';
import { joinKey, stateKey } from './names.js';

/**
 * Something that a module owns, under its state-dict key. A buffer that is `null` has no value (PyTorch's
 * `None`).
 */
export type Member =
  | { readonly kind: 'parameter'; readonly key: string; readonly value: Parameter }
  | { readonly kind: 'buffer'; readonly key: string; readonly value: Tensor; readonly persistent: boolean }
  | { readonly kind: 'module'; readonly key: string; readonly value: ModuleTree };

export interface BufferOptions {
  /** Whether the buffer is part of `stateDict()`. */
  persistent?: boolean;
}

export interface WalkOptions {
  /** Whether to go down into child modules. */
  recurse?: boolean;
}

/**
 * What a module owns, and the walks over it. A module's parameters and children are its own enumerable fields
 * that hold a `Parameter` or a module, in the order in which they were defined: assigning a field registers
 * it, assigning another value takes it out again. Private `#fields` and modules inside arrays are not seen,
 * as in PyTorch: use `ModuleList`.
 */
export abstract class ModuleTree extends Callable {
  /** Fields registered as buffers, and whether they are persistent. */
  readonly #buffers = new Map<string, boolean>();

  /**
   * Everything this module itself owns, in definition order. Containers override it: their members have no
   * field.
   */
  *members(): Iterable<Member> {
    for (const property of Object.keys(this)) {
      const value = this.#field(property);
      const key = stateKey(property);
      const persistent = this.#buffers.get(property);
      if (value instanceof ModuleTree) yield { kind: 'module', key, value };
      else if (value instanceof Parameter) yield { kind: 'parameter', key, value };
      else if (persistent !== undefined && value instanceof Tensor)
        yield { kind: 'buffer', key, value, persistent };
    }
  }

  #field(property: string): unknown {
    return (this as unknown as Record<string, unknown>)[property];
  }

  #define(kind: string, property: string, value: unknown): void {
    const taken = property in this && !(this.#field(property) === null || Object.hasOwn(this, property));
    if (property === '' || property.includes('.') || taken) {
      throw new NeuriteError(
        `${kind} of ${this.constructor.name}: '${property}' is ${taken ? 'a method of the module' : 'no possible name'}`,
      );
    }
    (this as unknown as Record<string, unknown>)[property] = value;
  }

  /**
   * Makes the field `property` (in camelCase) a buffer: a tensor that is saved and moved with the module but
   * not trained. `null` registers the name without a value.
   */
  registerBuffer(property: string, value: Tensor | null, { persistent = true }: BufferOptions = {}): void {
    this.#define('registerBuffer', property, value);
    this.#buffers.set(property, persistent);
  }

  /** Assigns a parameter to a field whose name is known at run time only. */
  registerParameter(property: string, value: Parameter | null): void {
    this.#define('registerParameter', property, value);
  }

  /** Assigns a child module to a field whose name is known at run time only (PyTorch's `add_module`). */
  registerModule(property: string, value: ModuleTree | null): void {
    this.#define('registerModule', property, value);
  }

  /**
   * This module and all below it, each once, parents first, with their paths; the module itself has the path
   * ''.
   */
  namedModules(prefix = ''): [string, ModuleTree][] {
    const found = new Map<ModuleTree, string>();
    const visit = (module: ModuleTree, path: string): void => {
      if (found.has(module)) return;
      found.set(module, path);
      for (const [key, child] of module.namedChildren()) visit(child, joinKey(path, key));
    };
    visit(this, prefix);
    return [...found].map(([module, path]) => [path, module]);
  }

  /** This module and all below it, each once, parents first. */
  modules(): ModuleTree[] {
    return this.namedModules().map(([, module]) => module);
  }

  /** The modules directly below this one, by name. */
  namedChildren(): [string, ModuleTree][] {
    const children: [string, ModuleTree][] = [];
    for (const member of this.members())
      if (member.kind === 'module') children.push([member.key, member.value]);
    return children;
  }

  /** The modules directly below this one. */
  children(): ModuleTree[] {
    return this.namedChildren().map(([, module]) => module);
  }

  /**
   * All parameters with their paths (the keys of `stateDict`); one that is shared appears once, under its
   * first path.
   */
  namedParameters(prefix = '', options: WalkOptions = {}): [string, Parameter][] {
    return this.#named(prefix, options, (member) => (member.kind === 'parameter' ? member.value : undefined));
  }

  /** All parameters, each once: what an optimizer takes. */
  parameters(options: WalkOptions = {}): Parameter[] {
    return this.namedParameters('', options).map(([, parameter]) => parameter);
  }

  /** All buffers with their paths, those that are not persistent included. */
  namedBuffers(prefix = '', options: WalkOptions = {}): [string, Tensor][] {
    return this.#named(prefix, options, (member) => (member.kind === 'buffer' ? member.value : undefined));
  }

  /** All buffers, each once. */
  buffers(options: WalkOptions = {}): Tensor[] {
    return this.namedBuffers('', options).map(([, buffer]) => buffer);
  }

  #named<T extends Tensor>(
    prefix: string,
    { recurse = true }: WalkOptions,
    pick: (member: Member) => T | undefined,
  ): [string, T][] {
    const found = new Map<T, string>();
    const modules: [string, ModuleTree][] = recurse ? this.namedModules(prefix) : [[prefix, this]];
    for (const [path, module] of modules) {
      for (const member of module.members()) {
        const value = pick(member);
        if (value && !found.has(value)) found.set(value, joinKey(path, member.key));
      }
    }
    return [...found].map(([value, path]) => [path, value]);
  }
}

/** WebAssembly modules in binary: an imported memory, functions, exports. */
import { append, pushText, pushUnsigned } from './bytes.js';
import { FunctionBuilder, TYPE_BYTE, type ValueType } from './function.js';

export { FunctionBuilder, type Label, type ValueType } from './function.js';
export type { LaneMemoryOp, LaneOp, MemoryOp, PlainOp } from './opcodes.js';

/** A memory that the module imports; sizes in pages of 64 KiB. A shared memory needs `maxPages`. */
export interface MemoryImport {
  readonly module: string;
  readonly name: string;
  readonly minPages: number;
  readonly maxPages?: number;
  readonly shared?: boolean;
}

/** Builds a module; functions are numbered in the order of `func`. */
export class ModuleBuilder {
  readonly #functions: FunctionBuilder[] = [];
  readonly #exports = new Map<string, FunctionBuilder>();
  readonly #shared = new Map<string, FunctionBuilder>();
  readonly memory: MemoryImport;
  readonly #Builder: typeof FunctionBuilder;

  /** `Builder` may write something else beside the code (see `listing.ts`). */
  constructor(memory: MemoryImport, Builder = FunctionBuilder) {
    this.memory = memory;
    this.#Builder = Builder;
  }

  func(name: string, params: readonly ValueType[], results: readonly ValueType[] = []): FunctionBuilder {
    const made = new this.#Builder(this.#functions.length, name, params, results);
    this.#functions.push(made);
    return made;
  }
  get functions(): readonly FunctionBuilder[] {
    return this.#functions;
  }
  get exports(): ReadonlyMap<string, FunctionBuilder> {
    return this.#exports;
  }
  /** The helper function of this name, written by `body` when first asked for. */
  helper(
    name: string,
    params: readonly ValueType[],
    results: readonly ValueType[],
    body: (f: FunctionBuilder) => void,
  ): FunctionBuilder {
    const known = this.#shared.get(name);
    if (known) return known;
    const made = this.func(name, params, results);
    this.#shared.set(name, made);
    body(made);
    return made;
  }
  /** Exports a function under its own name. */
  exportFunction(f: FunctionBuilder): void {
    this.#exports.set(f.name, f);
  }

  /** The binary module. */
  encode(): Uint8Array<ArrayBuffer> {
    const out = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
    const section = (id: number, items: readonly (readonly number[])[]) => {
      const body: number[] = [];
      pushUnsigned(body, items.length);
      for (const item of items) append(body, item);
      out.push(id);
      pushUnsigned(out, body.length);
      append(out, body);
    };
    const types = new Map<string, { index: number; bytes: number[] }>();
    const signatures = this.#functions.map((f) => {
      const bytes = [0x60, f.params.length, ...f.params.map((t) => TYPE_BYTE[t])];
      bytes.push(f.results.length, ...f.results.map((t) => TYPE_BYTE[t]));
      const key = bytes.join();
      if (!types.has(key)) types.set(key, { index: types.size, bytes });
      return types.get(key)!.index;
    });
    section(
      1,
      [...types.values()].map((type) => type.bytes),
    );
    section(2, [encodeMemoryImport(this.memory)]);
    section(
      3,
      signatures.map((type) => unsigned(type)),
    );
    section(
      7,
      [...this.#exports].map(([name, f]) => {
        const item: number[] = [];
        pushText(item, name);
        item.push(0x00);
        pushUnsigned(item, f.index);
        return item;
      }),
    );
    section(
      10,
      this.#functions.map((f) => {
        const body = f.encode();
        return unsigned(body.length).concat(body);
      }),
    );
    return new Uint8Array(out);
  }
}

function unsigned(value: number): number[] {
  const out: number[] = [];
  pushUnsigned(out, value);
  return out;
}

function encodeMemoryImport(memory: MemoryImport): number[] {
  const item: number[] = [];
  pushText(item, memory.module);
  pushText(item, memory.name);
  item.push(0x02, (memory.maxPages === undefined ? 0 : 1) | (memory.shared ? 2 : 0));
  pushUnsigned(item, memory.minPages);
  if (memory.maxPages !== undefined) pushUnsigned(item, memory.maxPages);
  return item;
}

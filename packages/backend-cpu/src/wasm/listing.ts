/** Modules that list their instructions in WebAssembly's text format; loaded when a listing is asked for. */
import { type MemoryImport, ModuleBuilder } from './encoder.js';
import { FunctionBuilder, type Label, type ValueType } from './function.js';
import { accessBytes, type LaneMemoryOp, type LaneOp, type MemoryOp, type PlainOp } from './opcodes.js';

class ListedFunction extends FunctionBuilder {
  readonly #lines: string[] = [];

  #line(text: string, depth = this.depth): void {
    this.#lines.push('  '.repeat(depth + 2) + text);
  }

  override op(name: PlainOp): void {
    super.op(name);
    this.#line(name);
  }
  override get(local: number): void {
    super.get(local);
    this.#line(`local.get ${local}`);
  }
  override set(local: number): void {
    super.set(local);
    this.#line(`local.set ${local}`);
  }
  override tee(local: number): void {
    super.tee(local);
    this.#line(`local.tee ${local}`);
  }
  override call(target: FunctionBuilder): void {
    super.call(target);
    this.#line(`call $${target.name}`);
  }

  override i32(value: number): void {
    super.i32(value);
    this.#line(`i32.const ${value | 0}`);
  }
  override i64(value: bigint): void {
    super.i64(value);
    this.#line(`i64.const ${value}`);
  }
  override f32(value: number): void {
    super.f32(value);
    this.#line(`f32.const ${floatText(value)}`);
  }
  override f64(value: number): void {
    super.f64(value);
    this.#line(`f64.const ${floatText(value)}`);
  }
  override v128(bytes: readonly number[]): void {
    super.v128(bytes);
    this.#line(`v128.const i8x16 ${bytes.join(' ')}`);
  }
  override f32x4(value: number): void {
    super.f32x4(value);
    this.#line(`v128.const f32x4${` ${floatText(value)}`.repeat(4)}`);
  }
  override f64x2(value: number): void {
    super.f64x2(value);
    this.#line(`v128.const f64x2${` ${floatText(value)}`.repeat(2)}`);
  }
  override i32x4(...values: [number] | [number, number, number, number]): void {
    super.i32x4(...values);
    const words = values.map((value) => ` ${value | 0}`).join('');
    this.#line(`v128.const i32x4${words.repeat(4 / values.length)}`);
  }

  #access(op: MemoryOp | LaneMemoryOp, offset: number, align: number, suffix = ''): void {
    const where = offset ? ` offset=${offset}` : '';
    this.#line(`${op}${where}${align === accessBytes(op) ? '' : ` align=${align}`}${suffix}`);
  }
  override memory(op: MemoryOp, offset = 0, align = accessBytes(op)): void {
    super.memory(op, offset, align);
    this.#access(op, offset, align);
  }
  override laneMemory(op: LaneMemoryOp, lane: number, offset = 0, align = accessBytes(op)): void {
    super.laneMemory(op, lane, offset, align);
    this.#access(op, offset, align, ` ${lane}`);
  }
  override lane(op: LaneOp, lane: number): void {
    super.lane(op, lane);
    this.#line(`${op} ${lane}`);
  }
  override shuffle(bytes: readonly number[]): void {
    super.shuffle(bytes);
    this.#line(`i8x16.shuffle ${bytes.join(' ')}`);
  }
  override memoryCopy(): void {
    super.memoryCopy();
    this.#line('memory.copy');
  }
  override memoryFill(): void {
    super.memoryFill();
    this.#line('memory.fill');
  }

  #opened(word: string, result: ValueType | null): void {
    this.#line(result ? `${word} (result ${result})` : word, this.depth - 1);
  }
  override block(result: ValueType | null = null): Label {
    const label = super.block(result);
    this.#opened('block', result);
    return label;
  }
  override loop(result: ValueType | null = null): Label {
    const label = super.loop(result);
    this.#opened('loop', result);
    return label;
  }
  override if_(result: ValueType | null = null): Label {
    const label = super.if_(result);
    this.#opened('if', result);
    return label;
  }
  override else_(): void {
    super.else_();
    this.#line('else', this.depth - 1);
  }
  override end(): void {
    super.end();
    this.#line('end');
  }
  override br(label: Label): void {
    super.br(label);
    this.#line(`br ${this.depth - label.depth}`);
  }
  override brIf(label: Label): void {
    super.brIf(label);
    this.#line(`br_if ${this.depth - label.depth}`);
  }

  /** The function in WebAssembly's text format. */
  text(): string {
    const word = (name: string, types: readonly ValueType[]) =>
      types.length ? ` (${name} ${types.join(' ')})` : '';
    const head = `  (func $${this.name}${word('param', this.params)}${word('result', this.results)}`;
    const locals = this.locals.length ? [`   ${word('local', this.locals)}`] : [];
    return [head, ...locals, ...this.#lines, '  )'].join('\n');
  }
}

/** A module builder that remembers each instruction. */
export class ModuleListing extends ModuleBuilder {
  constructor(memory: MemoryImport) {
    super(memory, ListedFunction);
  }

  /** The module in WebAssembly's text format. */
  text(): string {
    const { module, name, minPages, maxPages, shared } = this.memory;
    const limits = `${minPages}${maxPages === undefined ? '' : ` ${maxPages}`}${shared ? ' shared' : ''}`;
    return [
      '(module',
      `  (import "${module}" "${name}" (memory ${limits}))`,
      ...this.functions.map((f) => (f as ListedFunction).text()),
      ...[...this.exports].map(([exported, f]) => `  (export "${exported}" (func $${f.name}))`),
      ')',
    ].join('\n');
  }
}

function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return Object.is(value, -0) ? '-0' : String(value);
}

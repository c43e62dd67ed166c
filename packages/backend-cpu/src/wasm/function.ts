/** One function under construction: instructions as bytes. */
import { append, pushSigned, pushSigned32, pushUnsigned } from './bytes.js';
import {
  accessBytes,
  type LaneMemoryOp,
  type LaneOp,
  type MemoryOp,
  OPCODES,
  type PlainOp,
} from './opcodes.js';

export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';

export const TYPE_BYTE: Record<ValueType, number> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
};

/** Where a `br` can go; made by `block`, `loop` and `if_`. */
export interface Label {
  readonly depth: number;
}

const scratch = new DataView(new ArrayBuffer(8));

function bytesOf(write: (view: DataView) => void, length: number): number[] {
  write(scratch);
  return Array.from({ length }, (_, i) => scratch.getUint8(i));
}
const f32Bytes = (value: number): number[] => bytesOf((view) => view.setFloat32(0, value, true), 4);
const f64Bytes = (value: number): number[] => bytesOf((view) => view.setFloat64(0, value, true), 8);
const i32Bytes = (value: number): number[] => bytesOf((view) => view.setInt32(0, value, true), 4);

function repeated(bytes: readonly number[]): number[] {
  return Array.from({ length: 16 }, (_, i) => bytes[i % bytes.length]);
}

/** Builds one function; each method appends one instruction. */
export class FunctionBuilder {
  /** Index for `call`. */
  readonly index: number;
  readonly name: string;
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
  readonly #locals: ValueType[] = [];
  readonly #code: number[] = [];
  #depth = 0;

  constructor(index: number, name: string, params: readonly ValueType[], results: readonly ValueType[]) {
    this.index = index;
    this.name = name;
    this.params = params;
    this.results = results;
  }

  get locals(): readonly ValueType[] {
    return this.#locals;
  }
  /** Blocks that are open. */
  get depth(): number {
    return this.#depth;
  }

  /** Declares a local, zero at entry; returns its index (parameters come first, from 0). */
  local(type: ValueType): number {
    return this.params.length + this.#locals.push(type) - 1;
  }
  /** An instruction without immediates. */
  op(name: PlainOp): void {
    append(this.#code, OPCODES.get(name)!);
  }
  #index(code: number, index: number): void {
    this.#code.push(code);
    pushUnsigned(this.#code, index);
  }
  get(local: number): void {
    this.#index(0x20, local);
  }
  set(local: number): void {
    this.#index(0x21, local);
  }
  tee(local: number): void {
    this.#index(0x22, local);
  }
  call(target: FunctionBuilder): void {
    this.#index(0x10, target.index);
  }

  i32(value: number): void {
    this.#code.push(0x41);
    pushSigned32(this.#code, value);
  }
  i64(value: bigint): void {
    this.#code.push(0x42);
    pushSigned(this.#code, BigInt.asIntN(64, value));
  }
  f32(value: number): void {
    this.#code.push(0x43);
    append(this.#code, f32Bytes(value));
  }
  f64(value: number): void {
    this.#code.push(0x44);
    append(this.#code, f64Bytes(value));
  }
  /** A vector constant from its 16 bytes. */
  v128(bytes: readonly number[]): void {
    this.#vector(bytes);
  }
  f32x4(value: number): void {
    this.#vector(repeated(f32Bytes(value)));
  }
  f64x2(value: number): void {
    this.#vector(repeated(f64Bytes(value)));
  }
  /** Four equal words, or four given ones. */
  i32x4(...values: [number] | [number, number, number, number]): void {
    this.#vector(repeated(values.flatMap(i32Bytes)));
  }
  #vector(bytes: readonly number[]): void {
    this.#code.push(0xfd, 12);
    append(this.#code, bytes);
  }

  /** A load or store at the address on the stack plus `offset`; `align` in bytes is a promise, natural if absent. */
  memory(op: MemoryOp, offset?: number, align?: number): void {
    this.#memory(op, offset, align);
  }
  laneMemory(op: LaneMemoryOp, lane: number, offset?: number, align?: number): void {
    this.#memory(op, offset, align);
    this.#code.push(lane);
  }
  #memory(op: MemoryOp | LaneMemoryOp, offset = 0, align = accessBytes(op)): void {
    append(this.#code, OPCODES.get(op)!);
    this.#code.push(31 - Math.clz32(align));
    pushUnsigned(this.#code, offset);
  }
  /** Extracts or replaces one lane. */
  lane(op: LaneOp, lane: number): void {
    append(this.#code, OPCODES.get(op)!);
    this.#code.push(lane);
  }
  /** `i8x16.shuffle`: byte numbers 0–15 are of the first operand, 16–31 of the second. */
  shuffle(bytes: readonly number[]): void {
    this.#code.push(0xfd, 13, ...bytes);
  }
  /** Copies bytes; takes target, source and length from the stack. */
  memoryCopy(): void {
    this.#code.push(0xfc, 10, 0, 0);
  }
  /** Fills bytes; takes target, value and length from the stack. */
  memoryFill(): void {
    this.#code.push(0xfc, 11, 0);
  }

  #open(code: number, result: ValueType | null): Label {
    this.#code.push(code, result ? TYPE_BYTE[result] : 0x40);
    return { depth: ++this.#depth };
  }
  block(result: ValueType | null = null): Label {
    return this.#open(0x02, result);
  }
  loop(result: ValueType | null = null): Label {
    return this.#open(0x03, result);
  }
  if_(result: ValueType | null = null): Label {
    return this.#open(0x04, result);
  }
  else_(): void {
    this.#code.push(0x05);
  }
  end(): void {
    this.#code.push(0x0b);
    this.#depth -= 1;
  }
  br(label: Label): void {
    this.#index(0x0c, this.#depth - label.depth);
  }
  brIf(label: Label): void {
    this.#index(0x0d, this.#depth - label.depth);
  }

  /** Body as in the code section. */
  encode(): number[] {
    const runs: [number, ValueType][] = [];
    for (const type of this.#locals) {
      if (runs.at(-1)?.[1] === type) runs.at(-1)![0] += 1;
      else runs.push([1, type]);
    }
    const body: number[] = [];
    pushUnsigned(body, runs.length);
    for (const [count, type] of runs) {
      pushUnsigned(body, count);
      body.push(TYPE_BYTE[type]);
    }
    append(body, this.#code);
    body.push(0x0b);
    return body;
  }
}

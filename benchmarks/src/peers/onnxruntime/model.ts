/**
 * Writes models in ONNX's format, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto: protocol buffers, of which only
 * what the rows need is spelt here.
 */
import type { Inputs } from '../../inputs.js';

export type Attribute = number | string | readonly number[];

/** One operator: its type, what it takes, its result's name and its attributes. Whole numbers are integers. */
export interface Operator {
  readonly type: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes?: Readonly<Record<string, Attribute>>;
}

export interface Model {
  /** Fed in each run. */
  readonly inputs: Inputs;
  /** Part of the model. */
  readonly constants: Inputs;
  readonly operators: readonly Operator[];
  readonly outputShape: readonly number[];
}

const IR_VERSION = 9;
/** The first with `Gelu`; 17 was the first with `LayerNormalization`. */
const OPSET_VERSION = 20;
const FLOAT = 1;
const INT64 = 7;

const bytesOf = (view: ArrayBufferView): Uint8Array =>
  new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

function varint(value: number | bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    bytes.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Uint8Array.from(bytes);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const integer = (field: number, value: number): Uint8Array => concat([varint(field << 3), varint(value)]);

const float = (field: number, value: number): Uint8Array =>
  concat([varint((field << 3) | 5), bytesOf(Float32Array.of(value))]);

const bytes = (field: number, value: Uint8Array): Uint8Array =>
  concat([varint((field << 3) | 2), varint(value.length), value]);

const text = (field: number, value: string): Uint8Array => bytes(field, new TextEncoder().encode(value));

const message = (field: number, ...parts: readonly Uint8Array[]): Uint8Array => bytes(field, concat(parts));

/** AttributeProto's kinds: FLOAT 1, INT 2, STRING 3, INTS 7. */
function attribute(name: string, value: Attribute): Uint8Array {
  const kind = (type: number) => integer(20, type);
  if (typeof value === 'string') return message(5, text(1, name), text(4, value), kind(3));
  if (typeof value !== 'number')
    return message(5, text(1, name), ...value.map((i) => integer(8, i)), kind(7));
  if (Number.isInteger(value)) return message(5, text(1, name), integer(3, value), kind(2));
  return message(5, text(1, name), float(2, value), kind(1));
}

const node = ({ type, inputs, output, attributes = {} }: Operator): Uint8Array =>
  message(
    1,
    ...inputs.map((input) => text(1, input)),
    text(2, output),
    text(4, type),
    ...Object.entries(attributes).map(([name, value]) => attribute(name, value)),
  );

/** ValueInfoProto: a name, and a tensor type of dimensions. */
function value(field: number, name: string, shape: readonly number[]): Uint8Array {
  const dims = shape.map((size) => message(1, integer(1, size)));
  return message(field, text(1, name), message(2, message(1, integer(1, FLOAT), message(2, ...dims))));
}

/** TensorProto: integers have 64 bits here. */
function constant(name: string, { shape, data }: Inputs[string]): Uint8Array {
  const isFloat = data instanceof Float32Array;
  const raw = isFloat ? data : BigInt64Array.from(data, BigInt);
  return message(
    5,
    ...shape.map((size) => integer(1, size)),
    integer(2, isFloat ? FLOAT : INT64),
    text(8, name),
    bytes(9, bytesOf(raw)),
  );
}

/** The file of a model whose only result is the last operator's. */
export function encodeModel({ inputs, constants, operators, outputShape }: Model): Uint8Array {
  const graph = [
    ...operators.map(node),
    text(2, 'row'),
    ...Object.entries(constants).map(([name, input]) => constant(name, input)),
    ...Object.entries(inputs).map(([name, { shape }]) => value(11, name, shape)),
    value(12, operators[operators.length - 1].output, outputShape),
  ];
  return concat([integer(1, IR_VERSION), message(7, ...graph), message(8, integer(2, OPSET_VERSION))]);
}

/** Buffer arguments: declarations, loads and stores. */
import type { BufferArg, DType, Store } from '@neurite/tensor';
import type { Helpers } from './helpers.js';
import { operation } from './operations.js';
import { constant, elementsPerWord, isHalf, valueType, widened } from './values.js';

/** A buffer argument in generated code. */
export interface BufferCode {
  readonly name: string;
  /** Its module-scope variable. */
  readonly declaration: string;
  /** The element at an i32 index; 0 where the guard is false. */
  load(index: string, guard: string | null): string;
  /** The same, an f16 as f32. */
  loadWide(index: string, guard: string | null): string;
  /** Statements that store a value at an index. */
  store(index: string, value: string, mode: Store['mode']): string[];
}

/** `in0`, `out1` or `io2`, as `printKernel` names them. */
const nameOf = ({ access }: BufferArg, i: number): string =>
  `${{ read: 'in', write: 'out', readwrite: 'io' }[access]}${i}`;

const COMBINING = { add: 'add', mul: 'mul', max: 'max', min: 'min' } as const;

/** Whether a buffer's elements share words that only whole words can be written to. */
export const isPacked = ({ dtype }: BufferArg, helpers: Pick<Helpers, 'hasHalf'>): boolean =>
  elementsPerWord(dtype) > 1 && !isHalf(dtype, helpers);

/** `inWords`: each invocation stores all elements of a word one after another, from the first to the last. */
export function bufferCode(arg: BufferArg, i: number, helpers: Helpers, inWords = false): BufferCode {
  const name = nameOf(arg, i);
  const packed = isPacked(arg, helpers);
  const access = arg.access === 'read' ? 'read' : 'read_write';
  // Several invocations write to one word, each its own bits.
  const isAtomic = arg.access !== 'read' && !inWords;
  const element = packed
    ? isAtomic
      ? 'atomic<u32>'
      : 'u32'
    : isHalf(arg.dtype, helpers)
      ? 'f16'
      : valueType(arg.dtype);
  const code = packed ? packedElements(arg, name, isAtomic, helpers) : wholeElements(name);
  const load = (index: string, guard: string | null): string =>
    guard ? `select(${zero}, ${code.load(index)}, ${guard})` : code.load(index);
  const zero = constant(0, arg.dtype, helpers);
  return {
    name,
    declaration: `@group(0) @binding(${i}) var<storage, ${access}> ${name}: array<${element}>;`,
    load,
    loadWide: (index, guard) => widened(load(index, guard), arg.dtype, helpers),
    store(index, value, mode) {
      if (mode === 'set') return [code.store(index, value)];
      const combined = operation(COMBINING[mode], arg.dtype, [code.load('at'), value], helpers);
      return [`{ let at = ${index}; ${code.store('at', combined)} }`];
    },
  };
}

interface Elements {
  load(index: string): string;
  store(index: string, value: string): string;
}

const wholeElements = (name: string): Elements => ({
  load: (index) => `${name}[${index}]`,
  store: (index, value) => `${name}[${index}] = ${value};`,
});

/** How the low bits of a word become a value, and back. */
function unpacked(bits: string, dtype: DType, helpers: Helpers): string {
  if (dtype === 'bool') return `(${bits} != 0u)`;
  if (dtype === 'int8') return `((bitcast<i32>(${bits}) << 24u) >> 24u)`;
  return dtype === 'float16' ? `${helpers.use('half_value')}(${bits})` : bits;
}

function packedBits(value: string, dtype: DType, helpers: Helpers): string {
  if (dtype === 'bool') return `u32(${value})`;
  if (dtype === 'int8') return `(bitcast<u32>(${value}) & 255u)`;
  return dtype === 'float16' ? `${helpers.use('half_bits')}(${value})` : value;
}

/** Elements that share words. */
function packedElements({ dtype }: BufferArg, name: string, isAtomic: boolean, helpers: Helpers): Elements {
  const perWord = elementsPerWord(dtype);
  const [shift, last, width] = perWord === 2 ? [1, 1, 16] : [2, 3, 8];
  const mask = perWord === 2 ? '0xffffu' : '0xffu';
  const at = `i >> ${shift}u`;
  const distance = `(u32(i) & ${last}u) * ${width}u`;
  const type = valueType(dtype);
  const load = () => {
    const word = isAtomic ? `atomicLoad(&${name}[${at}])` : `${name}[${at}]`;
    const bits = `((${word} >> (${distance})) & ${mask})`;
    return `fn load_${name}(i: i32) -> ${type} {\n  return ${unpacked(bits, dtype, helpers)};\n}`;
  };
  const whole = () => `var<private> word_${name}: u32;
fn store_${name}(i: i32, value: ${type}) {
  let shift = ${distance};
  let bits = ${packedBits('value', dtype, helpers)} << shift;
  word_${name} = select(word_${name} | bits, bits, shift == 0u);
  if (shift == ${width * last}u) { ${name}[${at}] = word_${name}; }
}`;
  const shared = () => `fn store_${name}(i: i32, value: ${type}) {
  let shift = ${distance};
  atomicAnd(&${name}[${at}], ~(${mask} << shift));
  atomicOr(&${name}[${at}], ${packedBits('value', dtype, helpers)} << shift);
}`;
  return {
    load: (index) => `${helpers.define(`load_${name}`, load)}(${index})`,
    store: (index, value) =>
      `${helpers.define(`store_${name}`, isAtomic ? shared : whole)}(${index}, ${value});`,
  };
}

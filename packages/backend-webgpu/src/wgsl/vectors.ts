/**
 * Buffers that are read four numbers at a time. A module declares a buffer once, so such a buffer's single elements are components of its
 * vectors.
 */
import type { BufferArg } from '@neurite/tensor';
import type { BufferCode } from './buffers.js';
import type { Helpers } from './helpers.js';
import { constant, isHalf, widened } from './values.js';

/** A buffer that the kernel only reads, declared as vectors. */
export interface VectorBuffer extends BufferCode {
  /** The four numbers from an index that is a multiple of four, as vec4<f32>. */
  loadFour(index: string): string;
}

/** Whether all of a buffer can be declared as vectors: the last of them must be whole. */
export const hasVectors = ({ dtype, size, access }: BufferArg): boolean =>
  (dtype === 'float32' || dtype === 'float16') && access === 'read' && size > 0 && size % 4 === 0;

export const isVectorBuffer = (buffer: BufferCode): buffer is VectorBuffer => 'loadFour' in buffer;

/** Takes what `bufferCode` made of a float32 or float16 buffer, with another declaration. */
export function vectorBuffer(code: BufferCode, { dtype }: BufferArg, helpers: Helpers): VectorBuffer {
  const { name, declaration } = code;
  // Halves that share words: two words are four of them.
  const packed = dtype === 'float16' && !helpers.hasHalf;
  const wide = packed ? 'u32' : isHalf(dtype, helpers) ? 'f16' : 'f32';
  const four = (index: string): string => `${name}[(${index}) >> 2u]`;
  const component = (index: string): string =>
    packed
      ? `${helpers.use('half_value')}((${four(index)}[((${index}) >> 1u) & 1] >> ((u32(${index}) & 1u) * 16u)) & 0xffffu)`
      : `${four(index)}[(${index}) & 3]`;
  const load = (index: string, guard: string | null): string =>
    guard ? `select(${constant(0, dtype, helpers)}, ${component(index)}, ${guard})` : component(index);
  const unpack = () => `fn halves_of_${name}(words: vec2<u32>) -> vec4<f32> {
  let halves = vec4<u32>(words.x & 0xffffu, words.x >> 16u, words.y & 0xffffu, words.y >> 16u);
  return vec4<f32>(${['x', 'y', 'z', 'w'].map((c) => `${helpers.use('half_value')}(halves.${c})`).join(', ')});
}`;
  return {
    ...code,
    declaration: declaration.replace(`array<${wide}>`, `array<${packed ? 'vec2<u32>' : `vec4<${wide}>`}>`),
    load,
    loadWide: (index, guard) => widened(load(index, guard), dtype, helpers),
    loadFour: (index) =>
      packed
        ? `${helpers.define(`halves_of_${name}`, unpack)}(${four(index)})`
        : wide === 'f16'
          ? `vec4<f32>(${four(index)})`
          : four(index),
  };
}

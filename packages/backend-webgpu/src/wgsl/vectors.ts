/**
 * Buffers that are read four numbers at a time. A module declares a buffer once, so such a buffer's single elements are components of its
 * vectors.
 */
import type { BufferArg } from '@neurite/tensor';
import type { BufferCode } from './buffers.js';

/** A buffer that the kernel only reads, declared as vectors. */
export interface VectorBuffer extends BufferCode {
  /** The four numbers from an index that is a multiple of four. */
  loadFour(index: string): string;
}

/** Whether all of a buffer can be declared as vectors: the last of them must be whole. */
export const hasVectors = ({ dtype, size, access }: BufferArg): boolean =>
  dtype === 'float32' && access === 'read' && size > 0 && size % 4 === 0;

export const isVectorBuffer = (buffer: BufferCode): buffer is VectorBuffer => 'loadFour' in buffer;

/** Takes what `bufferCode` made of a float32 buffer, with another declaration. */
export function vectorBuffer(code: BufferCode): VectorBuffer {
  const { name, declaration } = code;
  const component = (index: string) => `${name}[(${index}) >> 2u][(${index}) & 3]`;
  return {
    ...code,
    declaration: declaration.replace('array<f32>', 'array<vec4<f32>>'),
    load: (index, guard) => (guard ? `select(0.0f, ${component(index)}, ${guard})` : component(index)),
    loadFour: (index) => `${name}[(${index}) >> 2u]`,
  };
}

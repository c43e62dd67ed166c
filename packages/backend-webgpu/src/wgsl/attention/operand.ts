/** The tensors of attention in WGSL: matrices that a batch has one of, at any strides. */
import type { View } from '@neurite/tensor';
import type { ModuleScope } from '../expressions.js';
import { narrowed } from '../operations.js';
import { addressOf, atom, collapse } from '../positions.js';

/** A matrix: where it begins for a batch, and functions that fetch four of its elements. */
export interface Operand {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly view: View;
}

export const operand = (name: string, view: View): Operand => {
  const [rows, columns] = view.shape.slice(-2);
  return { name, rows, columns, view };
};

/** Matrices of a tensor. */
export const batchesOf = ({ view }: Operand): number => view.shape.slice(0, -2).reduce((a, n) => a * n, 1);

const stridesOf = ({ view }: Operand): readonly number[] => view.strides.slice(-2);

/** `let q = …;`: where the matrix of `batch` begins. */
export function begin({ name, view: { shape, strides, offset } }: Operand): string {
  return `let ${name} = ${addressOf(offset, 'batch', collapse(shape.slice(0, -2), strides.slice(0, -2)))};`;
}

/** The index of an element, by texts. */
export function indexOf(o: Operand, row: string, column: string): string {
  const term = (text: string, stride: number) =>
    stride === 0 || text === '0' ? [] : [stride === 1 ? atom(text) : `${atom(text)} * ${stride}`];
  const [down, across] = stridesOf(o);
  return [o.name, ...term(row, down), ...term(column, across)].join(' + ');
}

/** An element; a float16 comes as float32, in which everything is computed. */
export const element = (o: Operand, row: string, column: string, { buffers }: ModuleScope): string =>
  buffers[o.view.buffer].loadWide(indexOf(o, row, column), null);

/** Stores a float32, rounded to what the operand has. */
export function storeElement(
  o: Operand,
  row: string,
  column: string,
  value: string,
  { kernel, buffers, helpers }: ModuleScope,
): string {
  const { buffer } = o.view;
  const rounded = narrowed(value, kernel.buffers[buffer].dtype, helpers);
  return buffers[buffer].store(indexOf(o, row, column), rounded, 'set').join(' ');
}

const FOUR = [0, 1, 2, 3];

/** Defines `name_rows(name, row, column)`: a column's elements in four rows; beyond the last row that one's, beyond the last column 0. */
export function rowsFunction(o: Operand, isGuarded: boolean, scope: ModuleScope): string {
  return scope.helpers.define(`${o.name}_rows`, () => {
    const values = FOUR.map((i) => element(o, `min(row + ${i}, ${o.rows - 1})`, 'column', scope));
    return [
      `fn ${o.name}_rows(${o.name}: i32, row: i32, column: i32) -> vec4<f32> {`,
      ...(isGuarded ? [`  if (column >= ${o.columns}) { return vec4<f32>(); }`] : []),
      `  return vec4<f32>(${values.join(', ')});`,
      '}',
    ].join('\n');
  });
}

/** Defines `name_columns(name, row, column)`: four elements of a row; beyond the last row or column the last one's. */
export function columnsFunction(o: Operand, scope: ModuleScope): string {
  return scope.helpers.define(`${o.name}_columns`, () => {
    const values = FOUR.map((i) => element(o, 'line', `min(column + ${i}, ${o.columns - 1})`, scope));
    return [
      `fn ${o.name}_columns(${o.name}: i32, row: i32, column: i32) -> vec4<f32> {`,
      `  let line = min(row, ${o.rows - 1});`,
      `  return vec4<f32>(${values.join(', ')});`,
      '}',
    ].join('\n');
  });
}

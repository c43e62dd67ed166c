import type { ModuleTree } from './tree.js';

/** Prints a module as PyTorch does: one line for a leaf, one indented line per child for the others. */
export function printModule(module: ModuleTree & { extraRepr(): string }): string {
  const name = module.constructor.name;
  const extra = module.extraRepr();
  const children = module.namedChildren().map(([key, child]) => `(${key}): ${indent(String(child))}`);
  if (children.length === 0) return `${name}(${extra})`;
  const lines = extra === '' ? children : [extra, ...children];
  return `${name}(\n${lines.map((line) => `  ${line}`).join('\n')}\n)`;
}

const indent = (text: string): string => text.replaceAll('\n', '\n  ');

/** A JavaScript value as Python prints it, for `extraRepr`: `True`, `None`, `(2, 2)`, `1e-05`, `'same'`. */
export function pythonic(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'string') return `'${value}'`;
  if (Array.isArray(value))
    return value.length === 1 ? `(${pythonic(value[0])},)` : `(${value.map(pythonic).join(', ')})`;
  if (typeof value === 'number' && value !== 0 && Math.abs(value) < 1e-4) {
    return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
  }
  return String(value);
}

/** A number as Python prints a float: with a decimal point. */
export const pythonFloat = (value: number): string =>
  Number.isInteger(value) ? `${value}.0` : pythonic(value);

/** Einstein summation: each pair of operands becomes one batched matmul. */
import { ShapeError, ValueError } from '../errors.js';
import { showShape } from '../ops/dims.js';
import type { Tensor } from '../tensor.js';
import { diagonal } from './matrix.js';

/** A tensor with one label per dimension. */
interface Labelled {
  readonly value: Tensor;
  readonly labels: readonly string[];
}

/**
 * `einsum('bij,bjk->bik', a, b)`. Labels are letters; '...' stands for leading dimensions that broadcast. Without '->' the
 * result has the labels that occur once, in alphabetical order. Operands are contracted from left to right.
 * https://pytorch.org/docs/1.13/generated/torch.einsum.html
 */
export function einsum(equation: string, ...args: readonly (Tensor | readonly Tensor[])[]): Tensor {
  const tensors = args.flat() as Tensor[];
  const [left, right] = equation.replaceAll(' ', '').split('->');
  const terms = left.split(',');
  if (terms.length !== tensors.length)
    throw new ValueError(`einsum: '${equation}' names ${terms.length} operands, got ${tensors.length}`);
  const ellipsis = Math.max(
    ...tensors.map((t, i) => (terms[i].includes('...') ? t.ndim - letters(terms[i]).length : 0)),
  );
  const operands = tensors.map((t, i) =>
    takeDiagonals(equation, t, expandTerm(equation, terms[i], t, ellipsis)),
  );
  const output = right === undefined ? impliedOutput(terms, ellipsis) : outputLabels(right, ellipsis);
  checkSizes(equation, operands);
  const known = new Set(operands.flatMap((o) => o.labels));
  for (const label of output)
    if (!known.has(label))
      throw new ValueError(`einsum: '${equation}' has an output label '${label}' that no operand has`);

  const result = operands.reduce((a, b, i) => {
    const later = new Set([...output, ...operands.slice(i + 1).flatMap((o) => o.labels)]);
    return contract(a, b, later);
  });
  const kept = sumOut(result, new Set(output));
  return kept.value.permute(output.map((label) => kept.labels.indexOf(label)));
}

const letters = (term: string): string[] => [...term.replace('...', '')];
/** Labels of dimensions under '...', counted from the last one so that they align from the right. */
const dotLabels = (count: number): string[] => Array.from({ length: count }, (_, i) => `.${count - i}`);

function expandTerm(equation: string, term: string, t: Tensor, ellipsis: number): string[] {
  const named = letters(term);
  const [before, after] = term.split('...');
  const dots = after === undefined ? [] : dotLabels(ellipsis).slice(ellipsis - (t.ndim - named.length));
  const labels = after === undefined ? named : [...before, ...dots, ...after];
  if (labels.length !== t.ndim || named.some((l) => !/[a-zA-Z]/.test(l)))
    throw new ShapeError(`einsum: term '${term}' of '${equation}' does not fit shape ${showShape(t.shape)}`);
  return labels;
}

const outputLabels = (term: string, ellipsis: number): string[] => {
  const [before, after] = term.split('...');
  return after === undefined ? [...before] : [...before, ...dotLabels(ellipsis), ...after];
};

function impliedOutput(terms: readonly string[], ellipsis: number): string[] {
  const all = terms.flatMap(letters);
  return [
    ...dotLabels(ellipsis),
    ...[...new Set(all)].filter((l) => all.indexOf(l) === all.lastIndexOf(l)).sort(),
  ];
}

/** A label that an operand has twice takes the diagonal of these dimensions. */
function takeDiagonals(equation: string, value: Tensor, labels: readonly string[]): Labelled {
  const twice = labels.findIndex((l, d) => labels.indexOf(l) !== d);
  if (twice < 0) return { value, labels };
  const first = labels.indexOf(labels[twice]);
  if (value.shape[first] !== value.shape[twice])
    throw new ShapeError(
      `einsum: label '${labels[twice]}' of '${equation}' has sizes ${value.shape[first]} and ${value.shape[twice]}`,
    );
  const rest = labels.filter((_, d) => d !== first && d !== twice);
  return takeDiagonals(equation, diagonal(value, 0, first, twice), [...rest, labels[twice]]);
}

function checkSizes(equation: string, operands: readonly Labelled[]): void {
  const sizes = new Map<string, number>();
  for (const { value, labels } of operands)
    labels.forEach((label, d) => {
      const size = value.shape[d];
      const known = sizes.get(label) ?? 1;
      if (known !== 1 && size !== 1 && known !== size)
        throw new ShapeError(`einsum: label '${label}' of '${equation}' has sizes ${known} and ${size}`);
      sizes.set(label, Math.max(known, size));
    });
}

/** Sums over the dimensions that nobody asks for. */
function sumOut({ value, labels }: Labelled, wanted: ReadonlySet<string>): Labelled {
  const dims = labels.map((_, d) => d).filter((d) => !wanted.has(labels[d]));
  return dims.length
    ? { value: value.sum(dims, { dtype: value.dtype }), labels: labels.filter((l) => wanted.has(l)) }
    : { value, labels };
}

/** One product: common labels are batches when they are wanted later and are summed otherwise. */
function contract(left: Labelled, right: Labelled, later: ReadonlySet<string>): Labelled {
  const a = sumOut(left, new Set([...later, ...right.labels]));
  const b = sumOut(right, new Set([...later, ...left.labels]));
  const common = a.labels.filter((l) => b.labels.includes(l));
  const batch = common.filter((l) => later.has(l));
  const inner = common.filter((l) => !later.has(l));
  const rows = a.labels.filter((l) => !common.includes(l));
  const columns = b.labels.filter((l) => !common.includes(l));
  const size = (l: string) => Math.max(sizeOf(a, l), sizeOf(b, l));
  const product = (labels: readonly string[]) => labels.reduce((n, l) => n * size(l), 1);
  const arrange = (o: Labelled, order: readonly string[], shape: readonly number[]) =>
    o.value
      .permute(order.map((l) => o.labels.indexOf(l)))
      .expand(order.map(size))
      .reshape(shape);
  const batches = batch.map(size);
  const x = arrange(a, [...batch, ...rows, ...inner], [...batches, product(rows), product(inner)]);
  const y = arrange(b, [...batch, ...inner, ...columns], [...batches, product(inner), product(columns)]);
  const labels = [...batch, ...rows, ...columns];
  return { value: x.matmul(y).reshape(labels.map(size)), labels };
}

function sizeOf({ value, labels }: Labelled, label: string): number {
  const d = labels.indexOf(label);
  return d < 0 ? 1 : value.shape[d];
}

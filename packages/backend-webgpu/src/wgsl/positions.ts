/** Texts of index arithmetic. */

export const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

/** offset + Σ name·stride, without the terms that are 0. */
export function linear(offset: number, terms: readonly (readonly [name: string, stride: number])[]): string {
  const texts = terms
    .filter(([name, stride]) => stride !== 0 && name !== '0')
    .map(([name, stride]) => (stride === 1 ? name : `${name} * ${stride}`));
  if (offset || texts.length === 0) texts.push(String(offset));
  return texts.join(' + ');
}

/** Takes a row-major position (a name) apart: the value along each size. */
export function unravel(position: string, sizes: readonly number[]): string[] {
  let stride = 1;
  // Nothing is left over in front of the first size that is not 1.
  const first = sizes.findIndex((size) => size !== 1);
  const values: string[] = new Array(sizes.length);
  for (let i = sizes.length - 1; i >= 0; i--) {
    const quotient = stride === 1 ? position : `${position} / ${stride}`;
    values[i] =
      sizes[i] === 1
        ? '0'
        : i === first
          ? quotient
          : stride === 1
            ? `${position} % ${sizes[i]}`
            : `(${quotient}) % ${sizes[i]}`;
    stride *= sizes[i];
  }
  return values;
}

/** Sizes with strides, where dimensions that are walked as one are one. */
export interface Walk {
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
}

export function collapse(sizes: readonly number[], strides: readonly number[]): Walk {
  const walk: { sizes: number[]; strides: number[] } = { sizes: [], strides: [] };
  sizes.forEach((size, i) => {
    if (size === 1) return;
    const last = walk.sizes.length - 1;
    if (last >= 0 && walk.strides[last] === size * strides[i]) {
      walk.sizes[last] *= size;
      walk.strides[last] = strides[i];
    } else {
      walk.sizes.push(size);
      walk.strides.push(strides[i]);
    }
  });
  return walk;
}

/** The address of a row-major position (a name) in a walk. */
export function addressOf(offset: number, position: string, { sizes, strides }: Walk): string {
  return linear(
    offset,
    unravel(position, sizes).map((value, i) => [atom(value), strides[i]] as const),
  );
}

/** A text as a factor. */
export const atom = (text: string): string => (/^\w+$/.test(text) ? text : `(${text})`);

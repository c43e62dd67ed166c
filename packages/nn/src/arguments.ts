import { ValueError } from '@neurite/tensor';

/**
 * The optional arguments of a PyTorch function: each may be given by position, in PyTorch's order, or by name
 * in an options object that comes last. `new Conv2d(3, 64, 3, 1, 1)` and `new Conv2d(3, 64, 3, { padding: 1
 * })` are the same.
 */
export type Arguments<O, Order extends readonly (keyof O)[]> =
  | [options?: O]
  | (Order extends readonly [infer First extends keyof O, ...infer Rest extends readonly (keyof O)[]]
      ? [O[First], ...Arguments<O, Rest>]
      : never);

/**
 * Reads an argument list typed by {@link Arguments} into one options object. `undefined` means "the default";
 * an unknown name or one argument too many throws ValueError, because a misspelt option would silently train
 * another model.
 *
 * @param owner - Name of the function or layer, for errors.
 * @param order - The arguments that may be given by position.
 * @param named - The arguments that can only be given by name.
 */
export function readArguments<O extends object>(
  owner: string,
  order: readonly (keyof O & string)[],
  named: readonly (keyof O & string)[],
  values: readonly unknown[],
): Partial<O> {
  const result: Record<string, unknown> = {};
  const last = values.at(-1);
  const options = isOptions(last) ? last : {};
  const positional = isOptions(last) ? values.slice(0, -1) : values;
  if (positional.length > order.length) {
    throw new ValueError(
      `${owner}: got ${positional.length} optional arguments, takes at most ${order.length} (${order.join(', ')})`,
    );
  }
  positional.forEach((value, i) => {
    if (value !== undefined) result[order[i]] = value;
  });
  for (const [name, value] of Object.entries(options)) {
    if (!(order as readonly string[]).includes(name) && !(named as readonly string[]).includes(name)) {
      throw new ValueError(
        `${owner}: unknown option '${name}', known are ${[...order, ...named].join(', ')}`,
      );
    }
    if (value !== undefined) result[name] = value;
  }
  return result as Partial<O>;
}

function isOptions(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

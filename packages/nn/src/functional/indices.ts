import { DTypeError, hostValues, IndexError, isInteger, type Tensor } from '@neurite/tensor';

/**
 * Checks that a tensor holds integers, and, where its values lie in host memory, that each is in [0, size) or
 * equal to `ignored`. Values on a device cannot be looked at now: out of range they pick nothing.
 */
export function checkIndices(
  op: string,
  what: string,
  indices: Tensor,
  size: number,
  ignored?: number,
): void {
  if (!isInteger(indices.dtype)) {
    throw new DTypeError(
      `${op}: ${what} must be integers, got ${indices.dtype}; convert them with to('int32')`,
    );
  }
  const check = (values: ArrayLike<number> | null): boolean => {
    for (let i = 0; i < (values?.length ?? 0); i++) {
      const value = values![i];
      if ((value < 0 || value >= size) && value !== ignored)
        throw new IndexError(`${op}: ${what} must lie in [0, ${size}), got ${value} at position ${i}`);
    }
    return values !== null;
  };
  check(hostValues(indices.node, check));
}

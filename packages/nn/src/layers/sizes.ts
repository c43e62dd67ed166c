import { ValueError } from '@neurite/tensor';

/** Throws ValueError unless every size is an integer of at least `least`. */
export function checkSizes(layer: string, sizes: Readonly<Record<string, number>>, least = 1): void {
  for (const [name, size] of Object.entries(sizes)) {
    if (!Number.isInteger(size) || size < least) {
      throw new ValueError(`${layer}: ${name} must be an integer of at least ${least}, got ${size}`);
    }
  }
}

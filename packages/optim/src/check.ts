import { ValueError } from '@neurite/tensor';

/** Throws ValueError unless `value` is a finite number ≥ 0. */
export function checkNonNegative(who: string, what: string, value: number): void {
  if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) {
    throw new ValueError(`${who}: invalid ${what}: ${value}, expected a number ≥ 0`);
  }
}

/** Throws ValueError unless each decay rate is in [0, 1). */
export function checkBetas(who: string, betas: readonly number[]): void {
  if (betas.length !== 2) throw new ValueError(`${who}: expected 2 betas, got ${betas.length}`);
  betas.forEach((beta, i) => {
    if (!(beta >= 0 && beta < 1)) {
      throw new ValueError(`${who}: invalid beta parameter at index ${i}: ${beta}, expected 0 ≤ beta < 1`);
    }
  });
}

/** Testing a trained network. */
import { DataLoader } from '@neurite/data';
import { noGrad } from '@neurite/tensor';
import type { Digits } from './digits.js';
import { CLASSES, type Classifier } from './models.js';

/** Images per step: few steps, and it divides the 10,000 test images, so that there is one size to compile. */
const BATCH_SIZE = 250;

/** Images counted by [true digit][predicted digit]. */
export type Confusion = readonly (readonly number[])[];

/**
 * Classifies all images with dropout off; leaves the model in evaluation mode.
 *
 * @param afterBatch is told how many images are done. What it throws ends the test.
 */
export async function evaluate(
  model: Classifier,
  digits: Digits,
  afterBatch: (done: number) => void | Promise<void> = () => {},
): Promise<Confusion> {
  const confusion = Array.from({ length: CLASSES }, () => new Array<number>(CLASSES).fill(0));
  model.eval();
  let done = 0;
  for await (const [images, labels] of new DataLoader(digits, { batchSize: BATCH_SIZE })) {
    const predicted = await noGrad(() => model(images).argmax(1)).data();
    const actual = await labels.data();
    for (let i = 0; i < actual.length; i++) confusion[actual[i]][predicted[i]]++;
    done += actual.length;
    await afterBatch(done);
  }
  return confusion;
}

/** Share of all images on the diagonal. */
export function accuracyOf(confusion: Confusion): number {
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  return sum(confusion.map((row, digit) => row[digit])) / sum(confusion.map(sum));
}

/** The mistake that is made most often, and how often; undefined where there is none. */
export function worstMistake(
  confusion: Confusion,
): { actual: number; taken: number; count: number } | undefined {
  let worst: { actual: number; taken: number; count: number } | undefined;
  confusion.forEach((row, actual) => {
    row.forEach((count, taken) => {
      if (taken !== actual && count > (worst?.count ?? 0)) worst = { actual, taken, count };
    });
  });
  return worst;
}

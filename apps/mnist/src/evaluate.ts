/** Testing a trained network. */
import { DataLoader } from '@neurite/data';
import { noGrad } from '@neurite/tensor';
import type { Digits } from './digits.js';
import { CLASSES, type Classifier } from './models.js';

/** Images per step: few steps, and it divides the 10,000 test images, so that there is one size to compile. */
const BATCH_SIZE = 250;

/** Images counted by [true digit][predicted digit]. */
export type Confusion = readonly (readonly number[])[];

/** Classifies all images with dropout off; leaves the model in evaluation mode. */
export async function evaluate(model: Classifier, digits: Digits): Promise<Confusion> {
  const confusion = Array.from({ length: CLASSES }, () => new Array<number>(CLASSES).fill(0));
  model.eval();
  for await (const [images, labels] of new DataLoader(digits, { batchSize: BATCH_SIZE })) {
    const predicted = await noGrad(() => model(images).argmax(1)).data();
    const actual = await labels.data();
    for (let i = 0; i < actual.length; i++) confusion[actual[i]][predicted[i]]++;
  }
  return confusion;
}

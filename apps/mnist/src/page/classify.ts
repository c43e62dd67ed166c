/** What a network takes an image for. */
import { noGrad, tensor } from '@neurite/tensor';
import { type Classifier, IMAGE_SIZE } from '../models.js';

/** The ten probabilities for an image, uint8 [28, 28]. Leaves the model as it is, in the middle of its training too. */
export async function probabilitiesOf(model: Classifier, image: Uint8Array): Promise<Float32Array> {
  const { training } = model;
  model.eval();
  try {
    const pixels = tensor(Uint8Array.from(image), { shape: [1, IMAGE_SIZE, IMAGE_SIZE] });
    return Float32Array.from(await noGrad(() => model(pixels).softmax(1)).data());
  } finally {
    model.train(training);
  }
}

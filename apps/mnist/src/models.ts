/** The two networks. Both take images as they are in the files: uint8 [N, 28, 28] → logits [N, 10]. */
import {
  Conv2d,
  Dropout,
  Flatten,
  functional,
  Linear,
  MaxPool2d,
  Module,
  ReLU,
  Sequential,
} from '@neurite/nn';
import type { Tensor } from '@neurite/tensor';

const { relu } = functional;

export const CLASSES = 10;
export const IMAGE_SIZE = 28;
export const MODEL_NAMES = ['cnn', 'mlp'] as const;
export type ModelName = (typeof MODEL_NAMES)[number];

/** Mean and standard deviation of all training pixels, as bytes. */
const MEAN = 0.1307 * 255;
const STD = 0.3081 * 255;

/** A network for images of digits. */
export abstract class Classifier extends Module {
  abstract forward(images: Tensor): Tensor;
}

/** Two convolutions and a linear layer. */
class Cnn extends Classifier {
  conv1 = new Conv2d(1, 16, 5, { padding: 2 });
  conv2 = new Conv2d(16, 32, 5, { padding: 2 });
  pool = new MaxPool2d(2);
  dropout = new Dropout(0.25);
  fc = new Linear(32 * 7 * 7, CLASSES);

  forward(images: Tensor): Tensor {
    const pixels = standardize(images).unsqueeze(1);
    const low = this.pool(relu(this.conv1(pixels)));
    const high = this.pool(relu(this.conv2(low)));
    return this.fc(this.dropout(high.flatten(1)));
  }
}

/** Three linear layers. */
class Mlp extends Classifier {
  layers = new Sequential(
    new Flatten(),
    new Linear(IMAGE_SIZE * IMAGE_SIZE, 512),
    new ReLU(),
    new Dropout(0.2),
    new Linear(512, 256),
    new ReLU(),
    new Dropout(0.2),
    new Linear(256, CLASSES),
  );

  forward(images: Tensor): Tensor {
    return this.layers(standardize(images));
  }
}

const standardize = (images: Tensor): Tensor => images.float().sub(MEAN).div(STD);

/** A new network; its initial weights come from the default generator. */
export function createModel(name: ModelName): Classifier {
  return name === 'cnn' ? new Cnn() : new Mlp();
}

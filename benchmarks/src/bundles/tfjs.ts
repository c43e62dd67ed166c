/** A page that trains an MLP with TensorFlow.js. */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-wasm';
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';

await tf.setBackend('wasm');
const draw = (rows: number, columns: number) => tf.variable(tf.randomNormal([rows, columns], 0, 0.05));
const [w1, w2] = [draw(784, 128), draw(128, 10)];
const [b1, b2] = [tf.variable(tf.zeros([128])), tf.variable(tf.zeros([10]))];
const optimizer = tf.train.adam(1e-3);
const x = tf.randomUniform([32, 784]) as tf.Tensor2D;
const y = tf.oneHot(
  Array.from({ length: 32 }, (_, i) => i % 10),
  10,
);
for (let step = 0; step < 100; step++) {
  const loss = optimizer.minimize(() => {
    const hidden = tf.relu(tf.add(tf.matMul(x, w1 as tf.Variable<tf.Rank.R2>), b1));
    const logits = tf.add(tf.matMul(hidden as tf.Tensor2D, w2 as tf.Variable<tf.Rank.R2>), b2);
    return tf.losses.softmaxCrossEntropy(y, logits) as tf.Scalar;
  }, true)!;
  if (step % 10 === 0) console.log(step, (await loss.data())[0]);
  loss.dispose();
}

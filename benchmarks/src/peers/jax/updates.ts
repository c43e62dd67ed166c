/** Optimizers as functions from state to state. */
import { type Array as JaxArray, numpy as np } from '@jax-js/jax';
import { TRAINING } from '../../rows/training.js';
import { type Arrays, mapArrays, type State, type Update } from './cases.js';

interface AdamOptions {
  readonly lr: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay?: number;
}

function adamWith({ lr, beta1, beta2, eps, weightDecay = 0 }: AdamOptions): Update {
  const correction = (beta: number, t: JaxArray) =>
    np
      .exp(t.mul(Math.log(beta)))
      .neg()
      .add(1);
  return {
    slots: ['m', 'v'],
    apply({ parameters, m, v }: State, gradients: Arrays, step: JaxArray): State {
      const mean = mapArrays(m, (a, name) => a.mul(beta1).add(gradients[name].ref.mul(1 - beta1)));
      const square = mapArrays(v, (a, name) => a.mul(beta2).add(np.square(gradients[name]).mul(1 - beta2)));
      const c1 = correction(beta1, step.ref);
      const c2 = correction(beta2, step);
      const next = mapArrays(parameters, (p, name) => {
        const denominator = np.sqrt(square[name].ref.div(c2.ref)).add(eps);
        const decayed = weightDecay > 0 ? p.mul(1 - lr * weightDecay) : p;
        return decayed.sub(mean[name].ref.div(c1.ref).div(denominator).mul(lr));
      });
      c1.dispose();
      c2.dispose();
      return { parameters: next, m: mean, v: square };
    },
  };
}

export const adam = adamWith(TRAINING.adam);

export const adamW = adamWith(TRAINING.adamw);

const momentumWith = ({ lr, momentum }: { lr: number; momentum: number }): Update => ({
  slots: ['buffer'],
  apply({ parameters, buffer }: State, gradients: Arrays, step: JaxArray): State {
    step.dispose();
    const next = mapArrays(buffer, (b, name) => b.mul(momentum).add(gradients[name]));
    return { parameters: mapArrays(parameters, (p, name) => p.sub(next[name].ref.mul(lr))), buffer: next };
  },
});

export const momentum = momentumWith(TRAINING.sgd);

export const resnetMomentum = momentumWith(TRAINING.resnet);

export const descent: Update = {
  slots: [],
  apply({ parameters }: State, gradients: Arrays, step: JaxArray): State {
    step.dispose();
    return {
      parameters: mapArrays(parameters, (p, name) => p.sub(gradients[name].mul(TRAINING.tiny.lr))),
    };
  },
};

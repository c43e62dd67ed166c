/** The training loop. */
import '@neurite/autograd';
import { CrossEntropyLoss } from '@neurite/nn';
import { NeuriteError, type Tensor } from '@neurite/tensor';
import { CLASSES } from './models.js';
import type { Run } from './run.js';

export interface TrainHooks {
  /** Called after each step, when the run's state is complete and consistent. */
  afterStep(): void | Promise<void>;
  /** Aborted: training ends after the step that is running. */
  readonly signal: AbortSignal;
}

/** Trains to the end of the run, or until the signal is aborted. */
export async function train(run: Run, { afterStep, signal }: TrainHooks): Promise<void> {
  const { model, optimizer, scheduler, loader, losses, accuracies, totalSteps } = run;
  const criterion = new CrossEntropyLoss();
  model.train();
  // A loop that was left ends its epoch, unless the loader is told to go on: then a run that was held makes the same steps.
  loader.loadStateDict(loader.stateDict());
  while (losses.length < totalSteps && !signal.aborted) {
    for await (const [images, labels] of loader) {
      optimizer.zeroGrad();
      const logits = model(images);
      const loss = criterion(logits, labels);
      loss.backward();
      await optimizer.step();
      scheduler.step();
      losses.push(await finite(loss, losses.length));
      accuracies.push(await accuracy(logits, labels));
      await afterStep();
      if (signal.aborted) break;
    }
  }
}

async function finite(loss: Tensor, step: number): Promise<number> {
  const value = await loss.item();
  if (!Number.isFinite(value)) {
    throw new NeuriteError(
      `training: the loss of step ${step + 1} is ${value}; try a smaller learning rate (--lr)`,
    );
  }
  return value;
}

/** How often the highest logit is that of the label, from values that the step has computed anyway. */
async function accuracy(logits: Tensor, labels: Tensor): Promise<number> {
  const [scores, classes] = await Promise.all([logits.data(), labels.data()]);
  let count = 0;
  for (let i = 0; i < classes.length; i++) {
    const row = scores.subarray(i * CLASSES, (i + 1) * CLASSES) as Float32Array;
    if (row.indexOf(Math.max(...row)) === classes[i]) count++;
  }
  return count / classes.length;
}

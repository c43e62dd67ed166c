/** A training run: all the state that decides how it goes on, and its way into a checkpoint and back. */
import { DataLoader } from '@neurite/data';
import { Adam, OneCycleLR } from '@neurite/optim';
import {
  defaultGenerator,
  type GeneratorState,
  manualSeed,
  NeuriteError,
  realize,
  StateDictError,
  Tensor,
  tensor,
} from '@neurite/tensor';
import type { Document } from './checkpoint.js';
import type { Digits } from './digits.js';
import { type Classifier, createModel } from './models.js';
import { type Settings, VALID } from './settings.js';

/** Marks checkpoints of this program, and changes when their document does. */
const KIND = 'neurite mnist run 1';

export interface Run {
  readonly settings: Settings;
  readonly model: Classifier;
  readonly optimizer: Adam;
  readonly scheduler: OneCycleLR;
  readonly loader: ReturnType<typeof loaderOf>;
  readonly totalSteps: number;
  /** Loss of each step so far. */
  readonly losses: number[];
  /** Share of its images that each step so far classified correctly. */
  readonly accuracies: number[];
}

const loaderOf = (digits: Digits, batchSize: number) => new DataLoader(digits, { batchSize, shuffle: true });

/** A run at its beginning. Seeds the default generator, from which weights, order and dropout come. */
export function createRun(settings: Settings, digits: Digits): Run {
  manualSeed(settings.seed);
  const model = createModel(settings.model);
  const optimizer = new Adam(model.parameters(), { lr: settings.lr });
  const loader = loaderOf(digits, settings.batchSize);
  const totalSteps = settings.epochs * loader.length;
  const scheduler = new OneCycleLR(optimizer, settings.lr, { totalSteps });
  return { settings, model, optimizer, scheduler, loader, totalSteps, losses: [], accuracies: [] };
}

/** The whole state between two steps. The tensors are the live ones: write them before the next step. */
export function captureRun({
  settings,
  model,
  optimizer,
  scheduler,
  loader,
  losses,
  accuracies,
}: Run): Document {
  return {
    kind: KIND,
    settings: { ...settings },
    step: losses.length,
    model: model.stateDict(),
    optimizer: optimizer.stateDict() as unknown as Document,
    scheduler: scheduler.stateDict() as Document,
    loader: { ...loader.stateDict() },
    generator: { ...defaultGenerator.state },
    losses: tensor(Float32Array.from(losses)),
    accuracies: tensor(Float32Array.from(accuracies)),
  };
}

const PARTS = ['settings', 'model', 'optimizer', 'scheduler', 'loader', 'generator'] as const;

const isRecord = (value: unknown): boolean => typeof value === 'object' && value !== null;

/** A checkpoint of this program, not yet compared with a model. */
export interface SavedRun {
  /** The file's name, for errors. */
  readonly name: string;
  readonly settings: Settings;
  readonly document: ReturnType<typeof captureRun> & Record<string, unknown>;
}

/**
 * Takes a checkpoint for that of a run.
 *
 * @param name how errors call it.
 * @param given settings that the user asked for: the run must have been started with the same, but may go on on another device.
 * @throws StateDictError for a checkpoint of another program or another run.
 */
export function savedRun(name: string, checkpoint: Document, given: Partial<Settings>): SavedRun {
  const document = checkpoint as SavedRun['document'];
  if (document?.kind !== KIND) {
    throw new StateDictError(
      `${name}: expected a checkpoint of kind '${KIND}', found ${JSON.stringify(document?.kind)}`,
    );
  }
  for (const part of PARTS) {
    if (!isRecord(document[part])) throw new StateDictError(`${name}: the checkpoint has no ${part}`);
  }
  const settings = document.settings as Settings;
  for (const [key, isValid] of Object.entries(VALID)) {
    const value: unknown = settings[key as keyof Settings];
    if (!isValid(value)) {
      throw new StateDictError(`${name}: the checkpoint's ${key} is ${JSON.stringify(value)}`);
    }
  }
  for (const [key, value] of Object.entries(given)) {
    const saved = settings[key as keyof Settings];
    if (key !== 'device' && saved !== value) {
      throw new StateDictError(
        `${name}: the checkpoint is of a run with ${key} ${saved}, asked for is ${key} ${value}`,
      );
    }
  }
  return { name, settings: { ...settings, device: given.device ?? settings.device }, document };
}

/**
 * The run of a checkpoint, where it was left. Works on a new run, which is returned only when every part has taken its state:
 * nothing that exists is changed by a checkpoint that does not fit.
 *
 * @throws StateDictError naming the file and what does not fit.
 */
export async function resumeRun({ name, settings, document }: SavedRun, digits: Digits): Promise<Run> {
  const generatorBefore = defaultGenerator.state;
  try {
    const run = createRun(settings, digits);
    const { model, optimizer, scheduler, loader, generator, losses, accuracies } = document;
    run.model.loadStateDict(model as Parameters<Classifier['loadStateDict']>[0]);
    // Pending copies would be computed inside the next step, as part of another graph than that of an uninterrupted run.
    await realize(...Object.values(run.model.stateDict()));
    run.optimizer.loadStateDict(optimizer as Parameters<Adam['loadStateDict']>[0]);
    run.scheduler.loadStateDict(scheduler as Parameters<OneCycleLR['loadStateDict']>[0]);
    run.loader.loadStateDict(loader as Parameters<Run['loader']['loadStateDict']>[0]);
    const done = {
      losses: await history('losses', losses, document.step),
      accuracies: await history('accuracies', accuracies, document.step),
    };
    const { epoch, position } = run.loader.stateDict();
    const place = epoch * run.loader.length + position;
    if (place !== document.step || place > run.totalSteps) {
      throw new StateDictError(
        `step ${document.step} of ${run.totalSteps} does not agree with epoch ${epoch}, batch ${position} of ${run.loader.length}`,
      );
    }
    defaultGenerator.state = generator as unknown as GeneratorState;
    return { ...run, ...done };
  } catch (error) {
    defaultGenerator.state = generatorBefore;
    if (!(error instanceof NeuriteError)) throw error;
    throw new StateDictError(`${name}: ${error.message}`, { cause: error });
  }
}

async function history(name: string, values: unknown, step: unknown): Promise<number[]> {
  if (!(values instanceof Tensor) || values.ndim !== 1 || values.numel !== step) {
    throw new StateDictError(`${name} must be a tensor of one number for each of the ${step} steps`);
  }
  return Array.from(await values.data());
}

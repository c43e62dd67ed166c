/** The command line. */
import { parseArgs } from 'node:util';
import { NeuriteError } from '@neurite/tensor';
import { MODEL_NAMES } from './models.js';
import { DEVICES, MAX_EPOCHS, type Settings, TEST_IMAGES, TRAINING, TRAINING_IMAGES } from './settings.js';

export interface Arguments {
  /** Only what the user wrote: a resumed run takes the rest from its checkpoint, a new one from `defaultsOf`. */
  readonly given: Partial<Settings>;
  /** Test images used, the first ones of the file. */
  readonly testLimit: number;
  readonly save: string | undefined;
  readonly saveEvery: number;
  readonly resume: string | undefined;
  /** The port of the page, which then takes the place of the training here. */
  readonly browser: number | undefined;
  readonly help: boolean;
}

/** A command line that makes no sense. */
export class UsageError extends NeuriteError {}

/** Always the same, because what a browser keeps of a run belongs to host and port. */
const PORT = 8028;

export const USAGE = `Usage: npm run demo -- [options]

Trains a classifier of handwritten digits on MNIST and tests it.

  --model cnn|mlp         convolutional network (default) or multilayer perceptron
  --epochs N              passes over the training images (cnn: ${TRAINING.cnn.epochs}, mlp: ${TRAINING.mlp.epochs})
  --batch-size N          images per step (cnn: ${TRAINING.cnn.batchSize}, mlp: ${TRAINING.mlp.batchSize})
  --lr X                  highest learning rate of the cycle (cnn: ${TRAINING.cnn.lr}, mlp: ${TRAINING.mlp.lr})
  --device NAME           where to compute: cpu (default); webgpu, on this machine's GPU or else on a
                          software adapter, which is slow; or reference, which interprets each
                          kernel, some seconds per step, so test on few images
  --seed N                initial weights, order of the images, dropout (default: 0)
  --limit N               train on the first N images only (default: ${TRAINING_IMAGES})
  --test-limit N          test on the first N images only (default: ${TEST_IMAGES})
  --save FILE             keep a checkpoint in FILE and the loss curve beside it
  --save-every N          steps between checkpoints (default: 100)
  --resume FILE           go on from a checkpoint, and save to it unless --save says otherwise
  --browser               serve the demo as a page instead; all else is set there
  --port N                where to serve it (default: ${PORT})
  --help                  show this text`;

const NAMES = {
  model: { type: 'string' },
  epochs: { type: 'string' },
  'batch-size': { type: 'string' },
  lr: { type: 'string' },
  device: { type: 'string' },
  seed: { type: 'string' },
  limit: { type: 'string' },
  'test-limit': { type: 'string' },
  save: { type: 'string' },
  'save-every': { type: 'string' },
  resume: { type: 'string' },
  browser: { type: 'boolean' },
  port: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** @throws UsageError naming the option, what it was given and what it takes. */
export function parseArguments(args: readonly string[]): Arguments {
  const values = readOptions(args);
  const given: { -readonly [K in keyof Settings]?: Settings[K] } = {};
  if (values.model !== undefined) given.model = choice('--model', values.model, MODEL_NAMES);
  if (values.epochs !== undefined) given.epochs = integer('--epochs', values.epochs, 1, MAX_EPOCHS);
  if (values['batch-size'] !== undefined)
    given.batchSize = integer('--batch-size', values['batch-size'], 1, TRAINING_IMAGES);
  if (values.lr !== undefined) given.lr = positive('--lr', values.lr);
  if (values.device !== undefined) given.device = choice('--device', values.device, DEVICES);
  if (values.seed !== undefined) given.seed = integer('--seed', values.seed, 0, Number.MAX_SAFE_INTEGER);
  if (values.limit !== undefined) given.limit = integer('--limit', values.limit, 1, TRAINING_IMAGES);
  return {
    given,
    testLimit: integer('--test-limit', values['test-limit'] ?? String(TEST_IMAGES), 1, TEST_IMAGES),
    save: values.save === undefined ? undefined : path('--save', values.save),
    saveEvery: integer('--save-every', values['save-every'] ?? '100', 1, Number.MAX_SAFE_INTEGER),
    resume: values.resume === undefined ? undefined : path('--resume', values.resume),
    browser: browserPort(values),
    help: values.help ?? false,
  };
}

/** @returns where to serve the page, if it was asked for. */
function browserPort({ browser, port, ...others }: ReturnType<typeof readOptions>): number | undefined {
  if (!browser) {
    if (port !== undefined) throw new UsageError('--port goes with --browser');
    return undefined;
  }
  const [other] = Object.keys(others).filter((name) => name !== 'help');
  if (other !== undefined) throw new UsageError(`--${other} does not go with --browser: set it in the page`);
  return port === undefined ? PORT : integer('--port', port, 1, 65_535);
}

function readOptions(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: NAMES, allowPositionals: false }).values;
  } catch (error) {
    // Node's message goes on with advice on how to pass positional arguments.
    throw new UsageError((error as Error).message.split(/\. |\n/)[0]);
  }
}

function choice<T extends string>(option: string, text: string, choices: readonly T[]): T {
  const found = choices.find((candidate) => candidate === text);
  if (found === undefined) throw new UsageError(`${option} is '${text}', expected ${choices.join(' or ')}`);
  return found;
}

function integer(option: string, text: string, low: number, high: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < low || value > high) {
    throw new UsageError(`${option} is '${text}', expected an integer from ${low} to ${high}`);
  }
  return value;
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0) {
    throw new UsageError(`${option} is '${text}', expected a number above 0`);
  }
  return value;
}

function path(option: string, text: string): string {
  if (text === '') throw new UsageError(`${option} is '', expected a file name`);
  return text;
}

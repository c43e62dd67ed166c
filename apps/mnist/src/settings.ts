/** What a run is made of, and what is taken where nothing else is said. */
import { MODEL_NAMES, type ModelName } from './models.js';

export const DEVICES = ['cpu', 'webgpu', 'reference'] as const;
export type DeviceName = (typeof DEVICES)[number];

/** What decides the result of a run: one with the same settings ends with the same bits. */
export interface Settings {
  readonly model: ModelName;
  readonly epochs: number;
  readonly batchSize: number;
  /** Highest learning rate of the one-cycle schedule. */
  readonly lr: number;
  readonly device: DeviceName;
  readonly seed: number;
  /** Training images used, the first ones of the file. */
  readonly limit: number;
}

export const TRAINING_IMAGES = 60_000;
export const TEST_IMAGES = 10_000;
export const MAX_EPOCHS = 10_000;

// Measured: the fewest epochs that stay clear of 0.985 (cnn) and 0.975 (mlp) with every seed tried; see README.md.
export const TRAINING: Readonly<Record<ModelName, Pick<Settings, 'epochs' | 'batchSize' | 'lr'>>> = {
  cnn: { epochs: 1, batchSize: 64, lr: 0.004 },
  mlp: { epochs: 3, batchSize: 128, lr: 0.003 },
};

/** All settings of a new run. */
export function settingsOf(given: Partial<Settings>): Settings {
  const model = given.model ?? 'cnn';
  return { model, ...TRAINING[model], device: 'cpu', seed: 0, limit: TRAINING_IMAGES, ...given };
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 1;

/** What a checkpoint may say of its settings. */
export const VALID: Readonly<Record<keyof Settings, (value: unknown) => boolean>> = {
  model: (value) => MODEL_NAMES.some((name) => name === value),
  epochs: isCount,
  batchSize: isCount,
  lr: (value) => typeof value === 'number' && value > 0,
  device: (value) => DEVICES.some((name) => name === value),
  seed: (value) => value === 0 || isCount(value),
  limit: isCount,
};

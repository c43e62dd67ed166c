/** How much a program asks of a GPU. */
import type { Case } from '../case.js';
import type { GpuWatch } from './watch.js';

/** The counts, and how the table calls them. */
export const COUNTED = {
  dispatches: 'dispatches',
  passes: 'passes',
  submits: 'submits',
  maps: 'maps',
  writes: 'writes',
  bytesWritten: 'bytes written',
  bytesRead: 'bytes read',
  copies: 'copies',
  bindGroups: 'bind groups',
  buffers: 'buffers',
  pipelines: 'pipelines',
} as const;

export type GpuCounts = Readonly<Record<keyof typeof COUNTED, number>>;

export const COUNT_NAMES = Object.keys(COUNTED) as (keyof GpuCounts)[];

export const countsFrom = (value: (name: keyof GpuCounts) => number): GpuCounts =>
  Object.fromEntries(COUNT_NAMES.map((name) => [name, value(name)])) as GpuCounts;

/** What was counted in the first steps, in which things are made, and per step in those that follow. */
export interface StepCounts {
  /** All of the first steps together. */
  readonly first: GpuCounts;
  /** The mean of the steps that follow. */
  readonly steady: GpuCounts;
  /** How the adapter names itself. */
  readonly adapter: string;
}

/** What is made once, in the first steps. */
export const MADE = ['pipelines', 'buffers'] as const;

/** The counts as fields of a line of JSON. */
export function countFields({ first, steady, adapter }: StepCounts): Record<string, number | string> {
  const rounded = countsFrom((name) => Number(steady[name].toPrecision(6)));
  return { ...rounded, firstPipelines: first.pipelines, firstBuffers: first.buffers, adapter };
}

/** Steps in which everything may still be made. */
export const FIRST_STEPS = 3;
/** The last step whose counts go into the mean. */
export const LAST_STEP = 10;

/** Runs a new case's steps and counts. */
export async function countSteps(counted: Pick<Case, 'run'>, watch: GpuWatch): Promise<StepCounts> {
  const steps = async (n: number): Promise<GpuCounts> => {
    const before = watch.counts();
    for (let i = 0; i < n; i++) await counted.run();
    const after = watch.counts();
    return countsFrom((name) => after[name] - before[name]);
  };
  const first = await steps(FIRST_STEPS);
  const further = LAST_STEP - FIRST_STEPS;
  const total = await steps(further);
  const steady = countsFrom((name) => total[name] / further);
  return { first, steady, adapter: watch.adapter() };
}

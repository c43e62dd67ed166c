/** What a user waits for before anything is warm, and what a page has to load. */
import { normal, type RowSpec } from './spec.js';
import { gptInputs, MLP_INPUTS } from './training.js';

/** A row for which every measurement is a process of its own. */
const once = (
  shapes: string,
  timing: 'first step' | 'import',
  inputs: RowSpec['inputs'],
  tolerance: number,
): RowSpec => ({
  shapes,
  dtype: 'f32',
  inputs,
  tolerance,
  work: null,
  timing,
});

export const START_ROWS = {
  'import-first': once(
    'import, then relu(a·b) of 64×64',
    'import',
    [normal('a', [64, 64]), normal('b', [64, 64])],
    1e-5,
  ),
  'cold-mlp': once('model, optimizer and first step of mlp-step', 'first step', MLP_INPUTS, 1e-3),
  'cold-gpt': once('model, optimizer and first step of gpt-step', 'first step', gptInputs(), 1e-3),
} as const satisfies Record<string, RowSpec>;

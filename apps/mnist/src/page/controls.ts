/** The form: what a run is to be, and the buttons for what can be done now. */
import type { ModelName } from '../models.js';
import {
  MAX_EPOCHS,
  type Settings,
  settingsOf,
  TEST_IMAGES,
  TRAINING,
  TRAINING_IMAGES,
} from '../settings.js';
import { element } from './elements.js';
import type { PageDevice, Phase, Request, RunView } from './protocol.js';

export interface Controls {
  readonly testLimit: number;
  setPhase(phase: Phase, tested: boolean): void;
  setDevice(device: PageDevice, report: string): void;
  setRun(run: RunView): void;
}

const PRIMARY: Readonly<Record<Phase, string>> = {
  empty: 'Start',
  loading: 'Loading …',
  training: 'Pause',
  paused: 'Continue',
  testing: 'Testing …',
  done: 'Start a new run',
};
const TEST: Readonly<Record<Phase, string>> = {
  empty: 'Stop and test',
  loading: 'Stop and test',
  training: 'Stop and test',
  paused: 'Test',
  testing: 'Cancel the test',
  done: 'Test',
};

/** Unlike a disabled button, one that is not offered keeps the focus: who uses the keyboard keeps their place. */
const offer = (button: HTMLButtonElement, offered: boolean): void => {
  button.ariaDisabled = String(!offered);
};
const isOffered = (button: HTMLButtonElement): boolean => button.ariaDisabled !== 'true';

/** @param send hears what the user wants done. */
export function createControls(send: (request: Request) => void): Controls {
  const form = element('settings', HTMLFormElement);
  const runFields = element('run-fields', HTMLFieldSetElement);
  const device = element('device', HTMLSelectElement);
  const model = element('model', HTMLSelectElement);
  const epochs = element('epochs', HTMLInputElement);
  const limit = element('limit', HTMLInputElement);
  const testLimit = element('test-limit', HTMLInputElement);
  const go = element('go', HTMLButtonElement);
  const test = element('test', HTMLButtonElement);
  const fresh = element('fresh', HTMLButtonElement);
  const save = element('save', HTMLButtonElement);
  let phase: Phase = 'loading';
  let tested = false;
  /** Whether a new run is being set up while another one is held. */
  let settingUp = false;
  let run: RunView | null = null;

  const fill = (settings: Settings, images: number): void => {
    model.value = settings.model;
    epochs.value = String(settings.epochs);
    limit.value = String(settings.limit);
    testLimit.value = String(images);
  };
  epochs.max = String(MAX_EPOCHS);
  limit.max = String(TRAINING_IMAGES);
  testLimit.max = String(TEST_IMAGES);
  fill(settingsOf({}), TEST_IMAGES);
  model.addEventListener('change', () => {
    epochs.value = String(TRAINING[model.value as ModelName].epochs);
  });

  const startsAnew = (): boolean => settingUp || phase === 'empty' || phase === 'done';

  function show(): void {
    go.textContent = settingUp ? PRIMARY.empty : PRIMARY[phase];
    offer(go, phase !== 'loading' && phase !== 'testing');
    test.textContent = TEST[phase];
    offer(test, !settingUp && phase !== 'empty' && phase !== 'loading' && !(phase === 'done' && tested));
    fresh.hidden = phase !== 'paused';
    fresh.textContent = settingUp ? 'Back to the run' : 'New run';
    runFields.disabled = !startsAnew();
    offer(save, run !== null);
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (!isOffered(go)) return;
    if (phase === 'training') send({ type: 'pause' });
    else if (!startsAnew()) send({ type: 'continue' });
    else {
      const settings = settingsOf({
        model: model.value as ModelName,
        epochs: epochs.valueAsNumber,
        limit: limit.valueAsNumber,
        device: device.value as PageDevice,
      });
      send({ type: 'start', settings, testLimit: testLimit.valueAsNumber });
    }
  });
  test.addEventListener('click', () => {
    if (isOffered(test)) send({ type: phase === 'testing' ? 'pause' : 'test' });
  });
  save.addEventListener('click', () => {
    if (isOffered(save)) send({ type: 'save' });
  });
  fresh.addEventListener('click', () => {
    settingUp = !settingUp;
    if (!settingUp && run) fill(run.settings, run.testLimit);
    show();
  });
  device.addEventListener('change', () => send({ type: 'device', device: device.value as PageDevice }));

  return {
    get testLimit() {
      return testLimit.valueAsNumber || TEST_IMAGES;
    },
    setPhase(next, isTested) {
      if (next !== phase) settingUp = false;
      phase = next;
      tested = isTested;
      show();
    },
    setDevice(name, report) {
      device.value = name;
      element('report', HTMLElement).textContent = report;
    },
    setRun(next) {
      run = next;
      offer(save, true);
      fill(next.settings, next.testLimit);
    },
  };
}

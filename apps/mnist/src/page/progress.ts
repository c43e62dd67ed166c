/** How far the run is: the bar, the numbers, and milestones for those who hear the page. */
import { duration, recent, speedometer } from '../speed.js';
import { element, percent, thousands } from './elements.js';
import type { Phase, RunView, Tested } from './protocol.js';

/** Percent of the run between two milestones. */
const MILESTONE = 10;

export interface Progress {
  /** Shows where a run stands. */
  setRun(run: RunView): void;
  /** Puts the bar where the run stands, after a test used it. */
  place(run: RunView): void;
  setPhase(phase: Phase): void;
  /** Shows the step that was added to the run's histories. */
  step(run: RunView): void;
  testing(done: number, images: number): void;
  tested(tested: Tested | null): void;
}

const PHASES: Readonly<Record<Phase, string>> = {
  empty: 'No run yet.',
  loading: 'Loading.',
  training: 'Training.',
  paused: 'Paused.',
  testing: 'Testing.',
  done: 'The run is complete.',
};

export function createProgress(): Progress {
  const bar = element('bar', HTMLProgressElement);
  const status = element('status', HTMLElement);
  let speed = speedometer();
  let lastMilestone = 0;
  const set = (id: string, text: string): void => {
    element(id, HTMLElement).textContent = text;
  };

  function show(run: RunView): string {
    const { losses, totalSteps, stepsPerEpoch, settings } = run;
    const step = losses.length;
    bar.max = totalSteps;
    bar.value = step;
    const { loss, accuracy } = recent(run);
    set('step', `${thousands(step)} of ${thousands(totalSteps)}`);
    set('epoch', `${Math.ceil(step / stepsPerEpoch)} of ${settings.epochs}`);
    set('loss', step === 0 ? '–' : loss.toFixed(3));
    set('share', step === 0 ? '–' : percent(accuracy));
    return step === 0
      ? 'No step yet.'
      : `Step ${step} of ${totalSteps}: loss ${loss.toFixed(2)}, accuracy ${percent(accuracy, 0)}.`;
  }

  const milestoneOf = ({ losses, totalSteps }: RunView): number =>
    Math.floor((100 * losses.length) / totalSteps / MILESTONE);

  return {
    setRun(run) {
      show(run);
      set('speed', '–');
      set('left', '–');
      lastMilestone = milestoneOf(run);
    },
    place: show,
    setPhase(phase) {
      status.textContent = PHASES[phase];
      if (phase === 'training') speed = speedometer();
      else set('left', '–');
    },
    step(run) {
      const sentence = show(run);
      const { settings, totalSteps, losses } = run;
      const stepsPerSecond = speed(performance.now());
      if (stepsPerSecond !== undefined) {
        set('speed', thousands(Math.round(stepsPerSecond * Math.min(settings.batchSize, settings.limit))));
        set('left', duration((totalSteps - losses.length) / stepsPerSecond));
      }
      if (milestoneOf(run) !== lastMilestone) status.textContent = sentence;
      lastMilestone = milestoneOf(run);
    },
    testing(done, images) {
      bar.max = images;
      bar.value = done;
    },
    tested(tested) {
      element('result', HTMLElement).hidden = tested === null;
      if (!tested) return;
      const { accuracy, images, worst } = tested;
      set('accuracy', percent(accuracy, 2));
      const mistake = worst
        ? ` It most often took ${nameOf(worst.actual)} for ${nameOf(worst.taken)}: ${worst.count} times.`
        : '';
      set('mistake', `On ${thousands(images)} images that it never learned from.${mistake}`);
      status.textContent = `Test accuracy ${percent(accuracy, 2)}.`;
    },
  };
}

const nameOf = (digit: number): string => `${digit === 8 ? 'an' : 'a'} ${digit}`;

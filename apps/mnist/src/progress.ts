/** How far training is: a bar on a terminal, else a line every few percent. */
import { SingleBar } from 'cli-progress';
import pc from 'picocolors';
import { duration, speedometer } from './speed.js';

export interface Status {
  /** Steps done, from the beginning of the run. */
  readonly step: number;
  /** Of the last steps. */
  readonly loss: number;
  readonly accuracy: number;
}

export interface ProgressOptions {
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  readonly batchSize: number;
  /** Steps that were done before this process took over. */
  readonly firstStep: number;
  readonly stream: NodeJS.WriteStream;
}

export interface Progress {
  update(status: Status): void;
  stop(): void;
}

/** Percent between two lines where there is no terminal. */
const LINE_EVERY = 5;

export function createProgress(options: ProgressOptions): Progress {
  const speed = speedometer();
  const describe = (status: Status): Fields => {
    const stepsPerSecond = speed(performance.now());
    return fieldsOf(status, stepsPerSecond, options);
  };
  return options.stream.isTTY ? bar(options, describe) : lines(options, describe);
}

interface Fields {
  readonly percent: string;
  readonly epoch: string;
  readonly loss: string;
  readonly accuracy: string;
  readonly speed: string;
  readonly left: string;
}

const LINE = '{percent}  epoch {epoch}  loss {loss}  accuracy {accuracy}  {speed} images/s  {left} left';

/** What the text beside the bar takes; the bar shrinks first where the terminal is narrow. */
const TEXT_WIDTH = 76;
const MIN_BAR = 4;
const MAX_BAR = 24;

function bar({ totalSteps, firstStep, stream }: ProgressOptions, describe: (s: Status) => Fields): Progress {
  const single = new SingleBar({
    format: `${pc.cyan('{bar}')} ${LINE}`,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: Math.max(MIN_BAR, Math.min(MAX_BAR, stream.columns - TEXT_WIDTH)),
    fps: 10,
    hideCursor: true,
    stream,
    // Ctrl-C is ours: it ends the run after the current step.
    gracefulExit: false,
  });
  const unknown: Fields = { percent: '', epoch: '–', loss: '–', accuracy: '–', speed: '–', left: '–' };
  single.start(totalSteps, firstStep, unknown);
  return {
    update: (status) => single.update(status.step, describe(status)),
    stop: () => single.stop(),
  };
}

function lines(
  { totalSteps, firstStep, stream }: ProgressOptions,
  describe: (s: Status) => Fields,
): Progress {
  const mark = (step: number): number => Math.floor((100 * step) / totalSteps / LINE_EVERY);
  let last = mark(firstStep);
  return {
    update(status) {
      const fields = describe(status);
      if (mark(status.step) === last) return;
      last = mark(status.step);
      stream.write(`${LINE.replace(/\{(\w+)\}/g, (_, name: keyof Fields) => fields[name])}\n`);
    },
    stop() {},
  };
}

function fieldsOf(
  { step, loss, accuracy }: Status,
  stepsPerSecond: number | undefined,
  { totalSteps, stepsPerEpoch, batchSize }: ProgressOptions,
): Fields {
  return {
    percent: `${Math.floor((100 * step) / totalSteps)}%`.padStart(4),
    epoch: `${Math.ceil(step / stepsPerEpoch)}/${totalSteps / stepsPerEpoch}`,
    loss: loss.toFixed(4),
    accuracy: `${(100 * accuracy).toFixed(1)}%`.padStart(6),
    speed: stepsPerSecond === undefined ? '–' : String(Math.round(stepsPerSecond * batchSize)),
    left: stepsPerSecond === undefined ? '–' : duration((totalSteps - step) / stepsPerSecond),
  };
}

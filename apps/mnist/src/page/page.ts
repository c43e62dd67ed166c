/** The page: its worker, and what each of the two tells the other. */
import { createControls } from './controls.js';
import { createCurves } from './curves.js';
import { element } from './elements.js';
import { createPad, showSeen } from './pad.js';
import { createProgress } from './progress.js';
import type { Event, Phase, Request, RunView } from './protocol.js';
import { createReading } from './reading.js';

/** Milliseconds between two readings of one drawing while the network learns. */
const READ_EVERY = 250;

const worker = new Worker('worker.js', { type: 'module' });
const send = (request: Request): void => worker.postMessage(request);

const controls = createControls(send);
const progress = createProgress();
const curves = createCurves();
const reading = createReading();
const pad = createPad(read);

/** The run that is shown; the histories grow with each step. */
let run: (RunView & { losses: number[]; accuracies: number[] }) | null = null;
let phase: Phase = 'loading';
let tested = false;

function show(message: string): void {
  element('problem', HTMLElement).hidden = message === '';
  element('problem-text', HTMLElement).textContent = message;
}
element('problem-close', HTMLButtonElement).addEventListener('click', () => show(''));

// The drawing. One reading is under way at a time; a change meanwhile asks for another.

let asked = false;
let changed = false;
let askedAt = 0;

/** Has what is on the pad now read by the network. */
function read(): void {
  changed = true;
  if (asked) return;
  // With the next frame: a stroke has many events.
  asked = true;
  requestAnimationFrame(ask);
}

function ask(): void {
  changed = false;
  askedAt = performance.now();
  const image = pad.image();
  showSeen(image);
  if (image && run) {
    send({ type: 'classify', image });
    return;
  }
  asked = false;
  reading.show(undefined);
  reading.say(image ? 'There is no network yet: start the training.' : 'Draw a digit from 0 to 9.');
}

function answer(values: Float32Array): void {
  asked = false;
  if (pad.image()) reading.show(values);
  if (changed) read();
}

// Files.

const file = element('file', HTMLInputElement);
element('load', HTMLButtonElement).addEventListener('click', () => file.click());
file.addEventListener('change', async () => {
  const [chosen] = file.files ?? [];
  if (!chosen) return;
  const bytes = new Uint8Array(await chosen.arrayBuffer());
  // The same file can be chosen again.
  file.value = '';
  send({ type: 'load', name: chosen.name, bytes, testLimit: controls.testLimit });
});
element('sample', HTMLButtonElement).addEventListener('click', () => send({ type: 'sample' }));

function download(name: string, bytes: Uint8Array<ArrayBuffer>): void {
  const url = URL.createObjectURL(new Blob([bytes], { type: 'application/octet-stream' }));
  Object.assign(document.createElement('a'), { href: url, download: name }).click();
  // The download has begun when this task is done.
  setTimeout(() => URL.revokeObjectURL(url));
}

// What the worker tells.

function hear(event: Event): void {
  switch (event.type) {
    case 'phase':
      phase = event.phase;
      document.body.dataset.phase = phase;
      controls.setPhase(phase, tested);
      progress.setPhase(phase);
      if (run && phase !== 'testing') progress.place(run);
      return;
    case 'device':
      controls.setDevice(event.device, event.report);
      return;
    case 'run':
      run = { ...event.run, losses: [...event.run.losses], accuracies: [...event.run.accuracies] };
      controls.setRun(run);
      progress.setRun(run);
      curves.draw(run);
      read();
      return;
    case 'step':
      if (!run) return;
      run.losses.push(event.loss);
      run.accuracies.push(event.accuracy);
      progress.step(run);
      curves.draw(run);
      if (performance.now() - askedAt > READ_EVERY) read();
      return;
    case 'testing':
      progress.testing(event.done, event.images);
      return;
    case 'tested':
      tested = event.tested !== null;
      progress.tested(event.tested);
      return;
    case 'probabilities':
      answer(event.values);
      return;
    case 'sample':
      pad.show(event.image);
      return;
    case 'checkpoint':
      download(event.name, event.bytes);
      return;
    case 'notice':
      show(event.message);
      return;
    case 'failed':
      // What was asked may never be answered.
      asked = false;
      show(event.message);
      return;
  }
}
worker.onmessage = ({ data }: MessageEvent<Event>) => hear(data);
worker.onerror = ({ message }) =>
  show(`The worker of this page has failed: ${message || 'it cannot be loaded'}.`);
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'hidden') send({ type: 'keep' });
});

reading.show(undefined);
showSeen(undefined);
curves.draw({ losses: [], accuracies: [], totalSteps: 100, stepsPerEpoch: 100 });
send({ type: 'open' });

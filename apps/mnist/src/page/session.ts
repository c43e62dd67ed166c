/** A run in the worker: trained, held, tested, kept, moved between devices, and asked what a drawing is. */
import { cpu } from '@neurite/backend-cpu';
import { webgpu } from '@neurite/backend-webgpu';
import { type Device, NeuriteError, use } from '@neurite/tensor';
import { decodeCheckpoint, encodeCheckpoint } from '../checkpoint.js';
import { type Digits, firstDigits } from '../digits.js';
import { accuracyOf, evaluate, worstMistake } from '../evaluate.js';
import { captureRun, createRun, type Run, resumeRun, type SavedRun, savedRun } from '../run.js';
import { type Settings, TEST_IMAGES } from '../settings.js';
import { train } from '../train.js';
import { probabilitiesOf } from './classify.js';
import { fetchPart, randomDigit } from './digits.js';
import { type Event, PAGE_DEVICES, type PageDevice, type Phase, type Tested } from './protocol.js';
import { openStore, type Store } from './store.js';
import { createTurns } from './turns.js';

const BACKENDS = { cpu: () => cpu(), webgpu: () => webgpu() };

/** Milliseconds between two writes of a run that is trained. */
const KEEP_EVERY = 2000;

/** What errors call runs that come from no file. */
const KEPT_RUN = 'the run that this browser keeps';
const THIS_RUN = 'this run';

export class Session {
  readonly #tell: (event: Event) => void;
  readonly #turns = createTurns();
  #store: Store | null = null;
  #device: Device | null = null;
  #deviceName: PageDevice = 'cpu';
  #run: Run | null = null;
  #tested: Tested | null = null;
  #testLimit = TEST_IMAGES;
  #phase: Phase = 'loading';
  /** Ends the training or the test that is under way. */
  #stop = new AbortController();
  #work: Promise<void> = Promise.resolve();
  #keptAt = 0;

  /** @param tell receives what happens. */
  constructor(tell: (event: Event) => void) {
    this.#tell = tell;
  }

  /** Takes up the run that the browser keeps, and goes on if it was under way. */
  async open(): Promise<void> {
    this.#enter('loading');
    const onWait = (): void => {
      const message = 'Another tab has this page open. Close it there, and the run goes on here.';
      this.#tell({ type: 'notice', message });
    };
    try {
      this.#store = await openStore(onWait);
      this.#tell({ type: 'notice', message: '' });
    } catch (error) {
      this.#fail(noStore(error));
    }
    try {
      await this.#restore(true);
    } catch (error) {
      // A kept run that is of no use must not stand in the way of a new one.
      this.#fail(error);
      if (!this.#device) await this.#use('cpu');
      this.#rest();
    }
  }

  /** Begins a new run. */
  start(settings: Settings, testLimit: number): Promise<void> {
    return this.#prepare(async () => {
      const digits = firstDigits(await fetchPart('train'), settings.limit);
      this.#show(createRun({ ...settings, device: this.#deviceName }, digits), testLimit, null);
      this.#train();
    });
  }

  /** Goes on with a run that is held. */
  async continue(): Promise<void> {
    if (this.#phase === 'paused') this.#train();
  }

  /** Holds training after the step that is running, or ends a test. */
  async pause(): Promise<void> {
    await this.#halt();
    this.#rest();
    await this.#keep(false);
  }

  /** Tests the network as it is. */
  async test(): Promise<void> {
    await this.#halt();
    if (!this.#run) return;
    this.#begin((signal) => this.#test(signal));
  }

  /** Computes on another device from now on; a run comes along. Where there is no such device all stays as it is. */
  moveTo(name: PageDevice): Promise<void> {
    const goesOn = this.#phase === 'training';
    return this.#prepare(async () => {
      const left = this.#device;
      // Before there is another default device: reading needs the one that holds the values.
      const bytes = this.#run && (await encodeCheckpoint(captureRun(this.#run)));
      try {
        await this.#use(name);
      } catch (error) {
        this.#announceDevice();
        throw error;
      }
      if (bytes) {
        const document = await decodeCheckpoint(THIS_RUN, bytes);
        await this.#take(savedRun(THIS_RUN, document, { device: name }), this.#testLimit, this.#tested);
        await this.#keep(goesOn);
      }
      await left?.destroy();
      if (goesOn) this.#train();
      else this.#rest();
    });
  }

  /** Takes up the run of a checkpoint file. A file that does not fit changes nothing. */
  load(name: string, bytes: Uint8Array<ArrayBuffer>, testLimit: number): Promise<void> {
    return this.#prepare(async () => {
      try {
        const document = await decodeCheckpoint(name, bytes);
        const saved = savedRun(name, document, { device: this.#deviceName });
        await this.#take(saved, testLimit, null);
      } catch (cause) {
        throw new NeuriteError(`${messageOf(cause)}. Nothing has changed here.`, { cause });
      }
      this.#rest();
      await this.#keep(false);
    });
  }

  /** The run as a checkpoint file. */
  async save(): Promise<void> {
    const run = this.#run;
    if (!run) throw new NeuriteError('there is no run to save yet');
    const bytes = await this.#turns.ask(() => encodeCheckpoint(captureRun(run)));
    this.#tell({ type: 'checkpoint', name: `mnist-${run.settings.model}.ckpt`, bytes });
  }

  /** Writes the run to the store before the page goes. */
  async keep(): Promise<void> {
    await this.#turns.ask(() => this.#keep(this.#phase === 'training'));
  }

  /** Tells what the network takes an image for, uint8 [28, 28]. */
  async classify(image: Uint8Array): Promise<void> {
    const values = await this.#turns.ask(async () => this.#run && probabilitiesOf(this.#run.model, image));
    if (values) this.#tell({ type: 'probabilities', values });
  }

  /** Hands out one of the test images. */
  async sample(): Promise<void> {
    this.#tell({ type: 'sample', ...(await randomDigit()) });
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#tell({ type: 'phase', phase });
  }

  /** The phase of a run with nothing under way. */
  #rest(): void {
    const run = this.#run;
    if (!run) this.#enter('empty');
    else this.#enter(run.losses.length < run.totalSteps ? 'paused' : 'done');
  }

  #fail(error: unknown): void {
    this.#tell({ type: 'failed', message: messageOf(error) });
  }

  #announceDevice(): void {
    if (!this.#device) return;
    this.#tell({ type: 'device', device: this.#deviceName, report: this.#device.report });
  }

  async #use(name: PageDevice): Promise<void> {
    this.#device = await use(BACKENDS[name](), { log: false });
    this.#deviceName = name;
    this.#announceDevice();
  }

  /** The kept run on its device, or else on the CPU; the device alone where there is no run. */
  async #restore(mayGoOn: boolean): Promise<void> {
    this.#enter('loading');
    this.#run = null;
    const kept = await this.#store?.get();
    const saved = kept && savedRun(KEPT_RUN, await decodeCheckpoint(KEPT_RUN, kept.checkpoint), {});
    const goesOn = await this.#useOrCpu(saved?.settings.device);
    if (saved) {
      const settings = { ...saved.settings, device: this.#deviceName };
      await this.#take({ ...saved, settings }, kept.testLimit, kept.tested);
    }
    this.#rest();
    if (goesOn && mayGoOn && kept?.running && this.#phase === 'paused') this.#train();
  }

  /** Returns whether it is the device that was wanted. */
  async #useOrCpu(wanted: Settings['device'] = 'cpu'): Promise<boolean> {
    const left = this.#device;
    const name = PAGE_DEVICES.find((known) => known === wanted) ?? 'cpu';
    try {
      await this.#use(name);
      return true;
    } catch (error) {
      if (name === 'cpu') throw error;
      this.#fail(
        new NeuriteError(`${messageOf(error)}. The run waits on the CPU: go on there, or choose again.`),
      );
      await this.#use('cpu');
      return false;
    } finally {
      await left?.destroy();
    }
  }

  async #take(saved: SavedRun, testLimit: number, tested: Tested | null): Promise<void> {
    const digits: Digits = firstDigits(await fetchPart('train'), saved.settings.limit);
    this.#show(await resumeRun(saved, digits), testLimit, tested);
  }

  #show(run: Run, testLimit: number, tested: Tested | null): void {
    this.#run = run;
    this.#testLimit = testLimit;
    this.#tested = tested;
    const { settings, totalSteps, losses, accuracies, model, loader } = run;
    const parameters = model.parameters().reduce((count, { numel }) => count + numel, 0);
    const stepsPerEpoch = loader.length;
    const view = { settings, testLimit, parameters, totalSteps, stepsPerEpoch, losses, accuracies };
    this.#tell({ type: 'run', run: view });
    this.#tell({ type: 'tested', tested });
  }

  /** Ends what is under way, and waits until it has ended. */
  async #halt(): Promise<void> {
    this.#stop.abort();
    await this.#work;
  }

  /** Does what nothing else may go on beside; a failure leaves the run as it was, held. */
  async #prepare(work: () => Promise<void>): Promise<void> {
    await this.#halt();
    this.#enter('loading');
    try {
      await work();
    } catch (error) {
      this.#rest();
      throw error;
    }
  }

  /** Starts work that takes long. What goes wrong is told, and the run is taken up again as it was kept. */
  #begin(work: (signal: AbortSignal) => Promise<void>): void {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.#work = this.#turns
      .hold(() => work(signal))
      .catch(async (error) => {
        if (error === signal.reason) return;
        this.#fail(error);
        await this.#restore(false);
      })
      .catch((error) => {
        this.#fail(error);
        this.#rest();
      });
  }

  #train(): void {
    const run = this.#run as Run;
    const { losses, accuracies, totalSteps } = run;
    this.#tested = null;
    this.#tell({ type: 'tested', tested: null });
    this.#enter('training');
    this.#begin(async (signal) => {
      await train(run, {
        signal,
        afterStep: async () => {
          const step = losses.length - 1;
          this.#tell({ type: 'step', loss: losses[step], accuracy: accuracies[step] });
          if (performance.now() - this.#keptAt > KEEP_EVERY) await this.#keep(true);
          await this.#turns.between();
        },
      });
      if (losses.length === totalSteps) await this.#test(signal);
    });
  }

  async #test(signal: AbortSignal): Promise<void> {
    const { model } = this.#run as Run;
    this.#enter('testing');
    const digits = firstDigits(await fetchPart('t10k'), this.#testLimit);
    const confusion = await evaluate(model, digits, async (done) => {
      this.#tell({ type: 'testing', done, images: digits.length });
      await this.#turns.between();
      signal.throwIfAborted();
    });
    const tested = { accuracy: accuracyOf(confusion), images: digits.length, worst: worstMistake(confusion) };
    this.#tested = tested;
    this.#tell({ type: 'tested', tested });
    this.#rest();
    await this.#keep(false);
  }

  /** Writes the run to the store. */
  async #keep(running: boolean): Promise<void> {
    if (!this.#run || !this.#store) return;
    const checkpoint = await encodeCheckpoint(captureRun(this.#run));
    try {
      await this.#store.put({ checkpoint, running, testLimit: this.#testLimit, tested: this.#tested });
      this.#keptAt = performance.now();
    } catch (error) {
      this.#store = null;
      this.#fail(noStore(error));
    }
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const noStore = (error: unknown): NeuriteError =>
  new NeuriteError(
    `this browser cannot keep the run (${messageOf(error)}): save it as a file before you leave`,
  );

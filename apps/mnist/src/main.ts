/** `npm run demo`: trains MNIST, tests the result and reports. */
import { access, constants, mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join, parse } from 'node:path';
import { NeuriteError, use } from '@neurite/tensor';
import { type Arguments, parseArguments, USAGE, UsageError } from './args.js';
import { readCheckpoint, writeCheckpoint } from './checkpoint-file.js';
import { loadDigits } from './data.js';
import { backendOf } from './device.js';
import { accuracyOf, evaluate } from './evaluate.js';
import { servePage } from './page-server.js';
import { lossCurve } from './plot.js';
import { createProgress } from './progress.js';
import { digitTable } from './report.js';
import { captureRun, createRun, type Run, resumeRun, savedRun } from './run.js';
import { settingsOf } from './settings.js';
import { recent } from './speed.js';
import { train } from './train.js';

/** Exit codes. 130 is the shell's own for a program that Ctrl-C ended. */
const FAILED = 1;
const MISUSED = 2;
const INTERRUPTED = 130;

async function main(args: readonly string[]): Promise<number> {
  const options = parseArguments(args);
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  if (options.browser !== undefined) return serve(options.browser);
  const { resume } = options;
  const saved =
    resume === undefined ? undefined : savedRun(resume, await readCheckpoint(resume), options.given);
  const settings = saved?.settings ?? settingsOf(options.given);
  // Without --save nothing is written on the way, but Ctrl-C and the picture need a place.
  const path = options.save ?? resume ?? join('runs', `mnist-${settings.model}.ckpt`);
  await prepareFile(path);
  const device = await use(await backendOf(settings.device));
  const digits = await loadDigits(settings.limit, options.testLimit);
  const run = saved ? await resumeRun(saved, digits.train) : createRun(settings, digits.train);
  announce(run, digits.train.length);

  if (!(await trainAndSave(run, options, path))) return INTERRUPTED;

  const started = performance.now();
  const confusion = await evaluate(run.model, digits.test);
  console.log(`tested ${digits.test.length.toLocaleString('en')} images in ${seconds(started)} s\n`);
  console.log(digitTable(confusion));
  const accuracy = accuracyOf(confusion);
  const { dir, name } = parse(path);
  const picture = join(dir, `${name}-loss.svg`);
  const title = `MNIST, ${settings.model}: training loss`;
  const caption = `test accuracy ${accuracy.toFixed(4)} after ${settings.epochs} epoch${settings.epochs === 1 ? '' : 's'}`;
  await writeFile(picture, lossCurve(run.losses, { title, caption, stepsPerEpoch: run.loader.length }));
  console.log(`\nloss curve ${picture}`);
  console.log(`test accuracy ${accuracy.toFixed(4)}`);
  await device.destroy();
  return 0;
}

/** Serves the page until Ctrl-C. */
async function serve(port: number): Promise<number> {
  const { origin, close } = await servePage(port);
  console.log(`the demo is at ${origin} (Ctrl-C ends it)`);
  await new Promise((resolve) => process.once('SIGINT', resolve));
  await close();
  return INTERRUPTED;
}

/** @returns whether the run is complete; otherwise it was interrupted, and saved. */
async function trainAndSave(run: Run, options: Arguments, path: string): Promise<boolean> {
  const { losses, totalSteps } = run;
  const periodic = options.save !== undefined || options.resume !== undefined;
  const interrupt = new AbortController();
  // Only the first Ctrl-C is caught: a second one ends the process at once.
  const onInterrupt = (): void => interrupt.abort();
  process.once('SIGINT', onInterrupt);
  const progress = createProgress({
    totalSteps,
    stepsPerEpoch: run.loader.length,
    batchSize: run.settings.batchSize,
    firstStep: losses.length,
    stream: process.stdout,
  });
  const started = performance.now();
  const firstStep = losses.length;
  try {
    await train(run, {
      signal: interrupt.signal,
      async afterStep() {
        progress.update({ step: losses.length, ...recent(run) });
        if (periodic && (losses.length % options.saveEvery === 0 || losses.length === totalSteps)) {
          await writeCheckpoint(path, captureRun(run));
        }
      },
    });
  } finally {
    progress.stop();
  }
  console.log(`trained ${losses.length - firstStep} steps in ${seconds(started)} s`);
  if (losses.length < totalSteps) {
    await writeCheckpoint(path, captureRun(run));
    console.log(`interrupted after step ${losses.length} of ${totalSteps}: saved ${path}`);
    console.log(`go on with: npm run demo -- --resume ${path}`);
  }
  process.off('SIGINT', onInterrupt);
  return losses.length === totalSteps;
}

/** Finds out before training, and not after it, that a file cannot be written. */
async function prepareFile(path: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await access(dirname(path), constants.W_OK);
    if ((await stat(path).catch(() => null))?.isDirectory()) throw new Error('it is a folder');
  } catch (error) {
    throw new NeuriteError(`${path}: cannot be written: ${(error as Error).message}`, { cause: error });
  }
}

function announce({ settings, model, loader, totalSteps, losses }: Run, images: number): void {
  const parameters = model.parameters().reduce((count, { numel }) => count + numel, 0);
  console.log(
    `${settings.model} with ${parameters.toLocaleString('en')} parameters, ${images.toLocaleString('en')} training images, ` +
      `${settings.epochs} × ${loader.length} steps of ${settings.batchSize}`,
  );
  if (losses.length > 0) console.log(`going on after step ${losses.length} of ${totalSteps}`);
}

const seconds = (since: number): string => ((performance.now() - since) / 1000).toFixed(1);

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof NeuriteError)) throw error;
  console.error(`mnist: ${error.message}`);
  if (error instanceof UsageError) console.error(`\n${USAGE}`);
  process.exitCode = error instanceof UsageError ? MISUSED : FAILED;
}

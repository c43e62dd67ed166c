/** The page as people use it, in a real browser. */
import { readFile } from 'node:fs/promises';
import { cpu } from '@neurite/backend-cpu';
import { type Browser, type ConsoleLine, launch } from '@neurite/browser';
import type { Tensor } from '@neurite/tensor';
import { use } from '@neurite/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeCheckpoint, encodeCheckpoint } from '../src/checkpoint.js';
import { loadDigits } from '../src/data.js';
import { type PageServer, servePage } from '../src/page-server.js';
import { captureRun, createRun, type Run, resumeRun, savedRun } from '../src/run.js';
import { type DeviceName, type Settings, settingsOf } from '../src/settings.js';
import { train } from '../src/train.js';

type WebPage = Awaited<ReturnType<Browser['visit']>>;
type Bytes = Uint8Array<ArrayBuffer>;

let browser: Browser;
let server: PageServer;
const errors: ConsoleLine[] = [];
const log = (line: ConsoleLine): void => {
  if (line.type === 'error') errors.push(line);
};
beforeAll(async () => {
  [browser, server] = await Promise.all([launch(), servePage(0)]);
  await use(cpu(), { log: false });
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
});

/** Waits for a phase of the page's run. */
const reaches = (page: WebPage, phase: string) => page.locator(`body[data-phase="${phase}"]`).waitFor();

/** A new visitor's page. */
async function visit(): Promise<WebPage> {
  errors.length = 0;
  const page = await browser.visit(server.origin, { log });
  await reaches(page, 'empty');
  return page;
}

async function withPage(use: (page: WebPage) => Promise<void>): Promise<void> {
  const page = await visit();
  await use(page).finally(() => page.context().close());
  expect(errors).toEqual([]);
}

/** Six steps of 128 images. */
const SHORT = { model: 'mlp', limit: 256, epochs: 3 } as const;
/** More steps than any test waits for. */
const LONG = { model: 'cnn', limit: 60_000, epochs: 9 } as const;

async function start(page: WebPage, { model, limit, epochs }: Pick<Settings, 'model' | 'limit' | 'epochs'>) {
  await page.getByLabel('Network').selectOption(model);
  await page.getByLabel('Training images').fill(String(limit));
  await page.getByLabel('Epochs').fill(String(epochs));
  await page.getByLabel('Test images').fill('250');
  await page.getByRole('button', { name: 'Start' }).click();
}

/** Chooses what the page computes on. */
async function chooseDevice(page: WebPage, device: DeviceName): Promise<void> {
  await page.getByLabel('Computes on').selectOption(device);
  await page.getByText(`neurite: using ${device}`).waitFor();
  await page.locator('body:not([data-phase="loading"])').waitFor();
}

async function stepOf(page: WebPage): Promise<number> {
  return Number((await page.locator('#step').textContent())?.split(' of ')[0].replace(',', ''));
}

/** Waits until the run has made at least so many steps. */
const reachesStep = (page: WebPage, step: number) =>
  page.waitForFunction(
    (step) =>
      Number.parseInt(document.querySelector('#step')?.textContent?.replace(',', '') ?? '', 10) >= step,
    step,
  );

async function saved(page: WebPage): Promise<Bytes> {
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save a checkpoint' }).click();
  return Uint8Array.from(await readFile(await (await download).path()));
}

async function open(page: WebPage, name: string, bytes: Uint8Array): Promise<void> {
  const file = { name, mimeType: 'application/octet-stream', buffer: Buffer.from(bytes) };
  await page.getByLabel('Checkpoint file').setInputFiles(file);
}

async function lossesOf(bytes: Bytes): Promise<number[]> {
  const { losses } = (await decodeCheckpoint('saved', bytes)) as { losses: Tensor };
  return Array.from(await losses.data());
}

/** Trains in this process until the run has so many steps. */
async function trainTo(run: Run, steps: number): Promise<Bytes> {
  const stop = new AbortController();
  const afterStep = () => {
    if (run.losses.length === steps) stop.abort();
  };
  await train(run, { signal: stop.signal, afterStep });
  return encodeCheckpoint(captureRun(run));
}

async function runInNode(steps: number): Promise<Bytes> {
  const { train: digits } = await loadDigits(SHORT.limit, 1);
  return trainTo(createRun(settingsOf(SHORT), digits), steps);
}

async function resumeInNode(bytes: Bytes): Promise<Run> {
  const { train: digits } = await loadDigits(SHORT.limit, 1);
  return resumeRun(savedRun('page', await decodeCheckpoint('page', bytes), { device: 'cpu' }), digits);
}

/** Draws a line over the pad, from and to shares of its sides. */
async function draw(page: WebPage, ...points: [x: number, y: number][]): Promise<void> {
  const box = await page.locator('#pad').boundingBox();
  if (!box) throw new Error('the pad is not to be seen');
  const [first, ...others] = points.map(([x, y]) => [box.x + x * box.width, box.y + y * box.height]);
  await page.mouse.move(first[0], first[1]);
  await page.mouse.down();
  for (const [x, y] of others) await page.mouse.move(x, y, { steps: 4 });
  await page.mouse.up();
}

const probabilities = (page: WebPage): Promise<number[]> =>
  page.locator('#bars li').evaluateAll((bars) => bars.map((bar) => Number(bar.dataset.probability)));

const isRead = (page: WebPage) => page.locator('#bars .best').waitFor();

describe('the server', () => {
  it('isolates the page, and outlives a request that makes no sense', async () => {
    await expect(fetch(`${server.origin}/%`)).rejects.toThrow();
    const { status, headers } = await fetch(server.origin);
    expect(status).toBe(200);
    expect(headers.get('Cross-Origin-Opener-Policy')).toBe('same-origin');
    expect(headers.get('Cross-Origin-Embedder-Policy')).toBe('require-corp');
  });

  it('says when its port is taken', async () => {
    const { port } = new URL(server.origin);
    await expect(servePage(Number(port))).rejects.toThrow(`port ${port} is taken, name another with --port`);
  });
});

describe('training in the page', () => {
  it.each(['cpu', 'webgpu'] as const)('on %s ends with an accuracy, and the loss falls', (device) =>
    withPage(async (page) => {
      await chooseDevice(page, device);
      await start(page, SHORT);
      await reaches(page, 'done');
      expect(await page.locator('#accuracy').textContent()).toMatch(/^\d\d\.\d\d\s%$/);
      expect(await page.locator('#mistake').textContent()).toMatch(/^On 250 images/);
      const losses = await lossesOf(await saved(page));
      expect(losses).toHaveLength(6);
      expect(losses[5]).toBeLessThan(losses[0]);
      expect(await page.getByRole('img', { name: 'Loss by step' }).getAttribute('aria-label')).toMatch(
        /after 6 of 6 steps$/,
      );
    }),
  );

  it('gives the bits that the demo in Node gives, whatever is drawn and tested meanwhile', () =>
    withPage(async (page) => {
      await draw(page, [0.3, 0.2], [0.7, 0.2], [0.4, 0.8]);
      await start(page, LONG);
      await isRead(page);
      await page.getByRole('button', { name: 'Stop and test' }).click();
      await page.locator('#result').waitFor();
      await reaches(page, 'paused');
      const step = await stepOf(page);
      await page.getByRole('button', { name: 'Continue' }).click();
      await reachesStep(page, step + 2);
      await draw(page, [0.2, 0.5], [0.8, 0.5]);
      await page.getByRole('button', { name: 'Pause' }).click();
      await reaches(page, 'paused');
      const inPage = await saved(page);
      const { train: digits } = await loadDigits(LONG.limit, 1);
      const run = createRun(settingsOf(LONG), digits);
      const inNode = await trainTo(run, (await lossesOf(inPage)).length);
      expect(Buffer.from(inPage).equals(inNode)).toBe(true);
    }));

  it('is held by Pause, and goes on', () =>
    withPage(async (page) => {
      await start(page, LONG);
      await reachesStep(page, 2);
      await page.getByRole('button', { name: 'Pause' }).click();
      await reaches(page, 'paused');
      const step = await stepOf(page);
      expect(await lossesOf(await saved(page))).toHaveLength(step);
      expect(await stepOf(page)).toBe(step);
      await page.getByRole('button', { name: 'Continue' }).click();
      await reachesStep(page, step + 2);
      await page.getByRole('button', { name: 'Stop and test' }).click();
      await page.locator('#result').waitFor();
      await reaches(page, 'paused');
    }));

  it('moves to another device on the way', () =>
    withPage(async (page) => {
      await start(page, { ...LONG, model: 'mlp' });
      await reachesStep(page, 2);
      await chooseDevice(page, 'webgpu');
      const step = await stepOf(page);
      await reachesStep(page, step + 2);
      await page.getByRole('button', { name: 'Pause' }).click();
      await reaches(page, 'paused');
      const { settings } = (await decodeCheckpoint('saved', await saved(page))) as {
        settings: { device: string };
      };
      expect(settings.device).toBe('webgpu');
    }));
});

describe('the drawing pad', () => {
  it('says that there is no network yet', () =>
    withPage(async (page) => {
      await draw(page, [0.5, 0.2], [0.5, 0.8]);
      await page.getByText('There is no network yet: start the training.').waitFor();
    }));

  it('is read by the network: ten probabilities, by mouse, finger and test image', () =>
    withPage(async (page) => {
      await start(page, SHORT);
      await reaches(page, 'done');
      const sum = async () => (await probabilities(page)).reduce((a, b) => a + b, 0);
      const cleared = async () => {
        await page.getByRole('button', { name: 'Clear' }).click();
        await page.getByText('Draw a digit from 0 to 9.').waitFor();
        expect(await sum()).toBe(0);
      };
      await draw(page, [0.5, 0.2], [0.5, 0.8]);
      await isRead(page);
      expect(await probabilities(page)).toHaveLength(10);
      expect(await sum()).toBeCloseTo(1, 5);
      await cleared();

      const box = (await page.locator('#pad').boundingBox()) as { x: number; y: number; width: number };
      const touch = await page.context().newCDPSession(page);
      const at = (share: number) => [{ x: box.x + share * box.width, y: box.y + share * box.width }];
      await touch.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: at(0.3) });
      await touch.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: at(0.6) });
      await touch.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
      await isRead(page);
      expect(await sum()).toBeCloseTo(1, 5);
      await cleared();

      await page.getByRole('button', { name: 'Show a test image' }).press('Enter');
      await isRead(page);
      expect(await sum()).toBeCloseTo(1, 5);
    }));
});

describe('a checkpoint', () => {
  it('of the demo in Node goes on in the page, with the same bits', () =>
    withPage(async (page) => {
      await open(page, 'node.ckpt', await runInNode(3));
      await reaches(page, 'paused');
      expect(await page.locator('#step').textContent()).toBe('3 of 6');
      await page.getByRole('button', { name: 'Continue' }).click();
      await reaches(page, 'done');
      expect(Buffer.from(await saved(page)).equals(await runInNode(6))).toBe(true);
    }));

  it('of a page on the GPU goes on in Node, and back', () =>
    withPage(async (page) => {
      await chooseDevice(page, 'webgpu');
      await open(page, 'node.ckpt', await runInNode(2));
      await reaches(page, 'paused');
      await page.getByRole('button', { name: 'Continue' }).click();
      await reaches(page, 'done');
      const inPage = await saved(page);
      const expected = await lossesOf(await runInNode(6));
      (await lossesOf(inPage)).forEach((loss, step) => {
        expect(Math.abs(loss - expected[step])).toBeLessThan(1e-3);
      });
      const run = await resumeInNode(inPage);
      expect(run.losses).toEqual(await lossesOf(inPage));
      await open(page, 'back.ckpt', await encodeCheckpoint(captureRun(run)));
      await reaches(page, 'done');
    }));

  it.each([
    [
      'another file',
      () => new TextEncoder().encode('{"step": 1}'),
      /^bad\.ckpt: offset 0: expected a checkpoint/,
    ],
    [
      'a damaged one',
      async () => (await runInNode(1)).fill(0, 9000, 9100),
      /^bad\.ckpt: .*the file is damaged/,
    ],
    [
      'one of another program',
      () => encodeCheckpoint({ kind: 'x' }),
      /^bad\.ckpt: expected a checkpoint of kind/,
    ],
  ])('that is %s is refused in the page, and nothing is lost', (_, make, message) =>
    withPage(async (page) => {
      await open(page, 'good.ckpt', await runInNode(3));
      await reaches(page, 'paused');
      const before = await saved(page);
      await open(page, 'bad.ckpt', await make());
      const alert = page.getByRole('alert');
      await alert.waitFor();
      expect(await alert.locator('p').textContent()).toMatch(message);
      await reaches(page, 'paused');
      expect(Buffer.from(await saved(page)).equals(before)).toBe(true);
      await page.getByRole('button', { name: 'Close' }).click();
      expect(await alert.isVisible()).toBe(false);
    }),
  );
});

/** What the browser keeps, from another page of the same origin. */
const keepsRun = (page: WebPage) =>
  page.evaluate(
    () =>
      new Promise<boolean>((resolve, reject) => {
        const opened = indexedDB.open('neurite-mnist', 1);
        opened.onerror = () => reject(opened.error);
        opened.onsuccess = () => {
          const got = opened.result.transaction('runs').objectStore('runs').get('current');
          got.onsuccess = () => {
            opened.result.close();
            resolve(got.result?.running === true);
          };
        };
      }),
  );

describe('a page that was closed', () => {
  it('in the middle of training goes on when it is opened again', async () => {
    const first = await visit();
    await start(first, LONG);
    await reachesStep(first, 1);
    while (!(await keepsRun(first))) await reachesStep(first, (await stepOf(first)) + 1);
    await first.close();

    const second = await first.context().newPage();
    await second.goto(server.origin);
    await reaches(second, 'training');
    const step = await stepOf(second);
    expect(step).toBeGreaterThan(0);
    await reachesStep(second, step + 1);
    expect(await second.getByLabel('Network').inputValue()).toBe('cnn');

    await second.getByRole('button', { name: 'Pause' }).click();
    await reaches(second, 'paused');
    const held = await saved(second);
    await second.reload();
    await reaches(second, 'paused');
    expect(Buffer.from(await saved(second)).equals(held)).toBe(true);
    await second.context().close();
    expect(errors).toEqual([]);
  });

  it('is not open in two tabs at once', async () => {
    const first = await visit();
    const second = await first.context().newPage();
    await second.goto(server.origin);
    await second.getByText('Another tab has this page open.').waitFor();
    await first.close();
    await reaches(second, 'empty');
    await second.context().close();
  });
});

it('a browser without WebGPU says so, and the run stays on the CPU', () =>
  withPage(async (page) => {
    await page.route('**/worker.js', async (route) => {
      const response = await route.fetch();
      const body = `Object.defineProperty(navigator, 'gpu', { value: undefined });${await response.text()}`;
      await route.fulfill({ response, body });
    });
    await page.reload();
    await reaches(page, 'empty');
    await open(page, 'run.ckpt', await runInNode(2));
    await reaches(page, 'paused');
    await page.getByLabel('Computes on').selectOption('webgpu');
    await page.getByRole('alert').getByText('this browser has no WebGPU').waitFor();
    await reaches(page, 'paused');
    expect(await page.getByLabel('Computes on').inputValue()).toBe('cpu');
    await page.getByRole('button', { name: 'Continue' }).click();
    await reaches(page, 'done');
  }));

it('the page fits a phone, and its form takes no nonsense', () =>
  withPage(async (page) => {
    await page.setViewportSize({ width: 360, height: 740 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    await page.getByLabel('Epochs').fill('0');
    await page.getByRole('button', { name: 'Start' }).click();
    expect(await page.locator('#epochs:invalid').count()).toBe(1);
    expect(await page.locator('body').getAttribute('data-phase')).toBe('empty');
  }));

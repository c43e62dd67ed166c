/** The harness itself: pages with and without isolation, calls, errors, files, console. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { notFound } from '../src/chromium.js';
import { type Browser, type ConsoleLine, launch, type OpenOptions, type Page } from '../src/index.js';

type Probe = typeof import('./entries/probe.js');

const entry = fileURLToPath(new URL('entries/probe.ts', import.meta.url));
const THREADS = ['page', 'worker'] as const;
let browser: Browser;
beforeAll(async () => {
  browser = await launch();
  console.info(`browser tests run in headless ${browser.version}`);
});
afterAll(() => browser?.close());
afterEach(() => {
  vi.unstubAllEnvs();
});

async function inPage<T>(
  options: Omit<OpenOptions, 'entry'>,
  use: (page: Page<Probe>) => Promise<T>,
): Promise<T> {
  const page = await browser.open<Probe>({ entry, ...options });
  try {
    return await use(page);
  } finally {
    await page.close();
  }
}

it('says which browser runs', () => {
  expect(browser.version).toMatch(/^Chromium \d+\.\d+\.\d+\.\d+$/);
});

describe.each(THREADS)('on the thread: %s', (thread) => {
  it.each([true, false])('isolated: %s', async (isolated) => {
    const found = await inPage({ thread, isolated }, (page) => page.run('where'));
    expect(found).toEqual({ isolated, shared: isolated, worker: thread === 'worker' });
  });

  it('copies arguments and results', async () => {
    const value = {
      a: [1, -0, Number.NaN, Number.NEGATIVE_INFINITY, null, undefined],
      b: { c: 'text', d: true },
    };
    expect(await inPage({ thread }, (page) => page.run('echo', value))).toEqual(value);
  });

  it('rejects with what the function throws', async () => {
    const failure = inPage({ thread }, (page) => page.run('fail', 'no such row'));
    await expect(failure).rejects.toMatchObject({ name: 'RangeError', message: 'no such row' });
    await expect(failure).rejects.toHaveProperty(
      'stack',
      expect.stringMatching(/probe\.ts|page\.js|worker\.js/),
    );
  });

  it('knows its functions by name', async () => {
    const run = (page: Page<Probe>) => page.run('none' as 'where');
    await expect(inPage({ thread }, run)).rejects.toThrow('the entry module exports no function none');
  });

  it('rejects when the page goes away', async () => {
    const page = await browser.open<Probe>({ entry, thread });
    const never = expect(page.run('waitForever')).rejects.toThrow(/closed/);
    await page.close();
    await never;
    await expect(page.run('where')).rejects.toThrow(/closed/);
  });

  it('hands on the console and errors that nobody caught', async () => {
    const lines: ConsoleLine[] = [];
    let heardBoth = () => {};
    const both = new Promise<void>((resolve) => {
      heardBoth = resolve;
    });
    const log = (line: ConsoleLine) => {
      lines.push(line);
      if (lines.length === 2) heardBoth();
    };
    await inPage({ thread, log }, async (page) => {
      await page.run('say', 'careful');
      await page.run('failLater', 'out of turn');
      await both;
    });
    // They come by two ways, in either order.
    const [error, warning] = lines.sort((a, b) => (a.type < b.type ? -1 : 1));
    expect(warning).toEqual({ type: 'warning', text: 'careful' });
    expect(error).toMatchObject({ type: 'error', text: expect.stringContaining('out of turn') });
  });

  it('serves folders, and nothing outside of them', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'neurite-served-'));
    writeFileSync(join(folder, 'a.txt'), 'content');
    writeFileSync(`${folder}.secret`, 'secret');
    const paths = ['/data/a.txt', '/data/b.txt', `/data/..%2F${folder.split('/').at(-1)}.secret`, '/a.txt'];
    try {
      const texts = await inPage({ thread, folders: { '/data': folder }, log: () => {} }, (page) =>
        Promise.all(paths.map((path) => page.run('fetchText', path))),
      );
      expect(texts).toEqual(['content', 'status 404', 'status 404', 'status 404']);
    } finally {
      rmSync(folder, { recursive: true });
      rmSync(`${folder}.secret`);
    }
  });
});

describe('what cannot run says so', () => {
  it('an entry that does not exist', async () => {
    await expect(browser.open({ entry: `${entry}.none` })).rejects.toThrow(/probe\.ts\.none/);
    await expect(browser.open({ entry: 'probe.ts' })).rejects.toThrow('is no absolute path');
  });

  it.each(THREADS)('an entry that throws when it is loaded, on the thread: %s', async (thread) => {
    const folder = mkdtempSync(join(tmpdir(), 'neurite-entry-'));
    const broken = join(folder, 'broken.js');
    writeFileSync(broken, "throw new Error('broken at the top'); export const f = () => 1;");
    try {
      const lines: ConsoleLine[] = [];
      const opened = browser
        .open<{ f: () => number }>({ entry: broken, thread, log: (line) => lines.push(line) })
        .then((page) => page.run('f'));
      await expect(opened).rejects.toThrow('broken at the top');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('a NEURITE_CHROMIUM that is not there', async () => {
    vi.stubEnv('NEURITE_CHROMIUM', '/nowhere/chromium');
    await expect(launch()).rejects.toThrow('NEURITE_CHROMIUM names /nowhere/chromium, which does not exist');
  });

  it('a NEURITE_CHROMIUM that is no browser', async () => {
    vi.stubEnv('NEURITE_CHROMIUM', process.execPath);
    await expect(launch()).rejects.toThrow(`${process.execPath} does not start`);
  });

  it('libraries that the loader does not find, by name', () => {
    const trace = [
      '\tlinux-vdso.so.1 (0x00007ffd3)',
      '\tlibnss3.so => not found',
      '\tlibc.so.6 => /lib/libc.so.6 (0x00007f)',
      '\tlibexpat.so.1 => not found',
      '\tlibnss3.so => not found',
    ];
    expect(notFound(trace.join('\n'))).toEqual(['libnss3.so', 'libexpat.so.1']);
  });
});

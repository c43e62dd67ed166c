/** A headless Chromium and its pages. */
import { chromium, type Page as PlaywrightPage } from 'playwright-core';
import { type BundleOptions, bundlePage } from './bundle.js';
import { findChromium } from './chromium.js';
import { type ConsoleLine, echo, listen } from './console.js';
import { PAGE, type Reply, RUN, type Run } from './host/protocol.js';
import { type Server, startServer } from './server.js';

/** The first: Chromium's sandbox needs rights that containers do not give. The next five: nothing leaves this machine. */
const FLAGS = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--enable-unsafe-webgpu',
];

/**
 * Without these the headless Chromium composes pages without a GPU, and its GPU process dies when WebGPU draws to a canvas or takes a video
 * frame. With them all of it is one software Vulkan.
 */
const COMPOSING = [
  '--enable-features=Vulkan',
  '--use-vulkan=swiftshader',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
  '--ignore-gpu-blocklist',
];

export interface LaunchOptions {
  /** Whether canvases and video frames can meet WebGPU (default false). */
  readonly composes?: boolean;
}

export interface OpenOptions extends BundleOptions {
  /** Whether the page is cross-origin isolated and so has SharedArrayBuffer (default true). */
  readonly isolated?: boolean;
  /** Folders that the page can fetch from, by the path that they are served under: `{ '/vectors': folder }`. */
  readonly folders?: Readonly<Record<string, string>>;
  /** Headers of every answer of the page's server: a content security policy, for example. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Hears what the page says (default: this process's console says it too). */
  readonly log?: (line: ConsoleLine) => void;
}

/** A page that runs the functions which module `M` exports. */
export interface Page<M> {
  /**
   * Calls an exported function with arguments, and resolves with its result; both are copied as JSON is, and also keep NaN,
   * ±Infinity, −0 and undefined. Rejects with the error that the function throws, or when the page is gone.
   */
  run<K extends keyof M & string>(
    name: K,
    ...args: M[K] extends (...args: infer A) => unknown ? A : never
  ): Promise<M[K] extends (...args: never[]) => infer R ? Awaited<R> : never>;
  /** Closes the page, its workers and its server. */
  close(): Promise<void>;
}

export interface Browser {
  /** What runs, for reports: `Chromium 143.0.7499.0`. */
  readonly version: string;
  /**
   * Bundles a module, serves it and opens a page with it: `browser.open<typeof import('./entry.js')>({ entry })`.
   * Throws what the bundler or the module's own top level throws.
   */
  open<M>(options: OpenOptions): Promise<Page<M>>;
  /**
   * Opens a page that somebody else serves, in a context of its own, for a test that uses it as people do. More pages of the same
   * context, which share what a site stores, come from `page.context()`; the context ends with the browser, or when it is closed.
   */
  visit(url: string, options?: { readonly log?: (line: ConsoleLine) => void }): Promise<PlaywrightPage>;
  /** Ends the browser with all its pages; then nothing keeps this process alive. */
  close(): Promise<void>;
}

/** Starts a headless Chromium. Throws an error that says what is missing. */
export async function launch({ composes = false }: LaunchOptions = {}): Promise<Browser> {
  const args = composes ? [...FLAGS, ...COMPOSING] : FLAGS;
  const { path, env } = findChromium();
  const browser = await chromium
    .launch({ executablePath: path, args, timeout: 0, env: { ...environment(), ...env } })
    .catch((cause: Error) => {
      throw new Error(`browser: ${path} does not start: ${cause.message}`, { cause });
    });
  const open = new Set<Page<unknown>>();
  return {
    version: `Chromium ${browser.version()}`,
    async open<M>(options: OpenOptions) {
      const { isolated = true, folders = {}, headers = {}, log = echo } = options;
      const content = await bundlePage(options);
      const server = await startServer({ isolated, folders, headers, content });
      // A context of its own for each page: nothing that one stores or caches reaches another.
      const context = await browser.newContext();
      const page = await context.newPage();
      page.setDefaultTimeout(0);
      const opened: Page<M> = createPage(page, server, async () => {
        open.delete(opened);
        await context.close();
        await server.close();
      });
      open.add(opened);
      await load(page, server, log).catch(async (e) => {
        await opened.close();
        throw e;
      });
      return opened;
    },
    async visit(url, { log = echo } = {}) {
      // Without one, Chromium makes its language of this machine's: 'en-US@posix', say, which is no language tag.
      const context = await browser.newContext({ locale: 'en-US' });
      context.setDefaultTimeout(0);
      context.on('page', (page) => listen(page, log));
      const page = await context.newPage();
      await page.goto(url);
      return page;
    },
    async close() {
      for (const page of open) await page.close();
      await browser.close();
    },
  };
}

const environment = (): Record<string, string> =>
  Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );

/** Opens the page and waits until its module can be called. */
async function load(page: PlaywrightPage, server: Server, log: (line: ConsoleLine) => void): Promise<void> {
  listen(page, log);
  let failed: (reason: Error) => void;
  const failure = new Promise<never>((_, reject) => {
    failed = reject;
  });
  const onError = (error: Error) => failed(error);
  page.once('pageerror', onError);
  const ready = (async () => {
    await page.goto(server.origin + PAGE);
    await page.waitForFunction((run) => run in globalThis, RUN);
  })();
  await Promise.race([ready, failure]);
  page.off('pageerror', onError);
}

function createPage<M>(page: PlaywrightPage, { origin }: Server, close: () => Promise<void>): Page<M> {
  return {
    async run(name, ...args) {
      const reply: Reply = await page.evaluate(
        ([run, name, args]) => (globalThis as unknown as Record<string, Run>)[run](name, args),
        [RUN, name, args] as const,
      );
      if ('value' in reply) return reply.value as never;
      const { error } = reply;
      const thrown = new Error(error.message);
      thrown.name = error.name;
      thrown.stack = `${error.stack ?? error.message}\n    in ${name} at ${origin}`;
      throw thrown;
    },
    close,
  };
}

/** The rows and peers of Chromium: each peer in a dedicated worker of a page of its own. */
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type Browser, launch } from '@neurite/browser';
import type { DeviceName } from '../options.js';
import { type LineUp, type PeerKind, type PeerSpec, roofNames } from '../peers.js';
import { ROW_NAMES, ROWS, WARM_ROWS } from '../rows.js';
import { INPUTS, type PeerPage } from './page.js';

const require = createRequire(import.meta.url);

function peerIn(browser: Browser, sources: string) {
  const tfjs = join(dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json')), 'wasm-out');
  return (name: string, entry: string, kind: PeerKind, threads: number): PeerSpec => ({
    name,
    kind,
    threads,
    unavailable: () => null,
    async open({ row, directory, resultFile }) {
      const page = await browser.open<PeerPage>({
        entry: join(sources, `browser/entries/${entry}.ts`),
        thread: 'worker',
        folders: { [INPUTS]: directory, '/tfjs': tfjs },
        // What a library says of itself is no result.
        log: () => {},
      });
      try {
        const { results, ...ready } = await page.run('start', row, threads);
        writeFileSync(resultFile, Buffer.from(results, 'base64'));
        return {
          ...ready,
          measure: (request) => page.run('measureAgain', request),
          end: () => page.close(),
        };
      } catch (e) {
        await page.close();
        throw e;
      }
    },
  });
}

/** Starts Chromium. `sources` is the folder of `rows.ts` in the checkout. */
export async function inChromium(sources: string, device: DeviceName = 'cpu'): Promise<LineUp> {
  const browser = await launch();
  const peer = peerIn(browser, sources);
  const common = { engine: browser.version, section: 'Chromium', close: () => browser.close() };
  if (device === 'webgpu')
    return {
      ...common,
      section: 'WebGPU in Chromium',
      rows: WARM_ROWS,
      peers: [
        peer('neurite webgpu', 'neurite-webgpu', 'ours', 1),
        peer('neurite webgpu compiled', 'neurite-webgpu-compiled', 'ours', 1),
        peer('jax-js webgpu', 'jax-webgpu', 'javascript', 1),
        peer('tfjs webgpu', 'tfjs-webgpu', 'javascript', 1),
      ],
      roofs: [],
    };
  return {
    ...common,
    // A page's bundle holds the library: there is no importing apart from it.
    rows: ROW_NAMES.filter((row) => ROWS[row].timing !== 'import'),
    peers: [
      peer('neurite cpu 1t', 'neurite', 'ours', 1),
      peer('neurite cpu 2t', 'neurite', 'ours', 2),
      peer('neurite cpu 2t compiled', 'neurite-compiled', 'ours', 2),
      peer('jax-js wasm', 'jax', 'javascript', 2),
      peer('tfjs wasm', 'tfjs', 'javascript', 1),
    ],
    roofs: roofNames.map(([name, threads]) => peer(name, 'roof', 'roof', threads)),
  };
}

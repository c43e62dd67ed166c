/** What a page has to load to train an MLP: the minified bundle and what it fetches beside it, gzipped. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build, type Metafile } from 'esbuild';
import type { Measurement } from './bench.js';
import type { PeerSpec } from './peers.js';
import { BUNDLE_ROW } from './rows.js';

/** A peer's program, and the files that its library loads from a server. */
interface Program {
  readonly source: string;
  readonly assets: readonly string[];
}

const require = createRequire(import.meta.url);

function programOf(peer: PeerSpec, sources: string): Program | string {
  const program = (name: string, assets: readonly string[] = []): Program => ({
    source: join(sources, 'bundles', name),
    assets,
  });
  if (peer.name === 'jax-js wasm') return program('jax.ts');
  if (peer.name === 'tfjs wasm') {
    const library = dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json'));
    return program('tfjs.ts', [join(library, 'wasm-out/tfjs-backend-wasm-simd.wasm')]);
  }
  // The same bundle for any number of threads.
  if (peer.kind === 'ours') return program('neurite.ts');
  return 'not for pages';
}

/** The scripts that a page loads at once: the entry and all that it imports, but not what it may import later. */
function scriptsOf({ outputs }: Metafile, source: string): Set<string> {
  // What is imported dynamically is an entry point, too.
  const isEntry = (path: string) => resolve(outputs[path].entryPoint ?? '') === source;
  const entry = Object.keys(outputs).find(isEntry)!;
  const scripts = new Set([entry]);
  for (const path of scripts) {
    for (const { path: imported, kind, external } of outputs[path].imports) {
      if (kind === 'import-statement' && !external) scripts.add(imported);
    }
  }
  return scripts;
}

async function sizeOf({ source, assets }: Program): Promise<number> {
  const { outputFiles, metafile } = await build({
    entryPoints: [source],
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    outdir: '.',
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
  const scripts = new Set([...scriptsOf(metafile, source)].map((path) => resolve(path)));
  const loaded = outputFiles.filter(({ path }) => scripts.has(path)).map(({ contents }) => contents);
  const fetched = assets.map((path) => readFileSync(path));
  return [...loaded, ...fetched].reduce((total, data) => total + gzipSync(data, { level: 9 }).length, 0);
}

/** Sizes for all peers; `sources` is the folder of this file in the checkout. */
export async function measureBundles(peers: readonly PeerSpec[], sources: string): Promise<Measurement[]> {
  const measured: Measurement[] = [];
  for (const peer of peers) {
    const none = { row: BUNDLE_ROW, peer: peer.name, ms: null, spread: null, share: null };
    const program = programOf(peer, sources);
    measured.push(
      typeof program === 'string'
        ? { ...none, check: program }
        : { ...none, check: 'ok', bytes: await sizeOf(program) },
    );
  }
  return measured;
}

/** The peers: how each is named and started. Only the started process loads the peer's library. */
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { ADDITIONS, type RowName, TRAINING } from './rows.js';

/** Where a peer's process finds its row and leaves its results. */
export interface Work {
  readonly row: RowName;
  readonly directory: string;
  readonly resultFile: string;
}

export interface PeerSpec {
  readonly name: string;
  /** Why it cannot run on this machine, in a word or two, or null. */
  unavailable(): string | null;
  command(work: Work): { file: string; args: string[]; env: Record<string, string> };
}

/** `dist/main.js`: this very program. */
const program = process.argv[1];
const python = '/usr/bin/python3';

/** The peers in JavaScript: `main.js --serve NAME` runs one. */
export const JAVASCRIPT_PEERS = {
  'neurite cpu 1t': () => import('./peers/neurite.js'),
  'jax-js wasm': () => import('./peers/jax.js'),
  'tfjs wasm': () => import('./peers/tfjs.js'),
} as const;

const javascript = (name: keyof typeof JAVASCRIPT_PEERS): PeerSpec => ({
  name,
  unavailable: () => null,
  command: ({ row, directory, resultFile }) => ({
    file: process.execPath,
    args: [program, '--serve', name, '--row', row, '--directory', directory, '--results', resultFile],
    env: {},
  }),
});

let torchFound: boolean | undefined;

function hasTorch(): boolean {
  torchFound ??= spawnSync(python, ['-c', 'import numpy, torch; torch.set_num_threads']).status === 0;
  return torchFound;
}

const pytorch = (threads: number): PeerSpec => ({
  name: `pytorch ${threads}t`,
  unavailable: () => (hasTorch() ? null : 'skipped'),
  command: ({ row, directory, resultFile }) => ({
    file: python,
    args: [
      resolve(program, '../../src/peers/pytorch.py'),
      String(threads),
      row,
      directory,
      resultFile,
      JSON.stringify({ ...TRAINING, additions: ADDITIONS }),
    ],
    // The BLAS library starts threads of its own.
    env: { OMP_NUM_THREADS: String(threads), OPENBLAS_NUM_THREADS: String(threads) },
  }),
});

export const PEERS: readonly PeerSpec[] = [
  javascript('neurite cpu 1t'),
  javascript('jax-js wasm'),
  javascript('tfjs wasm'),
  pytorch(1),
  pytorch(2),
];

/** Whether a peer is ours. */
export const isOurs = (peer: string): boolean => peer.startsWith('neurite');

/** Whether a peer runs in a JavaScript engine. */
export const isJavaScript = (peer: string): boolean => peer in JAVASCRIPT_PEERS;

export const resultPath = (directory: string, row: RowName, peer: string): string =>
  join(directory, `${row}.${peer.replaceAll(' ', '-')}.out`);

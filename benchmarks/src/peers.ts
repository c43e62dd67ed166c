/** The peers: how each is named and started. Only the started process loads the peer's library. */
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import type { PeerRows } from './case.js';
import type { DeviceName } from './options.js';
import { ADDITIONS } from './rows/kernels.js';
import { GPT, LSTM, TRAINING, UPDATED } from './rows/training.js';
import { BUNDLE_ROW, ROW_NAMES, ROWS, type RowName, WARM_ROWS } from './rows.js';
import { type Command, openProcess, type Session } from './session.js';

/** Where a peer's process finds its row and leaves its results. */
export interface Work {
  readonly row: RowName;
  readonly directory: string;
  readonly resultFile: string;
}

/** Ours, other libraries that a JavaScript engine runs, native ones, and what this engine can do at most. */
export type PeerKind = 'ours' | 'javascript' | 'native' | 'roof';

export interface PeerSpec {
  readonly name: string;
  readonly kind: PeerKind;
  readonly threads: number;
  /** Why it cannot run on this machine, in a word or two, or null. */
  unavailable(): string | null;
  /** Starts it on a row, and waits until its results are written and one call is timed. */
  open(work: Work): Promise<Session>;
}

/** `dist/main.js`: this very program. */
const program = process.argv[1];
const python = '/usr/bin/python3';

type Rows = Partial<PeerRows>;

const openNeurite = async (row: RowName, threads: number): Promise<Rows> =>
  ROWS[row].timing === 'import'
    ? (await import('./peers/neurite/first.js')).openFirst(threads)
    : (await import('./peers/neurite/index.js')).open(threads);

/** What `main.js --serve NAME` loads for a row; where the import is timed, that row alone. */
export const PROGRAMS: Readonly<Record<string, (row: RowName) => Promise<Rows>>> = {
  'neurite cpu 1t': (row) => openNeurite(row, 1),
  'neurite cpu 2t': (row) => openNeurite(row, 2),
  'neurite cpu 2t compiled': async () =>
    (await import('./peers/neurite/index.js')).open(2, { compiled: true }),
  'neurite webgpu': async () => (await import('./peers/neurite/node-gpu.js')).open(false),
  'neurite webgpu compiled': async () => (await import('./peers/neurite/node-gpu.js')).open(true),
  'jax-js wasm': async () => (await import('./peers/jax/index.js')).open(),
  'tfjs wasm': async (row) => (await import('./peers/tfjs/node.js')).open(ROWS[row].timing !== 'import'),
  'onnxruntime 2t': async () => (await import('./peers/onnxruntime/index.js')).open(2),
  'roof 1t': async () => (await import('./roof/node.js')).open(1),
  'roof 2t': async () => (await import('./roof/node.js')).open(2),
};

const inNode = (
  name: string,
  kind: PeerKind,
  threads: number,
  unavailable: () => string | null = () => null,
): PeerSpec => ({
  name,
  kind,
  threads,
  unavailable,
  open: ({ row, directory, resultFile }) => {
    const args = [program, '--serve', name, '--row', row, '--directory', directory, '--results', resultFile];
    return openProcess({ file: process.execPath, args, env: {} });
  },
});

let torchFound: boolean | undefined;

function hasTorch(): boolean {
  torchFound ??= spawnSync(python, ['-c', 'import numpy, torch; torch.set_num_threads']).status === 0;
  return torchFound;
}

/** What PyTorch's process has to know of the rows. */
const SETTINGS = JSON.stringify({
  ...TRAINING,
  additions: ADDITIONS,
  gpt: GPT,
  lstm: LSTM,
  updated: UPDATED,
});

function torchCommand({ row, directory, resultFile }: Work, threads: number): Command {
  const script = resolve(program, '../../src/peers/pytorch/main.py');
  const count = String(threads);
  return {
    file: python,
    // -B: no compiled files beside the sources.
    args: ['-B', script, row, directory, resultFile, count, ROWS[row].timing, SETTINGS],
    // The BLAS library starts threads of its own.
    env: { OMP_NUM_THREADS: count, OPENBLAS_NUM_THREADS: count },
  };
}

const pytorch = (threads: number): PeerSpec => ({
  name: `pytorch ${threads}t`,
  kind: 'native',
  threads,
  unavailable: () => (hasTorch() ? null : 'skipped'),
  open: (work) => openProcess(torchCommand(work, threads)),
});

/** The package is an optional dependency: it is large, and not there for every platform. */
function onnxruntimeMissing(): string | null {
  try {
    import.meta.resolve('onnxruntime-node');
    return null;
  } catch {
    return 'not installed';
  }
}

const PEERS: readonly PeerSpec[] = [
  inNode('neurite cpu 1t', 'ours', 1),
  inNode('neurite cpu 2t', 'ours', 2),
  inNode('neurite cpu 2t compiled', 'ours', 2),
  inNode('jax-js wasm', 'javascript', 1),
  inNode('tfjs wasm', 'javascript', 1),
  inNode('onnxruntime 2t', 'native', 2, onnxruntimeMissing),
  pytorch(1),
  pytorch(2),
];

export const roofNames = [
  ['roof 1t', 1],
  ['roof 2t', 2],
] as const;

/** What takes part where the programs run. */
export interface LineUp {
  /** For reports: `Node 20.20.2`. */
  readonly engine: string;
  /** The section of the document that the table belongs to. */
  readonly section: string;
  readonly rows: readonly string[];
  readonly peers: readonly PeerSpec[];
  readonly roofs: readonly PeerSpec[];
  close(): Promise<void>;
}

/** On a GPU ours alone: the others look for one in a page. */
export const onNode = (device: DeviceName = 'cpu'): LineUp => {
  const common = { engine: `Node ${process.versions.node}`, close: async () => {} };
  if (device === 'webgpu')
    return {
      ...common,
      section: 'WebGPU in Node',
      rows: WARM_ROWS,
      peers: [inNode('neurite webgpu', 'ours', 1), inNode('neurite webgpu compiled', 'ours', 1)],
      roofs: [],
    };
  return {
    ...common,
    section: 'Node',
    rows: [...ROW_NAMES, BUNDLE_ROW],
    peers: PEERS,
    roofs: roofNames.map(([name, threads]) => inNode(name, 'roof', threads)),
  };
};

export const resultPath = (directory: string, row: RowName, peer: string): string =>
  join(directory, `${row}.${peer.replaceAll(' ', '-')}.out`);

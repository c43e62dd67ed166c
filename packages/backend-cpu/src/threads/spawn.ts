/** Threads as the platform has them: `worker_threads` in Node, module workers in a page. */
import { coordinate, type Reply, type Request } from './coordinate.js';
import { createTeam } from './team.js';

/** What a thread is given. */
export interface ThreadSetup {
  readonly memory: WebAssembly.Memory;
  readonly control: SharedArrayBuffer;
  readonly members: number;
  /** Its number: 0 takes requests and gives out jobs, the others help. */
  readonly member: number;
  readonly stallMs: number;
}

export interface Thread {
  /** Asks the thread that is member 0; answers come in the order of the requests. */
  post(request: Request): void;
  terminate(): void;
}

export interface ThreadEvents {
  /** An error, or an end that nobody asked for. */
  onFailure(reason: string): void;
  /** The answer to a request; the first one says that the thread is there. */
  onReply?(reply: Reply): void;
}

/** Starts a thread that runs `source` with `setup`. */
export type Spawn = (source: string, setup: ThreadSetup, events: ThreadEvents) => Thread;

/**
 * The program of a thread. It is text so that a bundle of any kind, in one file, has it; a bundler that wants to name
 * functions calls `__name`.
 */
export const threadSource = (): string => `
const __name = (f) => f;
const createTeam = ${createTeam.toString()};
const coordinate = ${coordinate.toString()};
const start = ({ memory, control, members, member, stallMs }, reply) => {
  const team = createTeam(memory, control, members, stallMs);
  if (member > 0) return team.help(member);
  const answer = coordinate(team, memory);
  reply({ outcome: 'done', name: '', message: '' });
  return (request) => reply(answer(request));
};
`;

const IN_NODE = `
const { parentPort, workerData } = require('node:worker_threads');
const receive = start(workerData, (reply) => parentPort.postMessage(reply));
if (receive) parentPort.on('message', receive);
`;
const IN_PAGE = `
const reply = (message) => postMessage(message);
onmessage = ({ data }) => {
  const receive = start(data, reply);
  if (receive) onmessage = ({ data }) => receive(data);
};
`;

/** A module of Node's own; at once, and without a name that bundlers look for. */
const builtIn = <M>(name: string): M => process.getBuiltinModule(name) as M;

const spawnInNode: Spawn = (source, setup, { onFailure, onReply }) => {
  const { Worker } = builtIn<typeof import('node:worker_threads')>('node:worker_threads');
  const worker = new Worker(source + IN_NODE, { eval: true, execArgv: [], workerData: setup });
  // A thread of ours keeps no process alive.
  worker.unref();
  worker.on('error', (error) => onFailure(error.message));
  worker.on('exit', (code) => onFailure(`it ended with code ${code}`));
  if (onReply) worker.on('message', onReply);
  return {
    post: (request) => worker.postMessage(request),
    terminate() {
      worker.removeAllListeners();
      // An error on its way would be thrown where nobody listens.
      worker.on('error', () => {});
      void worker.terminate();
    },
  };
};

const spawnInPage: Spawn = (source, setup, { onFailure, onReply }) => {
  const url = URL.createObjectURL(new Blob([source + IN_PAGE], { type: 'text/javascript' }));
  const worker = new Worker(url, { type: 'module' });
  worker.onerror = (event) => onFailure(event.message || 'its script could not be loaded');
  worker.onmessage = ({ data }) => onReply?.(data);
  worker.postMessage(setup);
  return {
    post: (request) => worker.postMessage(request),
    terminate() {
      worker.terminate();
      URL.revokeObjectURL(url);
    },
  };
};

/** What the platform offers. */
export interface Threading {
  readonly spawn: Spawn;
  /** Threads that run at the same time. */
  readonly parallelism: number;
  /** Whether this thread may sleep until another one wakes it; a page's main thread may not. */
  readonly mayWait: boolean;
}

/** How this program can have threads that share memory, or the reason why it cannot. */
export function findThreading(): Threading | string {
  if (typeof SharedArrayBuffer === 'undefined' || typeof Atomics === 'undefined') {
    const isPage = 'crossOriginIsolated' in globalThis && !globalThis.crossOriginIsolated;
    return isPage ? 'page not cross-origin isolated' : 'no SharedArrayBuffer';
  }
  if (typeof process !== 'undefined' && process.versions?.node) {
    if (!process.getBuiltinModule) return 'Node is older than 20.16';
    const { availableParallelism } = builtIn<typeof import('node:os')>('node:os');
    return { spawn: spawnInNode, parallelism: availableParallelism(), mayWait: true };
  }
  if (typeof Worker === 'undefined') return 'no workers';
  const mayWait = typeof document === 'undefined';
  return { spawn: spawnInPage, parallelism: globalThis.navigator?.hardwareConcurrency ?? 1, mayWait };
}

/** The roof in Node. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { PeerRows } from '../case.js';
import { openRoof } from './index.js';
import type { StartThread } from './team.js';

export const startThread: StartThread = async (program, setup) => {
  const source = `const setup = require('node:worker_threads').workerData; ${program}`;
  const worker = new Worker(source, { eval: true, workerData: setup });
  await once(worker, 'online');
  worker.unref();
};

export const open = async (threads: number): Promise<PeerRows> => openRoof(threads, startThread);

/** The roof in Node. */
import { Worker } from 'node:worker_threads';
import type { PeerRows } from '../case.js';
import { openRoof } from './index.js';
import type { StartThread } from './team.js';

export const startThread: StartThread = (program, setup) => {
  const source = `const setup = require('node:worker_threads').workerData; ${program}`;
  new Worker(source, { eval: true, workerData: setup }).unref();
};

export const open = async (threads: number): Promise<PeerRows> => openRoof(threads, startThread);

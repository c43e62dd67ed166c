/** The roof of the page's engine. */
import { openRoof } from '../../roof/index.js';
import type { StartThread } from '../../roof/team.js';
import { peerPage } from '../page.js';

const startThread: StartThread = (program, setup) => {
  const source = `onmessage = ({ data: setup }) => { postMessage('ready'); ${program} };`;
  const worker = new Worker(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })));
  return new Promise((resolve, reject) => {
    worker.onmessage = () => resolve();
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage(setup);
  });
};

export const { start, measureAgain } = peerPage(async (threads) => openRoof(threads, startThread));

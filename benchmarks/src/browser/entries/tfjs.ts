/** tfjs's rows in a page. */
import { setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import { open } from '../../peers/tfjs/index.js';
import { peerPage } from '../page.js';

export const { start, measureAgain } = peerPage((threads) => {
  setWasmPaths('/tfjs/');
  setThreadsCount(threads);
  return open();
});

/** tfjs's rows in a page. It loads its threaded binary, which reports one thread whatever number is asked for (4.22). */
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import { open } from '../../peers/tfjs/index.js';
import { peerPage } from '../page.js';

export const { start, measureAgain } = peerPage(() => {
  setWasmPaths('/tfjs/');
  return open();
});

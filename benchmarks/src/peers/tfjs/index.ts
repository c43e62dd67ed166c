/** TensorFlow.js on its WebAssembly backend (SIMD; threads in a cross-origin isolated page, in Node none). */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-wasm';
import type { PeerRows } from '../../case.js';
import { rows } from './rows.js';

export async function open(): Promise<PeerRows> {
  await tf.setBackend('wasm');
  return rows;
}

import { whenHere } from '@neurite/tensor';
import { compileKernel } from '../src/codegen/compile.js';
import { specializeContraction } from '../src/contraction/index.js';
import { doubles } from '../src/math/doubles.js';
import { rare } from '../src/rare.js';
import { convKernel, matmulKernel } from './contractionKernels.js';
import { columnSum, softmax } from './typical-kernels.js';

/** Loads what the code generator loads late, for tests that call its functions themselves. */
export async function loadEverything(): Promise<void> {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
  const layer = { batch: 1, inChannels: 2, outChannels: 2, inputSize: [5, 5], kernelSize: [3, 3] };
  await whenHere(rare);
  await whenHere(doubles);
  for (const kernel of [convKernel(layer, 'forward'), matmulKernel({ m: 3, n: 16, k: 8 })])
    await whenHere(() => specializeContraction(kernel, memory));
  for (const kernel of [softmax(8, 20), columnSum(1024, 1024)])
    await whenHere(() => compileKernel(kernel, memory));
}

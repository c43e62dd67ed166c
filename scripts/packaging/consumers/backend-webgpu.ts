import { webgpu } from '@neurite/backend-webgpu';
import { rand, use } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';

// Installed alone it has no GPU in Node: it says what is missing, and the next backend takes over.
const device = await use(webgpu({ limits: 'default' }), reference(), { log: false });
const expected = 'not webgpu: Node has no WebGPU of its own; install the package `webgpu`';
if (!device.report.endsWith(expected)) throw new Error(`use reported: ${device.report}`);

const x = rand([7, 9]);
const softmax = await x.softmax(1).sum().item();
if (Math.abs(softmax - 7) > 1e-5) throw new Error(`7 rows of softmax add up to ${softmax}`);

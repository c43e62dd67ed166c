import { cpu } from '@neurite/backend-cpu';
import { rand, use } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';

// Every generated kernel is run on the reference backend too and must agree.
const device = await use(cpu(), { validateWith: reference(), log: false });
if (!device.report.includes('cpu')) throw new Error(`use chose: ${device.report}`);

const x = rand([37, 19]);
const softmax = await x.matmul(x.transpose(0, 1)).softmax(1).sum().item();
if (Math.abs(softmax - 37) > 1e-3) throw new Error(`37 rows of softmax add up to ${softmax}`);

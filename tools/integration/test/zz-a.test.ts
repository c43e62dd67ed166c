import { explain, tensor, use, realize, stats, resetStats } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { cpu } from '@neurite/backend-cpu';
import { it } from 'vitest';
it('x', async () => {
  await use(cpu(), { log: false });
  const x = tensor(Array.from({length:16}, (_, i)=>i/16), {shape:[4,4]});
  const y = tensor(Array.from({length:16}, (_, i)=>i/16), {shape:[4,4]});
  const p1 = x.matmul(x).exp().mul(y);
  const p2 = y.mul(3);
  const a = p1.slice(0,1,1).add(1), b2 = p1.slice(1,1,1).add(2);
  resetStats();
  await realize(p2, a, b2);
  console.log(stats());
  console.log(await p2.array());
});

import { cpu } from '@neurite/backend-cpu';
import { memory, realize, tensor, use } from '@neurite/tensor';
import { expect, test } from 'vitest';

test('a loop may make far more than memory holds, if it lets go of it: the collector feels what tensors weigh', async () => {
  await use(cpu(), { log: false });
  const [rows, columns] = [2048, 4096];
  const x = tensor(new Float32Array(rows * columns).fill(1), { shape: [rows, columns] });
  const result = rows * columns * 4;
  const steps = Math.ceil((2 * memory().budget) / result);
  for (let step = 0; step < steps; step++) await realize(x.add(step));
  expect(memory().peak).toBeLessThan(memory().budget / 2);
});

/** A loop that drops what it computes, far more than memory holds, without ever reading any of it. */
import { cpu } from '@neurite/backend-cpu';
import { memory, realize, tensor, use } from '@neurite/tensor';

export async function loop(threads: number): Promise<{ made: number; peak: number; budget: number }> {
  const device = await use(cpu({ threads }), { log: false });
  const [rows, columns] = [1024, 2048];
  const x = tensor(new Float32Array(rows * columns).fill(1), { shape: [rows, columns] });
  const bytes = rows * columns * 4;
  const { budget } = memory();
  let made = 0;
  for (let step = 0; made < 2 * budget; step++) {
    await realize(x.add(step));
    made += bytes;
  }
  const { peak } = memory();
  await device.destroy();
  return { made, peak, budget };
}

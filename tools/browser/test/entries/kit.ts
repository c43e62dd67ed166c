/** The backend test kit on the CPU backend. */
import { type CpuOptions, cpu } from '@neurite/backend-cpu';
import { kitOf } from '@neurite/browser/kit';

export const names = async (): Promise<string[]> => (await kitOf(cpu({ threads: 1 }))).names;

export async function run(options: CpuOptions): Promise<{ names: string[]; failures: string[] }> {
  const { names, run } = await kitOf(cpu(options));
  return { names, failures: await run() };
}

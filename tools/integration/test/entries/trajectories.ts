/** Trajectories in a page. */
import { cpu } from '@neurite/backend-cpu';
import { use } from '@neurite/tensor';
import { follow, type Read, type Trajectory, type TrajectoryName } from '../trajectories.js';

const read: Read = async (path) => {
  const response = await fetch(`/${path}`);
  if (!response.ok) throw new Error(`${path}: status ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
};

/** Trains on the CPU backend, with the files that the page's server has. */
export async function followOnCpu(name: TrajectoryName, steps: number): Promise<Trajectory> {
  await use(cpu(), { log: false });
  return follow(name, steps, read);
}

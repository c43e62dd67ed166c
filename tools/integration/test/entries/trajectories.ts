/** Trajectories in a page. */
import { cpu } from '@neurite/backend-cpu';
import { webgpu } from '@neurite/backend-webgpu';
import { use } from '@neurite/tensor';
import { follow, type Read, type Trajectory, type TrajectoryName } from '../trajectories.js';

const read: Read = async (path) => {
  const response = await fetch(`/${path}`);
  if (!response.ok) throw new Error(`${path}: status ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
};

const BACKENDS = { cpu, webgpu };

/** Trains on a backend, with the files that the page's server has. */
export async function followOn(
  backend: keyof typeof BACKENDS,
  name: TrajectoryName,
  steps: number,
): Promise<Trajectory> {
  await use(BACKENDS[backend](), { log: false });
  return follow(name, steps, read);
}

/** What to say of a plan that does not fit onto its device, before anything has been touched. Loaded where there is one. */
import { OutOfMemoryError } from '../errors.js';
import { opName } from '../graph/node.js';
import { bytesOf, type Plan } from '../schedule/plan.js';
import type { Device } from './device.js';

const sized = (bytes: number): string =>
  bytes >= 2 ** 20 ? `${(bytes / 2 ** 20).toFixed(1)} MiB` : `${(bytes / 1024).toFixed(1)} KiB`;

/** An error that names the largest tensors, and the limit that they break. */
export function lackOfMemory(device: Device, plan: Plan): OutOfMemoryError {
  const { maxBufferBytes, memoryBudget } = device.backend.capabilities;
  const { graph } = plan;
  const made = [...plan.scratch.keys(), ...graph.roots.filter((r) => !plan.inPlace.has(r))];
  const named = (nodes: readonly number[]): string =>
    [...new Set(nodes)]
      .sort((x, y) => bytesOf(graph, y) - bytesOf(graph, x))
      .slice(0, 3)
      .map((n) => {
        const { dtype, shape } = graph.nodes[n];
        return `${opName(graph.nodes[n])} ${dtype}[${shape.join(', ')}] ${sized(bytesOf(graph, n))}`;
      })
      .join('; ');
  const oversized = [...graph.leaves, ...made].filter((n) => bytesOf(graph, n) > maxBufferBytes);
  return new OutOfMemoryError(
    oversized.length > 0
      ? `device ${device.name}: one buffer may have ${sized(maxBufferBytes)}; larger tensors: ${named(oversized)}`
      : `device ${device.name}: this step needs ${sized(plan.peakBytes)} and ${sized(Math.max(0, device.available()))} of ${sized(memoryBudget)} can be had; largest tensors: ${named(made)}`,
  );
}

/** Finds the op that made the first NaN: every op is computed on its own and looked at. Loaded when anomaly detection is on. */
import { DTYPES, fromHalfBits, isFloat, viewAs } from '../dtype.js';
import { AnomalyError } from '../errors.js';
import { leaf, Node, opName, sizeOf } from '../graph/node.js';
import { deviceStorage, hostStorage } from '../graph/storage.js';
import { collect, type Request } from '../schedule/graph.js';
import type { Device } from './device.js';
import { execute, prepare } from './run.js';

function hasNaN(node: Node, bytes: Uint8Array): boolean {
  if (!isFloat(node.dtype) || sizeOf(node.shape) === 0) return false;
  const values = viewAs(node.dtype, bytes);
  if (node.dtype === 'float16') return values.some((v) => Number.isNaN(fromHalfBits(v)));
  for (let i = 0; i < values.length; i++) if (Number.isNaN(values[i])) return true;
  return false;
}

/** Throws AnomalyError when an op of the request turns inputs without NaN into a NaN. For the job whose turn it is. */
export async function checkAnomaly(device: Device, request: Request): Promise<void> {
  const bad = new Set<Node>();
  const values = new Map<Node, Node>();
  for (const [k, node] of request.order.entries()) {
    const isLeaf = request.isLeaf[k];
    // An earlier job may have computed it since the request was taken.
    const known = isLeaf || node.storage?.buffer || node.storage?.host;
    const bytes = known ? await leafBytes(device, node) : await evaluate(device, node, values);
    values.set(node, leaf(hostStorage(node.dtype, sizeOf(node.shape), bytes), node.shape, device));
    if (!hasNaN(node, bytes)) continue;
    bad.add(node);
    if (isLeaf || node.inputs.some((i) => bad.has(i))) continue;
    const inputs = node.inputs.map((i) => `${i.dtype}[${i.shape.join(', ')}]`).join(', ');
    // The first line of a trace is "Error", or what the op is part of.
    const [first = '', ...lines] = node.trace?.split('\n') ?? [];
    const note = first.replace(/^Error:?\s*/, '');
    const where = lines.filter((l) => !/[\\/]tensor[\\/](src|dist)[\\/]/.test(l))[0]?.trim();
    throw new AnomalyError(
      `${opName(node)}${note && ` ${note}`} made a NaN from inputs without one: ${opName(node)}(${inputs}) → ${node.dtype}[${node.shape.join(', ')}]${where ? `, recorded ${where}` : ''}`,
    );
  }
}

async function leafBytes(device: Device, node: Node): Promise<Uint8Array> {
  const storage = node.storage!;
  if (storage.error) throw storage.error;
  return storage.host ?? device.backend.read(device.bufferOf(storage), 0, storage.bytes);
}

/** The bytes of one node, computed from its inputs' values. */
async function evaluate(device: Device, node: Node, values: ReadonlyMap<Node, Node>): Promise<Uint8Array> {
  const size = sizeOf(node.shape);
  const inputs = node.inputs.map((i) => values.get(i)!);
  const alone = new Node(
    node.op,
    inputs,
    node.attrs,
    node.shape,
    node.dtype,
    device,
    false,
    node.hashA,
    node.hashB,
    node.value,
  );
  const output = deviceStorage(node.dtype, size, size * DTYPES[node.dtype].bytes, device);
  await execute(device, prepare(device, collect([alone]), [output], []));
  const bytes = await device.backend.read(output.buffer!, 0, output.bytes);
  device.free(device.disown(output)!);
  return bytes;
}

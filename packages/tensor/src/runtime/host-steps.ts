/** Steps of plans of which the host does some, or somebody takes the times. Loaded with the first of them. */
import type { Backend, BufferSlice, Command } from '../backend/interface.js';
import { DTYPES, viewAs } from '../dtype.js';
import type { Kernel } from '../kernel/ir.js';
import type { OpAttrs } from '../ops/primitives.js';
import { bytesOf, type PlanStep } from '../schedule/plan.js';
import { type CompiledPlan, isHostProgram } from './compile.js';
import type { Device } from './device.js';
import type { HostProgram } from './host-kernel.js';
import { recorder } from './recorder.js';
import { stats } from './stats.js';

type Slices = ReadonlyMap<number, BufferSlice>;

/** Runs a kernel on the host: its buffers come there, and what it writes goes back. */
async function runOnHost(backend: Backend, { program, buffers, scalars }: Command): Promise<void> {
  const { kernel, runOnHost } = program as HostProgram;
  const views = await Promise.all(
    kernel.buffers.map(async ({ dtype, size }, i) => {
      const { buffer, byteOffset } = buffers[i];
      return viewAs(dtype, await backend.read(buffer, byteOffset, size * DTYPES[dtype].bytes));
    }),
  );
  runOnHost(views, scalars);
  views.forEach((view, i) => {
    if (kernel.buffers[i].access === 'read' || view.length === 0) return;
    putBack(backend, buffers[i], new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  });
}

/** Writes a result of the host, in whole words: values begin at multiples of the alignment, so the rest of the last word is nobody's. */
function putBack(backend: Backend, { buffer, byteOffset }: BufferSlice, bytes: Uint8Array): void {
  const step = Math.min(4, backend.capabilities.alignment);
  const whole = Math.min(Math.ceil(bytes.length / step) * step, buffer.bytes - byteOffset);
  let filled = bytes;
  if (whole > bytes.length) {
    filled = new Uint8Array(whole);
    filled.set(bytes);
  }
  backend.write(buffer, byteOffset, filled);
}

/** Computes a custom op from the values of its inputs. */
async function runCustom(
  backend: Backend,
  { graph }: CompiledPlan,
  { node, inputs }: Extract<PlanStep, { kind: 'host' }>,
  slices: Slices,
): Promise<void> {
  const { nodes } = graph;
  const values = await Promise.all(
    inputs.map(async (n) => {
      const { buffer, byteOffset } = slices.get(n)!;
      return viewAs(nodes[n].dtype, await backend.read(buffer, byteOffset, bytesOf(graph, n)));
    }),
  );
  const { dtype, attrs } = nodes[node];
  const output = new Uint8Array(bytesOf(graph, node));
  (attrs as OpAttrs['custom']).compute(values, viewAs(dtype, output));
  putBack(backend, slices.get(node)!, output);
}

/** Submits the kernels; before work of the host its inputs come there, and its results go back. `command`: of a step, by its number. */
export async function runSteps(
  device: Device,
  plan: CompiledPlan,
  slices: Slices,
  command: (step: number) => Command,
): Promise<void> {
  const { backend } = device;
  let commands: Command[] = [];
  let kernels: Kernel[] = [];
  const flush = async () => {
    if (!commands.length) return;
    const [ready, theirs] = [commands, kernels];
    [commands, kernels] = [[], []];
    stats.kernelsRun += ready.length;
    if (recorder) await recorder.run(device, ready, theirs);
    else backend.submit(ready);
  };
  for (const [i, step] of plan.steps.entries()) {
    if (step.kind === 'kernel' && !isHostProgram(plan.programs[i])) {
      commands.push(command(i));
      kernels.push(step.bound.kernel);
      continue;
    }
    await flush();
    stats.hostStepsRun++;
    const work = () =>
      step.kind === 'kernel' ? runOnHost(backend, command(i)) : runCustom(backend, plan, step, slices);
    await (recorder ? recorder.runOnHost(device, plan, i, work) : work());
  }
  await flush();
}

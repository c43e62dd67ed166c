/** Gathered commands as passes of an encoder. */
import { DeviceError } from '@neurite/tensor';
import { type GpuCounters, zeroCounters } from './counters.js';
import type { GpuProgram } from './program.js';
import type { Writer } from './spoiled.js';
import type { Timer } from './timer.js';

interface Dispatch {
  readonly program: GpuProgram;
  readonly group: GPUBindGroup;
  /** Where in the block of scalars its own are, in bytes. */
  readonly scalarsAt: number;
  readonly writer: Writer;
}

/** Of a buffer that has moved out of a slab. */
interface Copy {
  readonly from: GPUBuffer;
  readonly offset: number;
  readonly to: GPUBuffer;
  readonly bytes: number;
  readonly writer: Writer;
}

export type Pending = Dispatch | Copy;

/** What a refused submission comes to: which kernel it was is found by encoding each alone. */
export async function refusal(
  device: GPUDevice,
  asked: readonly Pending[],
  message: string,
): Promise<DeviceError> {
  for (const command of asked) {
    if ('from' in command) continue;
    device.pushErrorScope('validation');
    const encoder = device.createCommandEncoder();
    encode(encoder, [command], zeroCounters());
    encoder.finish();
    const error = await device.popErrorScope();
    if (error)
      return new DeviceError(`webgpu: kernel ${command.program.kernel.name} was refused: ${error.message}`);
  }
  return new DeviceError(`webgpu: ${message}`);
}

/** In as few passes as copies leave; while times are measured, each command has one of its own. */
export function encode(
  encoder: GPUCommandEncoder,
  commands: readonly Pending[],
  counters: GpuCounters,
  timing?: Timer | null,
): void {
  let pass: GPUComputePassEncoder | null = null;
  const end = () => {
    pass?.end();
    pass = null;
  };
  for (const command of commands) {
    if ('from' in command) {
      end();
      encoder.copyBufferToBuffer(command.from, command.offset, command.to, 0, command.bytes);
      continue;
    }
    const { program, group, scalarsAt } = command;
    const stages = program.stages.filter(({ workgroups }) => workgroups[0] > 0);
    if (stages.length === 0 && !timing) continue;
    if (timing) end();
    if (!pass) {
      pass = encoder.beginComputePass({ timestampWrites: timing?.next() });
      counters.passes++;
    }
    pass.setBindGroup(0, group, program.kernel.scalars.length ? [scalarsAt] : []);
    for (const { pipeline, workgroups } of stages) {
      pass.setPipeline(pipeline);
      pass.dispatchWorkgroups(...workgroups);
      counters.dispatches++;
    }
  }
  end();
}

/** Compiled kernels. */
import { type Kernel, NeuriteError, type Program } from '@neurite/tensor';
import type { GpuCounters } from './counters.js';
import { MAX_DIMENSION, type Shader, type Stage } from './wgsl/module.js';

/** A dispatch of a program. */
export interface GpuStage {
  readonly pipeline: GPUComputePipeline;
  readonly workgroups: readonly [x: number, y: number];
}

export interface GpuProgram extends Program {
  /** In order. All have one layout. */
  readonly stages: readonly GpuStage[];
  readonly layout: GPUBindGroupLayout;
  /** Sizes of buffers that live while the program runs, in bytes; bound after the kernel's own. */
  readonly scratch: readonly number[];
}

export interface Compiler {
  /** Throws NeuriteError with the kernel's name and what the shader compiler says. */
  compile(kernel: Kernel, shader: Shader): Promise<GpuProgram>;
}

export function createCompiler(device: GPUDevice, counters: GpuCounters): Compiler {
  const layouts = new Map<string, GPUBindGroupLayout>();

  /** Buffers in their order, scratch, then the block of runtime scalars, whose place differs from run to run. */
  function layoutOf({ buffers, scalars }: Kernel, { scratch }: Shader): GPUBindGroupLayout {
    const kinds = [
      ...buffers.map(({ access }) => (access === 'read' ? 'r' : 'w')),
      ...scratch.map(() => 'w'),
    ];
    const key = kinds.join('') + (scalars.length ? 's' : '');
    const known = layouts.get(key);
    if (known) return known;
    const entries = kinds.map((kind, binding): GPUBindGroupLayoutEntry => {
      return { binding, visibility: 4, buffer: { type: kind === 'r' ? 'read-only-storage' : 'storage' } };
    });
    if (scalars.length)
      entries.push({
        binding: kinds.length,
        visibility: 4,
        buffer: { type: 'uniform', hasDynamicOffset: true },
      });
    const layout = device.createBindGroupLayout({ label: key, entries });
    layouts.set(key, layout);
    return layout;
  }

  async function stageOf(
    { entry, workgroups }: Stage,
    { name }: Kernel,
    module: GPUShaderModule,
    layout: GPUPipelineLayout,
  ): Promise<GpuStage> {
    counters.pipelines++;
    const compute = { module, entryPoint: entry };
    const pipeline = await device.createComputePipelineAsync({ label: name, layout, compute });
    const isWide = workgroups > MAX_DIMENSION;
    const size = isWide ? [MAX_DIMENSION, Math.ceil(workgroups / MAX_DIMENSION)] : [workgroups, 1];
    return { pipeline, workgroups: size as [number, number] };
  }

  return {
    async compile(kernel, shader) {
      const { source, stages, scratch } = shader;
      const most = device.limits.maxStorageBuffersPerShaderStage;
      if (kernel.buffers.length + scratch.length > most)
        throw new NeuriteError(
          `webgpu: kernel ${kernel.name} binds ${kernel.buffers.length + scratch.length} buffers, and the device allows ${most}`,
        );
      const layout = layoutOf(kernel, shader);
      const pipelineLayout = device.createPipelineLayout({ bindGroupLayouts: [layout] });
      // What is wrong with the text is told by the pipeline that is made of it, and by nobody else.
      device.pushErrorScope('validation');
      const module = device.createShaderModule({ label: kernel.name, code: source });
      void device.popErrorScope();
      try {
        const made = await Promise.all(stages.map((stage) => stageOf(stage, kernel, module, pipelineLayout)));
        return { kernel, source, stages: made, layout, scratch };
      } catch (cause) {
        throw new NeuriteError(
          `webgpu: kernel ${kernel.name} does not compile: ${await complaintOf(module, cause)}`,
          {
            cause,
          },
        );
      }
    },
  };
}

async function complaintOf(module: GPUShaderModule, cause: unknown): Promise<string> {
  const { messages } = await module.getCompilationInfo();
  const errors = messages.filter(({ type }) => type === 'error');
  if (errors.length === 0) return (cause as Error).message;
  return errors.map(({ message, lineNum }) => `line ${lineNum}: ${message}`).join('; ');
}

/** Compiled kernels. */
import { type Kernel, NeuriteError, type Program } from '@neurite/tensor';
import type { GpuCounters } from './counters.js';
import { MAX_DIMENSION, type Shader } from './wgsl/module.js';

export interface GpuProgram extends Program {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  readonly workgroups: readonly [x: number, y: number];
}

export interface Compiler {
  /** Throws NeuriteError with the kernel's name and what the shader compiler says. */
  compile(kernel: Kernel, shader: Shader): Promise<GpuProgram>;
}

export function createCompiler(device: GPUDevice, counters: GpuCounters): Compiler {
  const layouts = new Map<string, GPUBindGroupLayout>();

  /** Buffers in their order, then the block of runtime scalars, whose place differs from run to run. */
  function layoutOf({ buffers, scalars }: Kernel): GPUBindGroupLayout {
    const kinds = buffers.map(({ access }) => (access === 'read' ? 'r' : 'w'));
    const key = kinds.join('') + (scalars.length ? 's' : '');
    const known = layouts.get(key);
    if (known) return known;
    const entries = kinds.map((kind, binding): GPUBindGroupLayoutEntry => {
      return { binding, visibility: 4, buffer: { type: kind === 'r' ? 'read-only-storage' : 'storage' } };
    });
    if (scalars.length)
      entries.push({
        binding: buffers.length,
        visibility: 4,
        buffer: { type: 'uniform', hasDynamicOffset: true },
      });
    const layout = device.createBindGroupLayout({ label: key, entries });
    layouts.set(key, layout);
    return layout;
  }

  return {
    async compile(kernel, { source, workgroups }) {
      const most = device.limits.maxStorageBuffersPerShaderStage;
      if (kernel.buffers.length > most)
        throw new NeuriteError(
          `webgpu: kernel ${kernel.name} binds ${kernel.buffers.length} buffers, and the device allows ${most}`,
        );
      const layout = layoutOf(kernel);
      // What is wrong with the text is told by the pipeline that is made of it, and by nobody else.
      device.pushErrorScope('validation');
      const module = device.createShaderModule({ label: kernel.name, code: source });
      void device.popErrorScope();
      counters.pipelines++;
      try {
        const pipeline = await device.createComputePipelineAsync({
          label: kernel.name,
          layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
          compute: { module },
        });
        const wide = workgroups > MAX_DIMENSION;
        const size = wide
          ? ([MAX_DIMENSION, Math.ceil(workgroups / MAX_DIMENSION)] as const)
          : ([workgroups, 1] as const);
        return { kernel, source, pipeline, layout, workgroups: size };
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

/** Tuned programs for contractions. */
import { type Kernel, late } from '@neurite/tensor';
import { isShared, memoryImport } from '../codegen/compile.js';
import { argumentLayout, type CpuProgram, linkProgram, PART } from '../program.js';
import { ModuleBuilder } from '../wasm/encoder.js';
import { emitter, type I32 } from './emit.js';
import { type Epilogue, makeEpilogue, startsOf } from './epilogue.js';
import { matmulPrograms } from './matmul.js';
import { FLOAT32, FLOAT64 } from './microKernel.js';
import type { BlockProgram } from './program.js';

const convolutions = late(() => import('./conv.js'));

/** Products with fewer rows or columns read each element of the larger operand about once: nothing to block. */
const MIN_SIDE = 3;

/** The blocked algorithm for a kernel, in one or more parts, or undefined where the generic loops do as well. */
function plan(kernel: Kernel): BlockProgram[] | undefined {
  const [nest, ...others] = kernel.nests;
  const contraction = nest?.contraction;
  if (!contraction || others.length || nest.outer.some((loop) => loop.size === 0)) return undefined;
  const [first, ...later] = nest.phases;
  const dtype = first!.reductions[0]!.dtype;
  const operands =
    contraction.op === 'matmul'
      ? [contraction.lhs, contraction.rhs]
      : [contraction.input, contraction.weight];
  const regular = first!.stores.length === 0 && later.every((phase) => phase.loops.length === 0);
  if (!regular || operands.some(({ buffer }) => kernel.buffers[buffer]!.dtype !== dtype)) return undefined;
  if (contraction.op === 'conv') {
    const empty = contraction.inChannels === 0 || contraction.kernelSize.includes(0);
    return dtype === 'float32' && !empty ? convolutions().convPrograms(contraction) : undefined;
  }
  if (contraction.k === 0 || Math.min(contraction.m, contraction.n) < MIN_SIDE) return undefined;
  if (dtype === 'float32') return matmulPrograms(contraction, FLOAT32);
  return dtype === 'float64' ? matmulPrograms(contraction, FLOAT64) : undefined;
}

function emitPart(
  module: ModuleBuilder,
  kernel: Kernel,
  program: BlockProgram,
  epilogue: Epilogue,
  name: string,
): void {
  const layout = argumentLayout(kernel);
  const f = module.func(name, ['i32', 'i32', 'i32', 'i32']);
  module.exportFunction(f);
  const { begin, end, args, scratch } = PART;
  const e = emitter(f);
  const argument =
    (offset: number): I32 =>
    () => {
      f.get(args);
      f.memory('i32.load', offset);
    };
  e.loop(
    () => f.get(begin),
    () => f.get(end),
    1,
    (unit) =>
      program.emitUnit({
        module,
        f,
        unit,
        scratch: () => f.get(scratch),
        shared: argument(layout.shared),
        buffer: (i) => argument(layout.buffer(i)),
        merged: epilogue.merged,
        epilogue(outer, from, count, sums) {
          f.get(args);
          for (const value of outer) e.push(value);
          for (const { start } of startsOf(program.places)) e.push(start);
          for (const value of [from, count, sums]) e.push(value);
          f.call(epilogue.write(module));
        },
      }),
  );
}

function write(module: ModuleBuilder, kernel: Kernel, programs: readonly BlockProgram[]): void {
  // Parts of one contraction differ in the starts of their places only.
  const epilogue = makeEpilogue(kernel, kernel.nests[0]!, programs[0]!);
  programs.forEach((program, i) => {
    emitPart(module, kernel, program, epilogue, `contract${i}`);
  });
}

/**
 * A tuned program for a kernel whose single nest is a contraction of float32 (matrix products: or float64) operands;
 * undefined for all others. While it runs units, a caller needs the working memory for itself.
 */
export function specializeContraction(kernel: Kernel, memory: WebAssembly.Memory): CpuProgram | undefined {
  const programs = plan(kernel);
  if (!programs) return undefined;
  const module = new ModuleBuilder(memoryImport(isShared(memory)));
  write(module, kernel, programs);
  return linkProgram(
    {
      kernel,
      parts: programs.map((program, i) => ({
        name: `contract${i}`,
        units: program.units,
        work: program.work,
      })),
      scratchBytes: Math.max(...programs.map((program) => program.scratchBytes)),
      sharedBytes: Math.max(...programs.map((program) => program.sharedBytes)),
      specialized: true,
      module,
      write: (listing) => write(listing, kernel, programs),
    },
    memory,
  );
}

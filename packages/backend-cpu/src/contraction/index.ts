/** Tuned programs for contractions. */
import { type Kernel, type Loop, late, type MatmulContraction, type Nest } from '@neurite/tensor';
import { isShared, memoryImport } from '../codegen/compile.js';
import { argumentLayout, type CpuProgram, linkProgram, PART } from '../program.js';
import { ModuleBuilder } from '../wasm/encoder.js';
import { emitter, type I32 } from './emit.js';
import { type Epilogue, makeEpilogue, startsOf } from './epilogue.js';
import { matmulPrograms } from './matmul.js';
import { type Element, FLOAT32, FLOAT64 } from './microKernel.js';
import type { BlockProgram } from './program.js';

const convolutions = late(() => import('./conv.js'));
const skinnies = late(() => import('./skinny.js'));

/**
 * Products of more rows and columns are multiplied by packed panels. Up to 12 the other way is faster, too (8: by 13 to 30 %, 12: by
 * 5 to 15 %), but with LeNet's ten classes a near-tie falls otherwise than in PyTorch: the losses are 0.2 % apart from step 42 on.
 */
const MAX_SKINNY = 8;
/** Narrower products that are not read in place read each element of the larger operand about once: nothing to block. */
const MIN_SIDE = 3;

/** A blocked algorithm, in one or more parts, and the nest with its outer loops in the order that the algorithm has. */
interface Algorithm {
  readonly nest: Nest;
  readonly programs: readonly BlockProgram[];
}

function planProduct(nest: Nest, contraction: MatmulContraction, element: Element): Algorithm | undefined {
  const side = Math.min(contraction.m, contraction.n);
  const skinny = side <= MAX_SKINNY ? skinnies().planSkinny(contraction, element) : undefined;
  if (!skinny) {
    const blocked = side >= MIN_SIDE;
    return blocked ? { nest, programs: matmulPrograms(contraction, element) } : undefined;
  }
  const [columns, rows] = [...nest.outer].reverse() as [Loop, Loop];
  const outer = skinny.swapped ? [...nest.outer.slice(0, -2), columns, rows] : nest.outer;
  return { nest: { ...nest, outer }, programs: skinnies().skinnyPrograms(skinny) };
}

/** The blocked algorithm for a kernel, or undefined where the generic loops do as well. */
function plan(kernel: Kernel): Algorithm | undefined {
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
    if (dtype !== 'float32' || empty) return undefined;
    const programs = convolutions().convPrograms(contraction);
    return programs && { nest, programs };
  }
  if (contraction.k === 0) return undefined;
  if (dtype === 'float32') return planProduct(nest, contraction, FLOAT32);
  return dtype === 'float64' ? planProduct(nest, contraction, FLOAT64) : undefined;
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

function write(module: ModuleBuilder, kernel: Kernel, { nest, programs }: Algorithm): void {
  // Parts of one contraction differ in the starts of their places only.
  const epilogue = makeEpilogue(kernel, nest, programs[0]!);
  programs.forEach((program, i) => {
    emitPart(module, kernel, program, epilogue, `contract${i}`);
  });
}

/**
 * A tuned program for a kernel whose single nest is a contraction of float32 (matrix products: or float64) operands;
 * undefined for all others. While it runs units, a caller needs the working memory for itself.
 */
export function specializeContraction(kernel: Kernel, memory: WebAssembly.Memory): CpuProgram | undefined {
  const algorithm = plan(kernel);
  if (!algorithm) return undefined;
  const { programs } = algorithm;
  const module = new ModuleBuilder(memoryImport(isShared(memory)));
  write(module, kernel, algorithm);
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
      write: (listing) => write(listing, kernel, algorithm),
    },
    memory,
  );
}

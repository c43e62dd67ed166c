/**
 * Kernels as text. The text is complete: two kernels with the same text compute the same, so it serves as a key, too.
 *
 * ```
 * kernel softmax(in0: float32[12], out1: float32[12])
 * nest i < 3
 *   for j < 4
 *     acc0: float32 max= in0[i * 4 + j]
 *   for j_2 < 4
 *     acc1: float32 += exp(in0[i * 4 + j_2] - acc0)
 *   for j_3 < 4
 *     let t0 = i * 4 + j_3
 *     out1[t0] = exp(in0[t0] - acc0) / acc1
 * ```
 */
import type { DType } from '../dtype.js';
import type {
  Affine,
  BufferArg,
  Contraction,
  Expr,
  Kernel,
  Loop,
  NamedKernel,
  Nest,
  Phase,
  ScalarOp,
  VarExpr,
  View,
} from './ir.js';
import { countUses, phaseRoots } from './traverse.js';

const INFIX: Partial<Record<ScalarOp, readonly [symbol: string, precedence: number]>> = {
  mul: ['*', 3],
  div: ['/', 3],
  rem: ['%', 3],
  add: ['+', 2],
  sub: ['-', 2],
  shl: ['<<', 1],
  shr: ['>>', 1],
  lt: ['<', 1],
  le: ['<=', 1],
  eq: ['==', 1],
  ne: ['!=', 1],
  and: ['&', 1],
  or: ['|', 1],
  xor: ['^', 1],
};

const COMBINE = { set: '=', add: '+=', sum: '+=', mul: '*=', prod: '*=', max: 'max=', min: 'min=' } as const;

/** What a literal of each dtype ends with; int32 and float32 are told apart by the decimal point. */
const SUFFIX: Record<DType, string> = {
  float32: '',
  float16: 'h',
  float64: 'd',
  int32: '',
  uint32: 'u',
  int8: 'i8',
  uint8: 'u8',
  bool: '',
};

/** Names that the printer itself gives. */
const RESERVED = /^(t|s|acc|in|out|io)\d+$/;

/** A kernel as readable text: its arguments, loops, reductions and stores; subexpressions used twice become `let`s. */
export function printKernel(kernel: Kernel): string {
  const buffers = kernel.buffers.map(bufferName);
  const args = [
    ...kernel.buffers.map((b, i) => `${buffers[i]}: ${b.dtype}[${b.size}]`),
    ...kernel.scalars.map((dtype, i) => `s${i}: ${dtype}`),
  ];
  const nests = kernel.nests.flatMap((nest) => printNest(nest, buffers));
  const named = kernel.named ? printNamed(kernel.named, buffers) : [];
  return [`kernel ${kernel.name}(${args.join(', ')})`, ...named, ...nests].join('\n');
}

/** `in0`, `out1` or `io2`: a buffer argument, by access and position. */
export function bufferName(buffer: BufferArg, index: number): string {
  const prefix = { read: 'in', write: 'out', readwrite: 'io' }[buffer.access];
  return `${prefix}${index}`;
}

function printNest(nest: Nest, buffers: readonly string[]): string[] {
  const names = nameVariables([nest.outer, ...nest.phases.map((p) => p.loops)].flat());
  const header = nest.outer.length > 0 ? `nest ${printLoops(nest.outer, names)}` : 'nest';
  const lines = nest.phases.flatMap((phase) => printPhase(phase, names, buffers));
  const contraction = nest.contraction ? [printContraction(nest.contraction, buffers)] : [];
  return [header, ...[...contraction, ...lines].map((line) => `  ${line}`)];
}

/** A name per variable that no other variable of the nest has. */
function nameVariables(loops: readonly Loop[]): Map<VarExpr, string> {
  const names = new Map<VarExpr, string>();
  const taken = new Set<string>();
  for (const { variable } of loops) {
    const base = RESERVED.test(variable.name) ? `${variable.name}_` : variable.name;
    let name = base;
    for (let i = 2; taken.has(name); i++) name = `${base}_${i}`;
    taken.add(name);
    names.set(variable, name);
  }
  return names;
}

function printLoops(loops: readonly Loop[], names: ReadonlyMap<VarExpr, string>): string {
  return loops.map((loop) => `${names.get(loop.variable)} < ${loop.size}`).join(', ');
}

function printPhase(phase: Phase, names: ReadonlyMap<VarExpr, string>, buffers: readonly string[]): string[] {
  const header = phase.loops.length > 0 ? `for ${printLoops(phase.loops, names)}` : 'once';
  const lines: string[] = [];
  const show = expressionPrinter(phase, names, buffers, (line) => lines.push(line));
  for (const r of phase.reductions) {
    const value = show(r.value);
    lines.push(`acc${r.acc}: ${r.dtype} ${COMBINE[r.op]} ${value}`);
  }
  for (const s of phase.stores) {
    const condition = s.guard ? ` if ${show(s.guard)}` : '';
    const target = `${buffers[s.buffer]}[${show(s.index)}]`;
    lines.push(`${target} ${COMBINE[s.mode]} ${show(s.value)}${condition}`);
  }
  return [phase.ordered ? `${header} ordered` : header, ...lines.map((line) => `  ${line}`)];
}

/** A function that prints an expression of the phase, after emitting the `let`s that it needs. */
function expressionPrinter(
  phase: Phase,
  names: ReadonlyMap<VarExpr, string>,
  buffers: readonly string[],
  emit: (line: string) => void,
): (e: Expr) => string {
  const uses = countUses(phaseRoots(phase));
  const lets = new Map<Expr, string>();

  function text(e: Expr, leastPrecedence: number): string {
    const known = lets.get(e);
    if (known) return known;
    if ((e.kind !== 'op' && e.kind !== 'load') || uses.get(e) === 1) return plain(e, leastPrecedence);
    const value = plain(e, 0);
    const name = `t${lets.size}`;
    lets.set(e, name);
    emit(`let ${name} = ${value}`);
    return name;
  }

  function plain(e: Expr, leastPrecedence: number): string {
    switch (e.kind) {
      case 'const':
        return printConstant(e.value, e.dtype);
      case 'var':
        return names.get(e) ?? `${e.name}?`;
      case 'scalar':
        return `s${e.slot}`;
      case 'acc':
        return `acc${e.acc}`;
      case 'load': {
        const guard = e.guard ? ` if ${text(e.guard, 0)}` : '';
        return `${buffers[e.buffer]}[${text(e.index, 0)}${guard}]`;
      }
      case 'op': {
        const infix = INFIX[e.op];
        if (infix) {
          const [symbol, precedence] = infix;
          const left = text(e.args[0], precedence === 1 ? 2 : precedence);
          const value = `${left} ${symbol} ${text(e.args[1], precedence + 1)}`;
          return precedence < leastPrecedence ? `(${value})` : value;
        }
        const args = e.args.map((a) => text(a, 0)).join(', ');
        if (e.op === 'cast') return `${e.dtype}(${args})`;
        if (e.op === 'bitcast') return `bitcast<${e.dtype}>(${args})`;
        return `${e.op}(${args})`;
      }
    }
  }
  return (e) => text(e, 0);
}

function printConstant(value: number, dtype: DType): string {
  if (dtype === 'bool') return value !== 0 ? 'true' : 'false';
  const digits = Object.is(value, -0) ? '-0' : String(value);
  const decimal = dtype.startsWith('float') && /^-?\d+$/.test(digits) ? '.0' : '';
  return `${digits}${decimal}${SUFFIX[dtype]}`;
}

function printContraction(contraction: Contraction, buffers: readonly string[]): string {
  const { op, ...fields } = contraction;
  const parts = Object.entries(fields).map(([name, value]) => {
    if (isAffine(value))
      return `${name} ${buffers[value.buffer]}+${value.offset} ${printFields(value.strides)}`;
    return `${name} ${Array.isArray(value) ? `[${value.join(',')}]` : value}`;
  });
  return `contraction ${op}: ${parts.join(', ')}`;
}

/** A named kernel has no loops to show: its op with parameters, and what it reads and writes. */
function printNamed({ op, params, inputs, outputs }: NamedKernel, buffers: readonly string[]): string[] {
  const place = ({ buffer, offset, shape, strides }: View) =>
    `${buffers[buffer]}+${offset} [${shape.join(',')}] by [${strides.join(',')}]`;
  const entries = Object.entries(params).map(([name, value]) => `${name} ${value}`);
  return [
    `named ${[op, ...entries].join(', ')}`,
    ...inputs.map((view) => `  reads ${place(view)}`),
    ...outputs.map((view) => `  ${view.name} → ${place(view)}`),
  ];
}

function isAffine(value: unknown): value is Affine<object> {
  return typeof value === 'object' && value !== null && 'strides' in value;
}

function printFields(record: object): string {
  return `{${Object.entries(record)
    .map(([name, value]) => `${name} ${Array.isArray(value) ? `[${value.join(',')}]` : value}`)
    .join(', ')}}`;
}

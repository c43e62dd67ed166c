import { DTYPES, type DType, noGrad, Tensor, zeros } from '@neurite/tensor';
import { countFlops } from './flops.js';
import type { ForwardHook, HookHandle } from './hooks.js';
import { joinKey } from './names.js';
import type { ModuleTree } from './tree.js';

/** One module of a summary. */
export interface SummaryRow {
  /** Path as in `namedModules`; '' for the model itself. */
  readonly path: string;
  readonly depth: number;
  /** Class of the module. */
  readonly name: string;
  /** Shapes of the tensors that its last call returned; empty when it was not called. */
  readonly outputShapes: readonly (readonly number[])[];
  /** Elements of its parameters, its children's included. */
  readonly parameters: number;
  /** Floating-point operations of its calls, its children's included; see {@link countFlops}. */
  readonly flops: number;
}

export interface Summary {
  readonly rows: readonly SummaryRow[];
  readonly parameters: number;
  readonly trainableParameters: number;
  readonly parameterBytes: number;
  readonly flops: number;
  /** The table. */
  toString(): string;
}

export interface SummaryOptions {
  /** Of the inputs: `int32` for a model that starts with an Embedding. */
  dtype?: DType;
}

interface Summarizable extends ModuleTree {
  training: boolean;
  invoke(args: readonly unknown[]): unknown;
}

/**
 * Records one call in evaluation mode (statistics and random numbers stay untouched) and reads the shapes off
 * the graph.
 */
export function summarize(
  model: Summarizable,
  inputShape: readonly number[] | readonly (readonly number[])[],
  { dtype = 'float32' }: SummaryOptions = {},
): Summary {
  const shapes = (
    typeof inputShape[0] === 'number' || inputShape.length === 0 ? [inputShape] : inputShape
  ) as number[][];
  const calls = new Map<ModuleTree, { outputShapes: (readonly number[])[]; flops: number }>();
  const record: ForwardHook = (module, args, output) => {
    const outputs = tensorsOf(output);
    const flops = countFlops(args.flatMap(tensorsOf), outputs) + (calls.get(module)?.flops ?? 0);
    calls.set(module, { outputShapes: outputs.map((tensor) => tensor.shape), flops });
  };
  const modules = model.modules() as (Summarizable & {
    registerForwardHook(hook: ForwardHook): HookHandle;
  })[];
  const modes = modules.map((module) => module.training);
  const handles = modules.map((module) => module.registerForwardHook(record));
  try {
    for (const module of modules) module.training = false;
    noGrad(() => model.invoke(shapes.map((shape) => zeros(shape, { dtype }))));
  } finally {
    modules.forEach((module, i) => {
      module.training = modes[i];
    });
    for (const handle of handles) handle.remove();
  }

  const rows: SummaryRow[] = [];
  const visit = (module: ModuleTree, path: string, depth: number): void => {
    const { outputShapes = [], flops = 0 } = calls.get(module) ?? {};
    rows.push({
      path,
      depth,
      name: module.constructor.name,
      outputShapes,
      parameters: elements(module.parameters()),
      flops,
    });
    for (const [key, child] of module.namedChildren()) visit(child, joinKey(path, key), depth + 1);
  };
  visit(model, '', 0);
  const parameters = model.parameters();
  const summary = {
    rows,
    parameters: elements(parameters),
    trainableParameters: elements(parameters.filter((parameter) => parameter.requiresGrad)),
    parameterBytes: parameters.reduce(
      (bytes, parameter) => bytes + parameter.numel * DTYPES[parameter.dtype].bytes,
      0,
    ),
    flops: rows[0].flops,
  };
  return { ...summary, toString: () => table(summary), ...inspectable(() => table(summary)) };
}

const inspectable = (text: () => string): object => ({ [Symbol.for('nodejs.util.inspect.custom')]: text });

const tensorsOf = (value: unknown): Tensor[] =>
  value instanceof Tensor ? [value] : Array.isArray(value) ? value.flatMap(tensorsOf) : [];

const elements = (tensors: readonly Tensor[]): number =>
  tensors.reduce((sum, tensor) => sum + tensor.numel, 0);

function table({
  rows,
  parameters,
  trainableParameters,
  parameterBytes,
  flops,
}: Omit<Summary, 'toString'>): string {
  const cells = rows.map((row) => [
    `${'  '.repeat(row.depth)}${row.path === '' ? '' : `${row.path.split('.').at(-1)}: `}${row.name}`,
    row.outputShapes.map((shape) => `[${shape.join(', ')}]`).join(' '),
    count(row.parameters),
    count(row.flops),
  ]);
  const head = ['Module', 'Output shape', 'Parameters', 'FLOPs'];
  const widths = head.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => row[column].length)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column < 2 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
      .join('  ')
      .trimEnd();
  const rule = '─'.repeat(widths.reduce((a, b) => a + b, 2 * (widths.length - 1)));
  return [
    line(head),
    rule,
    ...cells.map(line),
    rule,
    `${count(parameters)} parameters (${count(trainableParameters)} trainable, ${count(parameterBytes)} bytes), ${count(flops)} FLOPs`,
  ].join('\n');
}

/** 1234567 as '1,234,567'. */
const count = (value: number): string => String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',');

/**
 * Scatters whose targets do not depend on the place in the other dimensions, such as the gradient of an embedding: sources are sorted by
 * target, and those of one target are combined by one invocation per column, in their order. So there is no race, and the bits are
 * those of the plain loops.
 */
import { type Expr, type Kernel, type Nest, type Phase, type VarExpr, visitExprs } from '@neurite/tensor';
import { type ModuleScope, phaseSpeller } from './expressions.js';
import { SORT_GROUP, sortStages } from './mergeSort.js';
import { assembleStages, createScope, type ModulePart, nestPart, type Shader } from './module.js';
import { decode, indent, nameVariables, pointBody } from './nest.js';
import { sizeOf } from './strategy.js';

/** With fewer sources the loops are as good. */
const FEW_SOURCES = 64;

/** A program in stages for a kernel with a scatter; null where it has none, or none that is worth it, or no room for what stands between stages. */
export function scatterShader(kernel: Kernel, maxBuffers: number, hasSubgroups: boolean): Shader | null {
  const nests = kernel.nests.filter(({ outer }) => sizeOf(outer) > 0);
  const scatter = nests.find(isScatter);
  if (!scatter) return null;
  const scope = createScope(kernel, { hasSubgroups });
  const [copy, combine] = scatter.phases;
  const sources = sizeOf(combine.loops);
  const sorting = sortStages(
    {
      rows: 1,
      size: sources,
      type: 'i32',
      key: (_, position) => `target_of(${position})`,
      before: (a, b) => `(${a} < ${b})`,
    },
    scope,
  );
  if (kernel.buffers.length + sorting.scratch.length > maxBuffers) return null;
  const targetOf = targetFunction(scatter, scope);
  scope.helpers.define('target_of', () => targetOf);
  const copied: Nest = {
    outer: [...scatter.outer, ...copy.loops],
    phases: [{ ...copy, loops: [] }],
    contraction: null,
  };
  const others = nests
    .filter((nest) => nest !== scatter)
    .map((nest, i) => nestPart(`nest${i}`, nest, scope, SORT_GROUP));
  const stages = [
    ...sorting.stages,
    { entry: 'copy', parts: [nestPart('copy_targets', copied, scope, SORT_GROUP), ...others] },
    { entry: 'combine', parts: [combinePart(scatter, sorting.order, scope)] },
  ];
  return assembleStages(scope, stages, SORT_GROUP, sorting.scratch);
}

/** A copy of the target, then the sources one after another, each to a place that is the sum of its own and the point's. */
function isScatter({ outer, phases, contraction }: Nest): boolean {
  if (contraction || phases.length !== 2) return false;
  const [copy, combine] = phases;
  const isPlain = !copy.ordered && copy.reductions.length === 0 && combine.reductions.length === 0;
  if (!isPlain || !combine.ordered || combine.stores.length !== 1) return false;
  if (combine.loops.length !== 1 || combine.loops[0].size < FEW_SOURCES) return false;
  const [{ index, guard }] = combine.stores;
  const points = new Set(outer.map(({ variable }) => variable));
  const source = combine.loops[0].variable;
  const isSeparate = termsOf(index).every((term) => {
    const used = variablesOf(term);
    return !used.has(source) || ![...used].some((v) => points.has(v));
  });
  return isSeparate && (!guard || ![...variablesOf(guard)].some((v) => points.has(v)));
}

const termsOf = (e: Expr): readonly Expr[] =>
  e.kind === 'op' && e.op === 'add' ? e.args.flatMap(termsOf) : [e];

function variablesOf(e: Expr): Set<VarExpr> {
  const found = new Set<VarExpr>();
  visitExprs([e], (x) => {
    if (x.kind === 'var') found.add(x);
  });
  return found;
}

/** Where the source at a position goes at the first point of the outer loops; −1 for nowhere. */
function targetFunction({ outer, phases }: Nest, scope: ModuleScope): string {
  const phase: Phase = phases[1];
  const names = nameVariables([...outer, ...phase.loops]);
  const [{ index, guard }] = phase.stores;
  const lines = outer.map(({ variable }) => `const ${names.get(variable)} = 0;`);
  const [{ variable: source }] = phase.loops;
  const spell = phaseSpeller(phase, scope, names, (line) => lines.push(line));
  if (guard) lines.push(`if (!(${spell(guard)})) { return -1; }`);
  lines.push(`return ${spell(index)};`);
  return [`fn target_of(${names.get(source)}: i32) -> i32 {`, ...indent(lines), '}'].join('\n');
}

/** An invocation per source and point; the first source of each target goes through all of them. */
function combinePart({ outer, phases }: Nest, order: string, scope: ModuleScope): ModulePart {
  const phase = phases[1];
  const [{ variable: source, size }] = phase.loops;
  const names = nameVariables([...outer, ...phase.loops]);
  const points = sizeOf(outer);
  const lines = [
    `let element = block * ${SORT_GROUP} + local;`,
    `if (element >= ${size * points}) { return; }`,
    `let first = element / ${points};`,
    `let point = element % ${points};`,
    `let target_ = target_of(${order}[first]);`,
    'if (target_ < 0) { return; }',
    `if (first > 0) { if (target_of(${order}[first - 1]) == target_) { return; } }`,
    ...decode(outer, 'point', names),
    `for (var next = first; next < ${size}; next++) {`,
    ...indent([
      `let ${names.get(source)} = ${order}[next];`,
      `if (target_of(${names.get(source)}) != target_) { break; }`,
      ...pointBody(phase, scope, names),
    ]),
    '}',
  ];
  const text = ['fn combine_sources(block: i32, local: i32) {', ...indent(lines), '}'].join('\n');
  return { name: 'combine_sources', text, workgroups: Math.ceil((size * points) / SORT_GROUP) };
}

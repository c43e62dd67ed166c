/** A nest as a WGSL function that one workgroup calls with the number of its block of points. */
import type { Loop, Nest, Phase, Reduction, VarExpr } from '@neurite/tensor';
import { type ModuleScope, type Names, phaseSpeller } from './expressions.js';
import { combine, gather, identity } from './gather.js';
import { placeOf, type Strategy, sizeOf } from './strategy.js';
import { valueType, widened } from './values.js';

export const indent = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);

const KEYWORDS =
  /^(t|acc|in|out|io|guard|index|value)\d*$|^(point|run|lane|local|block|valid|scalars|batch|m|n|k|part|last|element|row|place|own|first|next|rank)$/;

/** A name per variable that no other variable of the nest has. */
export function nameVariables(loops: readonly Loop[]): Map<VarExpr, string> {
  const names = new Map<VarExpr, string>();
  const taken = new Set<string>();
  for (const { variable } of loops) {
    const base = KEYWORDS.test(variable.name) ? `${variable.name}_` : variable.name;
    let name = base;
    for (let i = 2; taken.has(name); i++) name = `${base}_${i}`;
    taken.add(name);
    names.set(variable, name);
  }
  return names;
}

/** Statements that take a row-major position apart into loop variables. */
export function decode(loops: readonly Loop[], position: string, names: Names): string[] {
  let stride = 1;
  const lines: string[] = [];
  for (const [i, { variable, size }] of [...loops].reverse().entries()) {
    const quotient = stride === 1 ? position : `${position} / ${stride}`;
    const isOutermost = i === loops.length - 1;
    const value =
      size === 1
        ? '0'
        : isOutermost
          ? quotient
          : stride === 1
            ? `${quotient} % ${size}`
            : `(${quotient}) % ${size}`;
    lines.unshift(`let ${names.get(variable)}: i32 = ${value};`);
    stride *= size;
  }
  return lines;
}

/** The function of a nest: `fn name(block: i32, local: i32)`. */
export function nestFunction(name: string, nest: Nest, strategy: Strategy, scope: ModuleScope): string {
  const { lanes, points } = strategy;
  const total = sizeOf(nest.outer);
  const names = nameVariables([nest.outer, ...nest.phases.map((p) => p.loops)].flat());
  const run = scope.runs.get(nest) ?? 1;
  // Where invocations take several points they share none.
  const lines = run === 1 ? placeOf(strategy) : [];
  if (lanes > 1) lines.push(`let valid = point < ${total};`);
  else if (run === 1 && total % points) lines.push(`if (point >= ${total}) { return; }`);
  lines.push(...decode(nest.outer, 'point', names));
  const stored = new Set<number>();
  for (const phase of nest.phases) {
    // One lane goes over what others have stored.
    if (lanes > 1 && phase.stores.some(({ buffer }) => stored.has(buffer))) lines.push('storageBarrier();');
    for (const { buffer } of phase.stores) stored.add(buffer);
    const write = lanes === 1 ? serialPhase : phase.ordered ? orderedPhase : sharedPhase;
    lines.push(...write(phase, strategy, scope, names));
  }
  // Neighbouring points, one after another, make up the words that they store to.
  const body =
    run === 1
      ? lines
      : [
          `let run = block * ${points} + local;`,
          ...((total / run) % points ? [`if (run >= ${total / run}) { return; }`] : []),
          `for (var point = run * ${run}; point < (run + 1) * ${run}; point++) {`,
          ...indent(lines),
          '}',
        ];
  return [`fn ${name}(block: i32, local: i32) {`, ...indent(body), '}'].join('\n');
}

export const declare = (r: Reduction, scope: ModuleScope): string =>
  `var acc${r.acc}: ${valueType(r.dtype)} = ${identity(r, scope)};`;

/** What a phase does at one of its points. */
export function pointBody(phase: Phase, scope: ModuleScope, names: Names): string[] {
  const lines: string[] = [];
  const spell = phaseSpeller(phase, scope, names, (line) => lines.push(line));
  for (const r of phase.reductions) {
    const value = widened(spell(r.value), r.dtype, scope.helpers);
    lines.push(`acc${r.acc} = ${combine(r, `acc${r.acc}`, value, scope)};`);
  }
  // All values of a point are known before its first store.
  const isOne = phase.stores.length === 1;
  const named = (what: string, i: number, text: string): string => {
    if (isOne) return text;
    lines.push(`let ${what}${i} = ${text};`);
    return `${what}${i}`;
  };
  const writes = phase.stores.map(({ buffer, index, value, mode, guard }, i) => {
    const condition = guard && named('guard', i, spell(guard));
    const at = named('index', i, spell(index));
    const statements = scope.buffers[buffer].store(at, named('value', i, spell(value)), mode);
    return condition ? [`if (${condition}) {`, ...indent(statements), '}'] : statements;
  });
  return [...lines, ...writes.flat()];
}

/** All loops of a phase, one in the other, around its body. */
function serialLoops(phase: Phase, scope: ModuleScope, names: Names): string[] {
  return phase.loops.reduceRight<string[]>(
    (body, { variable, size }) => {
      const v = names.get(variable);
      return [`for (var ${v}: i32 = 0; ${v} < ${size}; ${v}++) {`, ...indent(body), '}'];
    },
    pointBody(phase, scope, names),
  );
}

function serialPhase(phase: Phase, _: Strategy, scope: ModuleScope, names: Names): string[] {
  const loops = serialLoops(phase, scope, names);
  const body = phase.loops.length ? loops : ['{', ...indent(loops), '}'];
  return [...phase.reductions.map((r) => declare(r, scope)), ...body];
}

/** In order means by one invocation; the others hear of its results. */
function orderedPhase(phase: Phase, strategy: Strategy, scope: ModuleScope, names: Names): string[] {
  return [
    ...phase.reductions.map((r) => declare(r, scope)),
    'if (valid && lane == 0) {',
    ...indent(serialLoops(phase, scope, names)),
    '}',
    ...phase.reductions.map((r) => `acc${r.acc} = ${gather(r, strategy, scope)};`),
  ];
}

/** The lanes share the points of the phase, and combine what they have in a tree. */
export function sharedPhase(phase: Phase, strategy: Strategy, scope: ModuleScope, names: Names): string[] {
  const size = sizeOf(phase.loops);
  const once = size === 1;
  const step = `k += ${strategy.lanes}`;
  return [
    ...phase.reductions.map((r) => declare(r, scope)),
    once ? 'if (valid && lane == 0) {' : `for (var k = select(${size}, lane, valid); k < ${size}; ${step}) {`,
    ...indent([...decode(phase.loops, once ? '0' : 'k', names), ...pointBody(phase, scope, names)]),
    '}',
    ...phase.reductions.map((r) => `acc${r.acc} = ${gather(r, strategy, scope)};`),
  ];
}

/**
 * Reductions of much to little, as sums of all numbers or of long columns are: workgroups reduce parts of the loops into memory of
 * their own, and a second dispatch reduces the parts and does the rest.
 */
import type { Nest, Reduction } from '@neurite/tensor';
import type { ModuleScope } from './expressions.js';
import { combine, gather } from './gather.js';
import type { ModulePart, Scratch } from './module.js';
import { declare, decode, indent, nameVariables, pointBody, sharedPhase } from './nest.js';
import { ceilPower, chooseStrategy, placeOf, type Strategy, sizeOf } from './strategy.js';
import { ENOUGH, FEWEST_PARTS } from './tileShapes.js';
import { valueType } from './values.js';

/** How a nest's first phase is cut. */
export interface Cut {
  readonly parts: number;
  /** Points of the phase's loops in each part. */
  readonly size: number;
  readonly strategy: Strategy;
}

/** Points that a lane should at least have in a part. */
const PER_LANE = 32;
const MOST_PARTS = 64;

/** How to cut a nest for workgroups of a size; null where nothing is gained, or a later phase has loops of its own. */
export function cutOf(nest: Nest, group: number): Cut | null {
  const [{ loops, ordered, reductions, stores }, ...rest] = nest.phases;
  if (ordered || stores.length || reductions.length === 0) return null;
  if (rest.some((phase) => phase.ordered || sizeOf(phase.loops) !== 1)) return null;
  if (reductions.some(({ dtype }) => valueType(dtype) === 'bool')) return null;
  const strategy = chooseStrategy(nest, group);
  const { lanes, points } = strategy;
  if (lanes === 1) return null;
  const workgroups = Math.ceil(sizeOf(nest.outer) / points);
  const size = sizeOf(loops);
  const wanted = Math.min(Math.floor(ENOUGH / workgroups), Math.floor(size / (lanes * PER_LANE)), MOST_PARTS);
  if (wanted < FEWEST_PARTS) return null;
  const each = Math.ceil(size / (wanted * lanes)) * lanes;
  return { parts: Math.ceil(size / each), size: each, strategy };
}

/** Where the parts of reductions are, in buffers by type. */
export interface PartMemory {
  readonly scratch: readonly Scratch[];
  /** The part of a nest's reduction at a point, as a text. */
  at(nest: Nest, acc: number, part: string, point: string): string;
}

/** Room for all parts of nests that are cut. */
export function partMemory(cuts: ReadonlyMap<Nest, Cut>): PartMemory {
  const sizes = new Map<Scratch['type'], number>();
  const places = new Map<Nest, Map<number, { readonly name: string; readonly begin: number }>>();
  for (const [nest, { parts }] of cuts) {
    const own = new Map<number, { name: string; begin: number }>();
    for (const { acc, dtype } of nest.phases[0].reductions) {
      const type = valueType(dtype) as Scratch['type'];
      const begin = sizes.get(type) ?? 0;
      own.set(acc, { name: `parts_${type}`, begin });
      sizes.set(type, begin + parts * sizeOf(nest.outer));
    }
    places.set(nest, own);
  }
  return {
    scratch: [...sizes].map(([type, size]) => ({ name: `parts_${type}`, type, size })),
    at(nest, acc, part, point) {
      const { name, begin } = places.get(nest)!.get(acc)!;
      return `${name}[${begin ? `${begin} + ` : ''}${part} * ${sizeOf(nest.outer)} + ${point}]`;
    },
  };
}

/** Reduces the parts. */
export function partsPart(
  name: string,
  nest: Nest,
  { parts, size, strategy }: Cut,
  memory: PartMemory,
  scope: ModuleScope,
): ModulePart {
  const [phase] = nest.phases;
  const points = sizeOf(nest.outer);
  const workgroups = Math.ceil(points / strategy.points);
  const names = nameVariables([...nest.outer, ...phase.loops]);
  const all = sizeOf(phase.loops);
  const lines = [
    `let part = number / ${workgroups};`,
    `let block = number % ${workgroups};`,
    ...placeOf(strategy),
    `let valid = point < ${points};`,
    ...decode(nest.outer, 'point', names),
    `let last = min((part + 1) * ${size}, ${all});`,
    ...phase.reductions.map((r) => declare(r, scope)),
    `for (var k = select(last, part * ${size} + lane, valid); k < last; k += ${strategy.lanes}) {`,
    ...indent([...decode(phase.loops, 'k', names), ...pointBody(phase, scope, names)]),
    '}',
    ...phase.reductions.map((r) => `acc${r.acc} = ${gather(r, strategy, scope)};`),
    'if (valid && lane == 0) {',
    ...phase.reductions.map(({ acc }) => `  ${memory.at(nest, acc, 'part', 'point')} = acc${acc};`),
    '}',
  ];
  const text = [`fn ${name}(number: i32, local: i32) {`, ...indent(lines), '}'].join('\n');
  return { name, text, workgroups: workgroups * parts };
}

/** Reduces what the parts have, and does what comes after. */
export function totalPart(
  name: string,
  nest: Nest,
  { parts }: Cut,
  group: number,
  memory: PartMemory,
  scope: ModuleScope,
): ModulePart {
  const [{ reductions }, ...rest] = nest.phases;
  const points = sizeOf(nest.outer);
  const lanes = Math.min(ceilPower(parts), points < 16 ? group : group / 16);
  const strategy: Strategy = { lanes, points: group / lanes, columns: true };
  const names = nameVariables(nest.outer);
  const add = (r: Reduction) =>
    `acc${r.acc} = ${combine(r, `acc${r.acc}`, memory.at(nest, r.acc, 'part', 'point'), scope)};`;
  const lines = [
    ...placeOf(strategy),
    `let valid = point < ${points};`,
    ...decode(nest.outer, 'point', names),
    ...reductions.map((r) => declare(r, scope)),
    `for (var part = select(${parts}, lane, valid); part < ${parts}; part += ${lanes}) {`,
    ...indent(reductions.map(add)),
    '}',
    ...reductions.map((r) => `acc${r.acc} = ${gather(r, strategy, scope)};`),
    ...rest.flatMap((phase) => sharedPhase(phase, strategy, scope, names)),
  ];
  const text = [`fn ${name}(block: i32, local: i32) {`, ...indent(lines), '}'].join('\n');
  return { name, text, workgroups: Math.ceil(points / strategy.points) };
}

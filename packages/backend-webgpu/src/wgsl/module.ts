/** A kernel as a WGSL module: one entry point, or several stages that run one after another. */
import type { Kernel, Nest } from '@neurite/tensor';
import { bufferCode } from './buffers.js';
import type { ModuleScope } from './expressions.js';
import { createHelpers } from './helpers.js';
import { indent, nestFunction } from './nest.js';
import { chooseStrategy, sizeOf } from './strategy.js';
import { SUBGROUP_INPUTS, usesSubgroups } from './subgroups.js';
import { vectorBuffer } from './vectors.js';
import { NO_WORDS, type WholeWords } from './words.js';

/** An entry point, and so a dispatch. */
export interface Stage {
  readonly entry: string;
  readonly workgroups: number;
}

/** What is needed to run a kernel: its stages, in order. Each sees what the ones before it have written. */
export interface Shader {
  readonly source: string;
  readonly stages: readonly Stage[];
  /** Sizes of buffers between stages, in bytes: they are bound, for reading and writing, after the kernel's own. */
  readonly scratch: readonly number[];
}

/** A buffer between stages: its element type in WGSL, and how many there are. Its name is a module-scope array. */
export interface Scratch {
  readonly name: string;
  readonly type: 'f32' | 'i32' | 'u32';
  readonly size: number;
}

/** Parts that one stage runs side by side. */
export interface StageParts {
  readonly entry: string;
  readonly parts: readonly ModulePart[];
}

/** Part of a module: a function that takes the number of a workgroup among the part's own, and of the invocation. */
export interface ModulePart {
  readonly name: string;
  readonly text: string;
  readonly workgroups: number;
}

/** The most workgroups along one dimension of a dispatch, by WebGPU's default limits and everybody's maximum. */
export const MAX_DIMENSION = 65535;

/** A nest by its own loops, as part of a module with workgroups of a size. */
export function nestPart(name: string, nest: Nest, scope: ModuleScope, group: number): ModulePart {
  const strategy = chooseStrategy(nest, group);
  const text = nestFunction(name, nest, strategy, scope);
  const points = strategy.points * (scope.runs.get(nest) ?? 1);
  return { name, text, workgroups: Math.ceil(sizeOf(nest.outer) / points) };
}

interface ScopeOptions {
  /** Numbers of buffers that are only read, and in vectors. */
  readonly vectors?: ReadonlySet<number>;
  readonly words?: WholeWords;
  readonly hasSubgroups?: boolean;
  readonly hasHalf?: boolean;
}

export function createScope(
  kernel: Kernel,
  { vectors = new Set(), words = NO_WORDS, hasSubgroups = false, hasHalf = false }: ScopeOptions = {},
): ModuleScope {
  const helpers = createHelpers(hasHalf);
  const buffers = kernel.buffers.map((arg, i) => {
    const code = bufferCode(arg, i, helpers, words.buffers.has(i));
    return vectors.has(i) ? vectorBuffer(code, arg, helpers) : code;
  });
  return { kernel, helpers, buffers, hasSubgroups, runs: words.runs };
}

/** Parts side by side in one dispatch: each takes a range of its workgroups. */
export function assemble(scope: ModuleScope, parts: readonly ModulePart[], group: number): Shader {
  return assembleStages(scope, [{ entry: 'main', parts }], group, []);
}

/** Dispatches one after another, with buffers between them. Parts that several stages share are written once. */
export function assembleStages(
  scope: ModuleScope,
  stages: readonly StageParts[],
  group: number,
  scratch: readonly Scratch[],
): Shader {
  const { kernel, buffers, helpers } = scope;
  const between = scratch.map(
    ({ name, type }, i) =>
      `@group(0) @binding(${buffers.length + i}) var<storage, read_write> ${name}: array<${type}>;`,
  );
  const scalars = kernel.scalars.length
    ? [
        `@group(0) @binding(${buffers.length + scratch.length}) var<uniform> scalars: array<vec4<u32>, ${Math.ceil(kernel.scalars.length / 4)}>;`,
      ]
    : [];
  const subgroups = usesSubgroups(helpers) ? SUBGROUP_INPUTS : null;
  const texts = new Set(stages.flatMap(({ parts }) => parts.map((part) => part.text)));
  const body = [
    ...buffers.map((b) => b.declaration),
    ...between,
    ...scalars,
    ...helpers.text(),
    ...texts,
    ...stages.map((stage) => entryPoint(stage, group, subgroups)),
  ].join('\n');
  const enabled = [
    ...(helpers.hasHalf && HALF_TYPE.test(body) ? ['enable f16;'] : []),
    ...(subgroups ? subgroups.head : []),
  ];
  const source = [`// ${kernel.name}`, ...enabled, body].join('\n');
  return {
    source,
    stages: stages.map(({ entry, parts }) => ({ entry, workgroups: workgroupsOf(parts) })),
    scratch: scratch.map(({ size }) => Math.max(1, size) * 4),
  };
}

/** The type f16, or a constant of it. */
const HALF_TYPE = /\bf16\b|\dh\b/;

const workgroupsOf = (parts: readonly ModulePart[]): number =>
  parts.reduce((n, part) => n + part.workgroups, 0);

function entryPoint(
  { entry, parts }: StageParts,
  group: number,
  subgroups: typeof SUBGROUP_INPUTS | null,
): string {
  const isWide = workgroupsOf(parts) > MAX_DIMENSION;
  const block = isWide ? `group.y * ${MAX_DIMENSION}u + group.x` : 'group.x';
  return `@compute @workgroup_size(${group})
fn ${entry}(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) invocation: u32${subgroups?.parameters ?? ''}) {
${subgroups?.begin ?? ''}  let block = i32(${block});
  let local = i32(invocation);
${indent(choose(parts, isWide)).join('\n')}
}`;
}

/** A wide dispatch has some workgroups too many. */
function choose(parts: readonly ModulePart[], isWide: boolean): string[] {
  let begin = 0;
  return parts.map(({ name, workgroups }, i) => {
    const first = begin;
    begin += workgroups;
    const call = `${name}(block${first ? ` - ${first}` : ''}, local);`;
    if (parts.length === 1 && !isWide) return call;
    const condition = i ? `block >= ${first} && block < ${begin}` : `block < ${begin}`;
    return `if (${condition}) { ${call} }`;
  });
}

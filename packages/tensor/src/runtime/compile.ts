/** Plans with compiled programs. */
import type { Backend, Program } from '../backend/interface.js';
import { NeuriteError } from '../errors.js';
import { createExprBuilder } from '../kernel/expr.js';
import type { Kernel } from '../kernel/ir.js';
import { kernelKey } from '../kernel/key.js';
import { demandsOf } from '../kernel/traverse.js';
import { whenHere } from '../late.js';
import { addsProducts, matches, type Request, toGraph } from '../schedule/graph.js';
import { buildPlan, type Plan, type PlanOptions } from '../schedule/plan.js';
import type { Device } from './device.js';
import type { HostProgram } from './host-kernel.js';
import { timed } from './recorder.js';
import { stats } from './stats.js';

export const isHostProgram = (program: Program | null): program is HostProgram =>
  program !== null && 'runOnHost' in program;

export interface CompiledPlan extends Plan {
  /** For each step: its program, or null for a host step. */
  readonly programs: readonly (Program | null)[];
}

const MAX_PROGRAMS = 4096;

const isPromise = (x: unknown): x is Promise<unknown> => x instanceof Promise;

function compileOn(backend: Backend, kernel: Kernel): Program | Promise<Program> {
  const tuned = backend.specialize?.(kernel);
  if (!tuned && kernel.named)
    throw new NeuriteError(
      `${backend.name}: namedOps takes a call for which specialize returned no program: ${kernel.name}`,
    );
  return tuned ?? backend.compile(kernel);
}

/** Loaded only where a backend needs it: a bundle for one that spells all ops goes without. */
async function lowered({ capabilities }: Backend, kernel: Kernel): Promise<Kernel> {
  const { lowerScalarOps } = await import('../kernel/lowering.js');
  return lowerScalarOps(kernel, createExprBuilder(), capabilities.scalarOps);
}

/** Loaded only where a kernel needs a dtype that the device lacks. */
async function forHost(kernel: Kernel): Promise<Program> {
  const { compileForHost } = await import('./host-kernel.js');
  return compileForHost(kernel);
}

/**
 * The program of a kernel, compiled once per device and structure. A failed compilation is forgotten. What needs a dtype that the device
 * lacks is done on the host.
 */
function programOf(device: Device, kernel: Kernel): Program | Promise<Program> {
  const { backend, programs } = device;
  const key = kernelKey(kernel);
  const known = programs.get(key);
  if (known) return known;
  const { dtypes, scalarOps } = backend.capabilities;
  const demands = demandsOf(kernel);
  stats.programsCompiled++;
  const made = ![...demands.dtypes].every((dtype) => dtypes.includes(dtype))
    ? forHost(kernel)
    : [...demands.ops].every((op) => scalarOps.has(op))
      ? compileOn(backend, kernel)
      : lowered(backend, kernel).then((simpler) => compileOn(backend, simpler));
  programs.set(key, made);
  // Plans keep their own programs; this only bounds what is remembered for plans to come.
  if (programs.size > MAX_PROGRAMS) programs.delete(programs.keys().next().value!);
  if (isPromise(made)) {
    made.then(
      (program) => programs.set(key, program),
      () => programs.delete(key),
    );
  }
  return made;
}

/**
 * Finds or makes the plan of a request. Synchronous where it is cached, and where the backend compiles synchronously and no part is
 * to be loaded first.
 */
export function planFor(device: Device, request: Request): CompiledPlan | Promise<CompiledPlan> {
  const known = device.plans.get(request.hash)?.find((p) => matches(p.source, request));
  if (known) {
    stats.plansReused++;
    return known;
  }
  stats.plansBuilt++;
  const source = toGraph(request);
  const make = (rewrite?: PlanOptions['rewrite']) => {
    const { backend, fusion: fuse } = device;
    const plan = timed('plan', `${source.nodes.length} nodes`, device, () =>
      whenHere(() => buildPlan(source, backend.capabilities, { fuse, rewrite })),
    );
    return plan instanceof Promise
      ? plan.then((made) => compilePlan(device, request.hash, made))
      : compilePlan(device, request.hash, plan);
  };
  // Loaded for recurrent networks and the like.
  return device.fusion && addsProducts(source)
    ? import('../schedule/products.js').then(({ joinProducts }) => make(joinProducts))
    : make();
}

const compilePlan = (device: Device, hash: string, plan: Plan): CompiledPlan | Promise<CompiledPlan> =>
  timed('compile', `${plan.steps.length} kernels`, device, () => compilePrograms(device, hash, plan));

function compilePrograms(device: Device, hash: string, plan: Plan): CompiledPlan | Promise<CompiledPlan> {
  // Independent programs compile side by side.
  const programs = plan.steps.map((step) =>
    step.kind === 'kernel' ? programOf(device, step.bound.kernel) : null,
  );
  const finish = (done: readonly (Program | null)[]): CompiledPlan => {
    const compiled = { ...plan, programs: done };
    device.cachePlan(hash, compiled);
    return compiled;
  };
  return programs.some(isPromise)
    ? Promise.all(programs).then(finish)
    : finish(programs as (Program | null)[]);
}

/** From a graph to a plan: kernels in order, and a place in memory for every value. */
import type { Capabilities } from '../backend/interface.js';
import { DTYPES } from '../dtype.js';
import { sizeOf } from '../graph/node.js';
import { late } from '../late.js';
import { createDependencies, type Dependencies } from './dependencies.js';
import { fuse } from './fuse.js';
import type { Graph } from './graph.js';
import { type BoundKernel, kernelize } from './kernelize.js';
import { isAffineOperand, lower } from './lower.js';
import { chooseStored } from './materialize.js';
import { type Lifetime, type Placement, planArena, planSlots } from './memory.js';
import { chooseOverwrites, expectedOverwrites } from './overwrite.js';
import { isWhole, loadsOf, type Part, placesByData, storesOf } from './part.js';

/** A kernel to run, or a custom op to compute on the host. */
export type PlanStep =
  | { readonly kind: 'kernel'; readonly bound: BoundKernel }
  | { readonly kind: 'host'; readonly node: number; readonly inputs: readonly number[] };

export interface Plan {
  /** What was asked for: by this a plan is found again. */
  readonly source: Graph;
  /** What is computed; leaves and scalars are those of `source`, in its order. */
  readonly graph: Graph;
  readonly steps: readonly PlanStep[];
  /** Scratch places of intermediates, by node. */
  readonly scratch: ReadonlyMap<number, Placement>;
  /** Sizes of the scratch buffers, in bytes. */
  readonly slots: readonly number[];
  /** Roots that are written over a leaf: root → leaf. */
  readonly inPlace: ReadonlyMap<number, number>;
  /** Scratch and newly made roots: what running the plan adds to memory at its peak. */
  readonly peakBytes: number;
  /** The largest tensor that needs a buffer, leaves included. */
  readonly largestBytes: number;
}

export interface PlanOptions {
  /** Off: every op is a kernel of its own. For tests and `detectAnomaly`. */
  readonly fuse: boolean;
  /** `joinProducts`, for a graph that `addsProducts`. */
  readonly rewrite?: (graph: Graph) => Graph;
}

/** Loaded where a graph has a named op. */
const named = late(() => import('./named.js'));
const isNamed = ({ nodes }: Graph): boolean => nodes.some(({ op }) => op === 'named');

export const bytesOf = (graph: Graph, node: number): number =>
  sizeOf(graph.nodes[node].shape) * DTYPES[graph.nodes[node].dtype].bytes;

/** Schedules a graph for a device with the given capabilities. */
export function buildPlan(source: Graph, capabilities: Capabilities, options: PlanOptions): Plan {
  const known = isNamed(source) ? named().resolveNamed(source, capabilities) : source;
  const graph = options.rewrite?.(known) ?? known;
  const maxLoads = Math.max(2, Math.min(capabilities.maxBuffers - 1, 48));
  const stored = chooseStored(graph, {
    fuse: options.fuse,
    maxLoads,
    isAffineOperand: (node, s) => isAffineOperand(graph, node, s),
  });
  const { builder, parts } = lower(graph, stored, capabilities.maxBuffers);
  const roots = new Set(graph.roots);
  const { maxBuffers } = capabilities;
  const reads = (p: Part) => loadsOf(p).keys();
  const writes = (p: Part) => storesOf(p).keys();
  const expected = expectedOverwrites(graph);
  const arrange = (replaces: ReadonlyMap<number, number>) => {
    const fused = options.fuse ? fuse(builder, parts, roots, { maxBuffers, replaces }) : parts;
    const deps = createDependencies(fused, reads, writes);
    const inPlace = chooseOverwrites(expected, fused, deps);
    const fits = fused.every((p) => boundBy(p, inPlace).size <= maxBuffers);
    return { deps, inPlace, fits };
  };
  let arranged = arrange(expected);
  // An overwrite that cannot be had binds a buffer more, and only when all parts are known is it clear which can be had.
  if (!arranged.fits && expected.size > 0) arranged = arrange(new Map());
  const { deps, inPlace } = arranged;
  const groups = options.fuse ? packKernels(deps, maxBuffers, inPlace) : deps.inOrder().map((p) => [p]);
  const steps = groups.map((group): PlanStep => {
    const host = group[0].host;
    return host
      ? { kind: 'host', ...host }
      : { kind: 'kernel', bound: kernelize(graph, builder, group, inPlace) };
  });

  const lives = new Map<number, { first: number; last: number }>();
  groups.forEach((group, step) => {
    for (const p of group) {
      for (const node of [...writes(p), ...reads(p)]) {
        if (graph.nodes[node].op === 'data' || roots.has(node)) continue;
        const life = lives.get(node);
        if (life) life.last = step;
        else lives.set(node, { first: step, last: step });
      }
    }
  });
  const nodes = [...lives.keys()];
  const lifetimes = nodes.map((n): Lifetime => ({ bytes: bytesOf(graph, n), ...lives.get(n)! }));
  const memory = capabilities.arena ? planArena(lifetimes, capabilities.alignment) : planSlots(lifetimes);
  const made = graph.roots.filter((r) => !inPlace.has(r));
  const fresh = made.reduce((sum, r) => sum + bytesOf(graph, r), 0);
  return {
    source,
    graph,
    steps,
    scratch: new Map(nodes.map((n, i) => [n, memory.places[i]])),
    slots: memory.slots,
    inPlace,
    peakBytes: memory.slots.reduce((sum, s) => sum + s, 0) + fresh,
    largestBytes: [...graph.leaves, ...nodes, ...made].reduce(
      (most, n) => Math.max(most, bytesOf(graph, n)),
      0,
    ),
  };
}

/**
 * Parts as kernels. Those that nothing in the plan waits for (all parameter updates, the loss) run last, as few kernels, and so do
 * pieces of a concatenation before it is read: they cannot depend on each other. Contractions, sorts and scatters stay alone, for they
 * may have tuned programs.
 */
function packKernels(deps: Dependencies, maxBuffers: number, inPlace: ReadonlyMap<number, number>): Part[][] {
  const order = deps.inOrder();
  const writers = new Map<number, number>();
  for (const p of order) for (const w of storesOf(p).keys()) writers.set(w, (writers.get(w) ?? 0) + 1);
  const isPackable = (p: Part) => !p.contraction && !isWhole(p) && !placesByData(p);
  const isPiece = (p: Part) =>
    storesOf(p).size === 1 && [...storesOf(p).keys()].every((w) => writers.get(w)! > 1);
  const sinks: Part[] = [];
  const groups: Part[][] = [];
  let pieces: Part[] = [];
  const flush = (isDue: (p: Part) => boolean) => {
    groups.push(...pack(pieces.filter(isDue), maxBuffers, inPlace));
    pieces = pieces.filter((p) => !isDue(p));
  };
  for (const p of order) {
    if (isPackable(p) && deps.after(p).size === 0) {
      sinks.push(p);
      continue;
    }
    flush((piece) => deps.before(p).has(piece));
    if (isPackable(p) && isPiece(p)) pieces.push(p);
    else groups.push([p]);
  }
  flush(() => true);
  return [...groups, ...pack(sinks, maxBuffers, inPlace)];
}

/** What a kernel of the part binds: a result that is written over a leaf is the leaf's buffer. */
const boundBy = (p: Part, inPlace: ReadonlyMap<number, number>): Set<number> =>
  new Set([...loadsOf(p).keys(), ...storesOf(p).keys()].map((node) => inPlace.get(node) ?? node));

/** Groups that are looked at for room: with all of them, packing would take time in the square of the parts. */
const OPEN_GROUPS = 16;

/** Groups of parts that bind no more buffers than a kernel may: a part joins the group to which it adds fewest. */
function pack(parts: readonly Part[], maxBuffers: number, inPlace: ReadonlyMap<number, number>): Part[][] {
  const groups: { readonly parts: Part[]; readonly bound: Set<number> }[] = [];
  for (const p of parts) {
    const own = [...boundBy(p, inPlace)];
    let fewest = Infinity;
    let best: (typeof groups)[number] | undefined;
    for (const group of groups.slice(-OPEN_GROUPS)) {
      const added = own.filter((node) => !group.bound.has(node)).length;
      if (added >= fewest || group.bound.size + added > maxBuffers) continue;
      fewest = added;
      best = group;
    }
    if (!best) {
      best = { parts: [], bound: new Set() };
      groups.push(best);
    }
    best.parts.push(p);
    for (const node of own) best.bound.add(node);
  }
  return groups.map((group) => group.parts);
}

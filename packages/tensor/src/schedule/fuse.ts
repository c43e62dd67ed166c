/**
 * Fusion: parts that can share their loops become one part. A consumer joins the producer of a buffer when every element
 * that it reads is the one that the producer makes at the same point; loads turn into the producer's expression, and a
 * buffer that nobody reads any more is never written.
 */
import { affineOf } from '../kernel/affine.js';
import { type ExprBuilder, rewrite, visitExprs } from '../kernel/expr.js';
import type { Expr, LoadExpr, Loop, Phase, Store, VarExpr } from '../kernel/ir.js';
import { phaseRoots } from '../kernel/traverse.js';
import { createDependencies } from './dependencies.js';
import { buffersOf, extend, type Facts, gather, type Merged } from './facts.js';
import { weightOf } from './materialize.js';
import { isWhole, type Part, placesByData, points } from './part.js';

export interface FuseOptions {
  /** Buffers that one kernel may bind. */
  readonly maxBuffers: number;
  /** Results that are expected to be written over a leaf, and so to bind nothing of their own beside it: root → leaf. */
  readonly replaces: ReadonlyMap<number, number>;
}

/** With fewer parallel points than this, a consumer with more loops stays a kernel of its own, unless it is small. */
const MIN_PARALLEL = 16;
const SMALL = 16384;
/** A producer of this size may be stored across rows by a reduction along columns. */
const SMALL_STRIDED = 65536;

/** Distinct ops in one part: beyond this, compile time and register pressure cost more than a pass over memory. */
const MAX_PART_OPS = 1200;

/** Merges parts until nothing fits any more. Returns them in an order in which they can run. */
export function fuse(
  b: ExprBuilder,
  input: readonly Part[],
  roots: ReadonlySet<number>,
  o: FuseOptions,
): Part[] {
  const facts = new WeakMap<Part, Facts>();
  const factsOf = (p: Part): Facts => {
    let f = facts.get(p);
    if (!f) {
      f = gather(p);
      facts.set(p, f);
    }
    return f;
  };
  let parts = [...input];
  for (let changed = true; changed; ) {
    changed = false;
    const graph = createDependencies(
      parts,
      (p) => factsOf(p).loads.keys(),
      (p) => factsOf(p).stores.keys(),
    );
    for (const consumer of graph.inOrder()) {
      if (!graph.has(consumer) || consumer.contraction || isWhole(consumer)) continue;
      const producers = [...graph.before(consumer)]
        .filter((p) => !isWhole(p))
        .sort((p, q) => q.order - p.order);
      const siblings = graph
        .sharing(consumer)
        .filter((p) => !isWhole(p) && !graph.before(consumer).has(p) && !graph.after(consumer).has(p));
      for (const other of [...producers, ...siblings]) {
        if (factsOf(other).ops + factsOf(consumer).ops > MAX_PART_OPS || !graph.canMerge(other, consumer))
          continue;
        const producing = graph.before(consumer).has(other);
        const merged = producing
          ? mergeVertically(b, other, consumer, factsOf(other), factsOf(consumer))
          : mergeSiblings(b, other, consumer, factsOf(other), factsOf(consumer));
        if (!merged) continue;
        const { facts: f, undo } = merged.base
          ? extend(factsOf(merged.base), merged.added)
          : { facts: gather(merged.part), undo: () => undefined };
        if (buffersOf(f, o.replaces) > o.maxBuffers) {
          undo();
          continue;
        }
        facts.set(merged.part, f);
        graph.replace(other, consumer, merged.part);
        changed = true;
        break;
      }
    }
    parts = graph.inOrder();
    if (changed) parts = dropUnread(parts, roots, factsOf);
  }
  return parts;
}

/** Removes stores that nobody reads, what was computed only for them, and parts of which nothing is left. */
function dropUnread(parts: readonly Part[], roots: ReadonlySet<number>, factsOf: (p: Part) => Facts): Part[] {
  const read = new Set(roots);
  for (const p of parts) {
    for (const buffer of factsOf(p).loads.keys()) read.add(buffer);
  }
  return parts.flatMap((p) => {
    if (isWhole(p) || [...factsOf(p).stores.keys()].every((s) => read.has(s))) return [p];
    const used = new Set<number>();
    const phases: Phase[] = [];
    for (let i = p.phases.length - 1; i >= 0; i--) {
      const phase = p.phases[i];
      const stores = phase.stores.filter((s) => read.has(s.buffer));
      const note = (e: Expr) => {
        if (e.kind === 'acc') used.add(e.acc);
      };
      visitExprs(
        stores.flatMap((s) => (s.guard ? [s.index, s.value, s.guard] : [s.index, s.value])),
        note,
      );
      // Reductions of one phase do not refer to each other.
      const reductions = phase.reductions.filter((r) => used.has(r.acc));
      visitExprs(
        reductions.map((r) => r.value),
        note,
      );
      if (stores.length || reductions.length) phases.unshift({ ...phase, stores, reductions });
    }
    if (phases.length === 0) return [];
    // An epilogue may store what it took from a sibling and not the product.
    const contraction = phases[0].reductions.length > 0 ? p.contraction : null;
    return [{ ...p, phases, contraction }];
  });
}

type Mapping = Map<VarExpr, VarExpr>;

/** Where the producer's store index of a buffer and the consumer's loads agree: consumer variable → producer variable. */
function matchLoads(loads: readonly LoadExpr[], storeIndex: Expr, mapping: Mapping): boolean {
  const made = affineOf(storeIndex);
  if (!made) return false;
  for (const load of loads) {
    const wanted = affineOf(load.index);
    if (!wanted || wanted.constant !== made.constant || wanted.terms.size !== made.terms.size) return false;
    for (const [v, stride] of wanted.terms) {
      let match: VarExpr | undefined;
      for (const [p, s] of made.terms) if (s === stride && p.size === v.size) match = p;
      if (!match) return false;
      const known = mapping.get(v);
      if (known && known !== match) return false;
      mapping.set(v, match);
    }
  }
  return true;
}

/** Whether the loops around each point of a part stay different ones: x[i] · x[j] has two, though both read what one made. */
function keepsLoopsApart(c: Part, mapping: Mapping): boolean {
  return c.phases.every((ph) => {
    const loops = [...realLoops(c.outer), ...realLoops(ph.loops)];
    return new Set(loops.map((l) => mapping.get(l.variable) ?? l.variable)).size === loops.length;
  });
}

const realLoops = (loops: readonly Loop[]): Loop[] => loops.filter((l) => l.size !== 1);

function mergeVertically(b: ExprBuilder, p: Part, c: Part, pf: Facts, cf: Facts): Merged | undefined {
  const mapping: Mapping = new Map();
  const made = new Map<number, { store: Store; phase: number }>();
  for (const [buffer, loads] of cf.loads) {
    const stores = pf.stores.get(buffer);
    if (!stores) continue;
    if (stores.length !== 1) return undefined;
    const [{ store, phase }] = stores;
    if (store.mode !== 'set' || store.guard || p.phases[phase].ordered) return undefined;
    if (!matchLoads(loads, store.index, mapping)) return undefined;
    made.set(buffer, stores[0]);
  }
  if (!keepsLoopsApart(c, mapping)) return undefined;
  const outer = realLoops(p.outer);
  const outerVars = new Set(outer.map((l) => l.variable));
  const consumerOuter = realLoops(c.outer);
  const images = consumerOuter.map((l) => mapping.get(l.variable));
  const onOuter = images.filter((v) => v && outerVars.has(v));
  const innerOf = c.phases.flatMap((ph) => realLoops(ph.loops));
  const innerOnOuter = innerOf.some((l) => outerVars.has(mapping.get(l.variable)!));
  // A scan along a dimension of size 1 has no loops either, but may not be repeated by one.
  const [onlyPhase, ...others] = c.phases;
  const pointwise = others.length === 0 && onlyPhase.loops.length === 0 && !onlyPhase.ordered;

  if (!innerOnOuter && onOuter.length === outer.length && new Set(onOuter).size === outer.length) {
    const extra = consumerOuter.filter((_, i) => !(images[i] && outerVars.has(images[i]!)));
    if (extra.length > 0) {
      // The consumer repeats the producer's values along further dimensions: those become loops of a new phase.
      if (!pointwise || p.contraction || !p.phases.some((ph) => ph.loops.length)) return undefined;
      const total = points(outer) * points(extra);
      if (points(outer) < MIN_PARALLEL && total > SMALL) return undefined;
    }
    if (p.contraction && !(pointwise && extra.length === 0)) return undefined;
    const sameLoops = pointwise && extra.length === 0;
    const perPoint = new Map([...made].filter(([, m]) => p.phases[m.phase].loops.length > 0));
    if (!sameLoops && tooDear(perPoint)) return undefined;
    const phases = c.phases.map((ph) => ({ ...ph, loops: [...extra, ...ph.loops] }));
    return combine(b, p, c, phases, mapping, made);
  }

  // A pointwise producer inside a reduction: the reduction's loops take over, and the producer's value is stored on the way.
  const single = p.phases.length === 1 && p.phases[0].loops.length === 0;
  if (!single || p.contraction || pointwise || c.phases.some((ph) => ph.ordered)) return undefined;
  const home = c.phases.findIndex((ph) => {
    const own = [...consumerOuter, ...realLoops(ph.loops)];
    return own.length === outer.length && own.every((l) => outerVars.has(mapping.get(l.variable)!));
  });
  if (
    home < 0 ||
    new Set([...consumerOuter, ...realLoops(c.phases[home].loops)].map((l) => mapping.get(l.variable)))
      .size !== outer.length
  )
    return undefined;
  const back: Mapping = new Map();
  for (const l of [...consumerOuter, ...realLoops(c.phases[home].loops)])
    back.set(mapping.get(l.variable)!, l.variable);
  const position = (v: VarExpr) => outer.findIndex((l) => l.variable === v);
  const rowWise =
    Math.max(-1, ...consumerOuter.map((l) => position(mapping.get(l.variable)!))) <
    Math.min(...realLoops(c.phases[home].loops).map((l) => position(mapping.get(l.variable)!)), outer.length);
  if (!rowWise && points(outer) > SMALL_STRIDED) return undefined;
  // Express the producer in the consumer's variables, then the consumer's phases follow as in the plain case.
  if (c.phases.filter((ph) => ph.loops.length > 0).length > 1 && tooDear(made)) return undefined;
  const rename = renamer(b, back);
  const stores = p.phases[0].stores.map((s) => ({
    ...s,
    index: rename(s.index),
    value: rename(s.value),
    guard: s.guard && rename(s.guard),
  }));
  const asReduction: Part = {
    ...p,
    outer: c.outer,
    phases: [{ loops: c.phases[home].loops, ordered: false, reductions: [], stores }],
  };
  const remade = new Map(
    [...made].map(([buffer]) => [buffer, { store: stores.find((s) => s.buffer === buffer)!, phase: 0 }]),
  );
  const identity: Mapping = new Map();
  for (const [buffer, loads] of cf.loads) {
    const m = remade.get(buffer);
    if (m && !matchLoads(loads, m.store.index, identity)) return undefined;
  }
  // A vector that is read both along the outer loops and along the reduction is not the value of one point.
  if ([...identity].some(([wanted, own]) => wanted !== own)) return undefined;
  return { ...combine(b, asReduction, c, c.phases, identity, remade), base: null };
}

/** Beyond this cost a value is read back from memory rather than computed in each of several phases. */
const DEAR_AGAIN = 24;

/** Whether some value would be computed once per phase at a price above reading it. */
function tooDear(made: ReadonlyMap<number, { store: Store }>): boolean {
  for (const { store } of made.values()) {
    let cost = 0;
    visitExprs([store.value], (e) => {
      if (e.kind === 'op') cost += weightOf(e.op);
    });
    if (cost > DEAR_AGAIN) return true;
  }
  return false;
}

function renamer(b: ExprBuilder, mapping: Mapping): (e: Expr) => Expr {
  const memo = new Map<Expr, Expr>();
  return (e) => rewrite(b, e, (x) => (x.kind === 'var' ? mapping.get(x) : undefined), memo);
}

/** Appends the consumer's phases to the producer's, in the producer's variables and with its values in place of loads. */
function combine(
  b: ExprBuilder,
  p: Part,
  c: Part,
  phases: readonly Phase[],
  mapping: Mapping,
  made: ReadonlyMap<number, { store: Store }>,
): Merged {
  const memo = new Map<Expr, Expr>();
  const rename = (e: Expr): Expr =>
    rewrite(
      b,
      e,
      (x) => {
        if (x.kind === 'var') return mapping.get(x);
        if (x.kind !== 'load') return undefined;
        const m = made.get(x.buffer);
        if (!m) return undefined;
        return x.guard ? b.op('where', [x.guard, m.store.value, b.constant(0, x.dtype)]) : m.store.value;
      },
      memo,
    );
  const merged = [...p.phases];
  const added = phases.map((ph) => {
    const loops = ph.loops.map((l) => ({ variable: mapping.get(l.variable) ?? l.variable, size: l.size }));
    return appendPhase(b, merged, {
      ordered: ph.ordered,
      loops,
      reductions: ph.reductions.map((r) => ({ ...r, value: rename(r.value) })),
      stores: ph.stores.map((s) => ({
        ...s,
        index: rename(s.index),
        value: rename(s.value),
        guard: s.guard && rename(s.guard),
      })),
    });
  });
  const part = {
    outer: p.outer,
    phases: merged,
    contraction: p.contraction,
    host: null,
    names: mergeNames(p.names, c.names),
    order: Math.max(p.order, c.order),
  };
  return { part, base: p, added };
}

function mergeNames(a: readonly string[], c: readonly string[]): string[] {
  const names = [...a];
  for (const n of c) if (!names.includes(n)) names.push(n);
  return names;
}

/**
 * Adds a phase to `phases` behind those that it depends on, inside an existing one with the same loops where there is one. Returns
 * it as it was added, and to which.
 */
function appendPhase(b: ExprBuilder, phases: Phase[], added: Phase): Merged['added'][number] {
  const accs = new Set<number>();
  visitExprs(phaseRoots(added), (e) => {
    if (e.kind === 'acc') accs.add(e.acc);
  });
  let earliest = 0;
  phases.forEach((ph, i) => {
    if (ph.reductions.some((r) => accs.has(r.acc))) earliest = i + 1;
  });
  const own = added.ordered;
  for (let i = earliest; i < phases.length; i++) {
    const ph = phases[i];
    if (
      own ||
      ph.ordered ||
      ph.loops.length !== added.loops.length ||
      ph.loops.some((l, k) => l.size !== added.loops[k].size)
    )
      continue;
    const isSame = added.loops.every((l, k) => l.variable === ph.loops[k].variable);
    const rename = isSame
      ? (e: Expr) => e
      : renamer(b, new Map(added.loops.map((l, k) => [l.variable, ph.loops[k].variable])));
    const phase: Phase = {
      loops: ph.loops,
      ordered: false,
      reductions: added.reductions.map((r) => ({ ...r, value: rename(r.value) })),
      stores: added.stores.map((s) => ({
        ...s,
        index: rename(s.index),
        value: rename(s.value),
        guard: s.guard && rename(s.guard),
      })),
    };
    phases[i] = {
      ...phase,
      reductions: [...ph.reductions, ...phase.reductions],
      stores: [...ph.stores, ...phase.stores],
    };
    return { phase, at: i };
  }
  phases.push(added);
  return { phase: added, at: phases.length - 1 };
}

/** Two parts over the same outer loops that read a common element at each point. */
function mergeSiblings(b: ExprBuilder, p: Part, c: Part, pf: Facts, cf: Facts): Merged | undefined {
  if (
    p.contraction ||
    c.contraction ||
    placesByData(p) ||
    placesByData(c) ||
    p.phases.some((ph) => ph.ordered) ||
    c.phases.some((ph) => ph.ordered)
  )
    return undefined;
  if (p.outer.length !== c.outer.length || p.outer.some((l, i) => l.size !== c.outer[i].size))
    return undefined;
  const mapping: Mapping = new Map(c.outer.map((l, i) => [l.variable, p.outer[i].variable]));
  const shape = (part: Part) =>
    part.phases.map((ph) => ph.loops.map((l) => l.size).join()).filter((s) => s !== '');
  // The same loops inside, or nothing is shared but the outer ones.
  const inner = new Set(shape(p));
  if (!shape(c).every((s) => inner.has(s)) || shape(p).length !== shape(c).length) return undefined;
  const innerLoops = new Map<string, readonly Loop[]>();
  for (const ph of p.phases) innerLoops.set(ph.loops.map((l) => l.size).join(), ph.loops);
  for (const ph of c.phases) {
    const same = innerLoops.get(ph.loops.map((l) => l.size).join());
    if (same) ph.loops.forEach((l, i) => mapping.set(l.variable, same[i].variable));
  }
  const rename = renamer(b, mapping);
  const shared = [...cf.loads].some(([buffer, loads]) => {
    const theirs = pf.loads.get(buffer);
    return theirs && loads.some((l) => theirs.some((t) => t.index === rename(l.index)));
  });
  return shared ? combine(b, p, c, c.phases, mapping, new Map()) : undefined;
}

/** Which part must run before which, kept up to date while parts merge. */
import type { Part } from './part.js';

export interface Dependencies {
  /** Whether the part is still there: a merge removes two. */
  has(part: Part): boolean;
  /** All parts, producers before consumers; among the free ones, in program order. */
  inOrder(): Part[];
  /** Parts whose results this one reads. */
  before(part: Part): ReadonlySet<Part>;
  /** Parts that read this one's results. */
  after(part: Part): ReadonlySet<Part>;
  /** Parts that read a buffer which this one reads too. */
  sharing(part: Part): Part[];
  /** Whether one part in place of two leaves no cycle: no path from one to the other goes through a third. */
  canMerge(a: Part, b: Part): boolean;
  replace(a: Part, b: Part, merged: Part): void;
  /** Orders `first` before `second` though no value flows (an overwrite after the last read). False if that is impossible. */
  require(first: Part, second: Part): boolean;
}

interface Span {
  readonly first: number;
  readonly last: number;
}

/** Builds the relation from the buffers that each part reads and writes. */
export function createDependencies(
  parts: readonly Part[],
  reads: (p: Part) => Iterable<number>,
  writes: (p: Part) => Iterable<number>,
): Dependencies {
  const before = new Map<Part, Set<Part>>();
  const after = new Map<Part, Set<Part>>();
  /** A concatenation has a writer for each of its pieces. */
  const writers = new Map<number, Part[]>();
  const readers = new Map<number, Set<Part>>();
  const positions = new Map<number, number>();
  /** For each part, the sets of `readers` that it is in, by their position among them. */
  const shares = new Map<Part, Map<number, Set<Part>>>();
  for (const p of parts) {
    before.set(p, new Set());
    after.set(p, new Set());
    for (const w of writes(p)) {
      const list = writers.get(w);
      if (list) list.push(p);
      else writers.set(w, [p]);
    }
    const own = new Map<number, Set<Part>>();
    for (const r of reads(p)) {
      const set = readers.get(r);
      if (set) set.add(p);
      else {
        positions.set(r, positions.size);
        readers.set(r, new Set([p]));
      }
      own.set(positions.get(r)!, readers.get(r)!);
    }
    shares.set(p, own);
  }
  for (const [buffer, set] of readers) {
    for (const w of writers.get(buffer) ?? []) {
      for (const r of set) {
        if (r === w) continue;
        before.get(r)!.add(w);
        after.get(w)!.add(r);
      }
    }
  }

  function inOrder(): Part[] {
    const missing = new Map([...before].map(([p, set]) => [p, set.size]));
    const ready = [...before.keys()].filter((p) => missing.get(p) === 0);
    const order: Part[] = [];
    while (ready.length) {
      let best = 0;
      for (let i = 1; i < ready.length; i++) if (ready[i].order < ready[best].order) best = i;
      const [p] = ready.splice(best, 1);
      order.push(p);
      for (const q of after.get(p)!) {
        const left = missing.get(q)! - 1;
        missing.set(q, left);
        if (left === 0) ready.push(q);
      }
    }
    return order;
  }

  /** Where each part, or what was merged into it, stood in the first order: no step leads back from the last to before the first. */
  const spans = new Map<Part, Span>(inOrder().map((p, i) => [p, { first: i, last: i }]));
  /**
   * Spans of merged parts, and of edges that were required and lead back in the first order: from just before the second part to just
   * behind the first.
   */
  const wide = new Set<Span>();

  /** Parts that begin here or later cannot come before `to`: a step leads to a later place, or into a part that spans both. */
  const horizon = (to: Part): number => {
    let end = spans.get(to)!.last;
    for (let grown = true; grown; ) {
      grown = false;
      for (const { first, last } of wide) {
        if (first >= end || last <= end) continue;
        end = last;
        grown = true;
      }
    }
    return end;
  };

  /** Whether `to` can be reached from one of `starts`. */
  const reaches = (starts: readonly Part[], to: Part): boolean => {
    if (starts.length === 0) return false;
    const end = horizon(to);
    const seen = new Set<Part>();
    const stack = [...starts];
    for (let p = stack.pop(); p; p = stack.pop()) {
      if (p === to) return true;
      if (seen.has(p) || spans.get(p)!.first >= end) continue;
      seen.add(p);
      for (const q of after.get(p)!) stack.push(q);
    }
    return false;
  };
  const without = (set: ReadonlySet<Part>, p: Part) => [...set].filter((q) => q !== p);

  return {
    has: (p) => before.has(p),
    inOrder,
    before: (p) => before.get(p)!,
    after: (p) => after.get(p)!,
    sharing(p) {
      const found = new Set<Part>();
      for (const [, set] of [...shares.get(p)!].sort(([x], [y]) => x - y))
        for (const q of set) if (q !== p) found.add(q);
      return [...found];
    },
    canMerge: (a, b) =>
      before.has(a) &&
      before.has(b) &&
      !reaches(without(after.get(a)!, b), b) &&
      !reaches(without(after.get(b)!, a), a),
    replace(a, b, merged) {
      const pred = new Set([...before.get(a)!, ...before.get(b)!].filter((p) => p !== a && p !== b));
      const succ = new Set([...after.get(a)!, ...after.get(b)!].filter((p) => p !== a && p !== b));
      for (const old of [a, b]) {
        for (const p of before.get(old)!) after.get(p)?.delete(old);
        for (const p of after.get(old)!) before.get(p)?.delete(old);
      }
      before.delete(a);
      before.delete(b);
      after.delete(a);
      after.delete(b);
      const [x, y] = [spans.get(a)!, spans.get(b)!];
      const span = { first: Math.min(x.first, y.first), last: Math.max(x.last, y.last) };
      for (const old of [a, b]) spans.delete(old);
      wide.delete(x);
      wide.delete(y);
      spans.set(merged, span);
      wide.add(span);
      before.set(merged, pred);
      after.set(merged, succ);
      for (const p of pred) after.get(p)!.add(merged);
      for (const p of succ) before.get(p)!.add(merged);
      const [few, many] = [shares.get(a)!, shares.get(b)!].sort((x, y) => x.size - y.size);
      for (const [position, set] of few) many.set(position, set);
      for (const set of many.values()) {
        set.delete(a);
        set.delete(b);
        set.add(merged);
      }
      shares.delete(a);
      shares.delete(b);
      shares.set(merged, many);
    },
    require(first, second) {
      if (first === second || reaches([second], first)) return false;
      before.get(second)!.add(first);
      after.get(first)!.add(second);
      const [x, y] = [spans.get(first)!, spans.get(second)!];
      if (x.last >= y.first) wide.add({ first: y.first - 1, last: x.last + 1 });
      return true;
    },
  };
}

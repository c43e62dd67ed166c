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

/** Builds the relation from the buffers that each part reads and writes. */
export function createDependencies(
  parts: readonly Part[],
  reads: (p: Part) => Iterable<number>,
  writes: (p: Part) => Iterable<number>,
): Dependencies {
  const before = new Map<Part, Set<Part>>();
  const after = new Map<Part, Set<Part>>();
  const writer = new Map<number, Part>();
  const readers = new Map<number, Set<Part>>();
  for (const p of parts) {
    before.set(p, new Set());
    after.set(p, new Set());
    for (const w of writes(p)) writer.set(w, p);
    for (const r of reads(p)) {
      const set = readers.get(r);
      if (set) set.add(p);
      else readers.set(r, new Set([p]));
    }
  }
  for (const [buffer, set] of readers) {
    const w = writer.get(buffer);
    if (!w) continue;
    for (const r of set) {
      if (r === w) continue;
      before.get(r)!.add(w);
      after.get(w)!.add(r);
    }
  }

  /** Whether `to` can be reached from one of `starts`. */
  const reaches = (starts: Iterable<Part>, to: Part): boolean => {
    const seen = new Set<Part>();
    const stack = [...starts];
    for (let p = stack.pop(); p; p = stack.pop()) {
      if (p === to) return true;
      if (seen.has(p)) continue;
      seen.add(p);
      for (const q of after.get(p)!) stack.push(q);
    }
    return false;
  };
  const without = (set: ReadonlySet<Part>, p: Part) => [...set].filter((q) => q !== p);

  return {
    has: (p) => before.has(p),
    inOrder() {
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
    },
    before: (p) => before.get(p)!,
    after: (p) => after.get(p)!,
    sharing(p) {
      const found = new Set<Part>();
      for (const set of readers.values()) if (set.has(p)) for (const q of set) if (q !== p) found.add(q);
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
      before.set(merged, pred);
      after.set(merged, succ);
      for (const p of pred) after.get(p)!.add(merged);
      for (const p of succ) before.get(p)!.add(merged);
      for (const set of readers.values()) {
        if (set.delete(a) || set.has(b)) {
          set.delete(b);
          set.add(merged);
        }
      }
    },
    require(first, second) {
      if (first === second || reaches([second], first)) return false;
      before.get(second)!.add(first);
      after.get(first)!.add(second);
      return true;
    },
  };
}

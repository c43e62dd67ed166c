/** Dependencies between parts, against a search of the whole graph. */
import { describe, expect, it } from 'vitest';
import { createDependencies, type Dependencies } from '../src/schedule/dependencies.js';
import type { Part } from '../src/schedule/part.js';

/** A small generator of numbers in [0, n), so that a failure can be repeated. */
function dice(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

const part = (order: number): Part => ({
  outer: [],
  phases: [],
  contraction: null,
  names: [],
  host: null,
  order,
});

/** Whether a path leads from one part to the other, `direct` steps between the two aside. */
function leads(deps: Dependencies, from: Part, to: Part): boolean {
  const seen = new Set<Part>();
  const stack = [...deps.after(from)].filter((p) => p !== to);
  for (let p = stack.pop(); p; p = stack.pop()) {
    if (p === to) return true;
    if (seen.has(p)) continue;
    seen.add(p);
    stack.push(...deps.after(p));
  }
  return false;
}

describe('dependencies', () => {
  it('knows which parts can merge, while parts merge and orders are required', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const roll = dice(seed);
      const count = 4 + roll(20);
      const parts = Array.from({ length: count }, (_, i) => part(i));
      const reads = new Map(
        parts.map((p, i) => [p, Array.from({ length: roll(4) }, () => (i === 0 ? -1 : roll(i)))]),
      );
      const deps = createDependencies(
        parts,
        (p) => reads.get(p)!,
        (p) => [p.order],
      );
      for (let step = 0; step < 40; step++) {
        const left = deps.inOrder();
        const [a, b] = [left[roll(left.length)], left[roll(left.length)]];
        if (a === b) continue;
        const expected = !leads(deps, a, b) && !leads(deps, b, a);
        expect(deps.canMerge(a, b), `seed ${seed}, step ${step}`).toBe(expected);
        if (roll(4) === 0) {
          const cyclic = deps.after(b).has(a) || leads(deps, b, a);
          expect(deps.require(a, b), `seed ${seed}, step ${step}`).toBe(!cyclic);
        } else if (expected && roll(2) === 0) deps.replace(a, b, part(Math.max(a.order, b.order)));
        expect(deps.inOrder(), `seed ${seed}, step ${step}`).toHaveLength(
          left.filter((p) => deps.has(p)).length + (left.every((p) => deps.has(p)) ? 0 : 1),
        );
      }
    }
  });

  it('knows who reads the same buffers, also after merges', () => {
    const [a, b, c, d] = [0, 1, 2, 3].map(part);
    const reads = new Map([
      [a, [10]],
      [b, [10, 11]],
      [c, [11]],
      [d, [12]],
    ]);
    const deps = createDependencies(
      [a, b, c, d],
      (p) => reads.get(p)!,
      () => [],
    );
    expect(deps.sharing(b)).toEqual([a, c]);
    expect(deps.sharing(d)).toEqual([]);
    const merged = part(1);
    deps.replace(a, b, merged);
    expect(deps.sharing(c)).toEqual([merged]);
    expect(deps.sharing(merged)).toEqual([c]);
  });

  it('lets a reader wait for all writers of a buffer', () => {
    const [a, b, reader] = [part(0), part(1), part(2)];
    const deps = createDependencies(
      [reader, b, a],
      (p) => (p === reader ? [7] : []),
      (p) => (p === reader ? [] : [7]),
    );
    expect(deps.inOrder()).toEqual([a, b, reader]);
    expect([...deps.before(reader)]).toEqual(expect.arrayContaining([a, b]));
    expect(deps.canMerge(a, b)).toBe(true);
    expect(deps.canMerge(a, reader)).toBe(true);
    expect(deps.require(reader, a)).toBe(false);
  });
});

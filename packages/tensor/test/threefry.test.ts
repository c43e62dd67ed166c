import { describe, expect, it } from 'vitest';
import { threefry2x32, threefryFill } from '../src/kernel/threefry.js';

describe('threefry2x32', () => {
  // tests/kat_vectors of Random123: "threefry2x32 20 <counter> <key> <result>".
  it.each([
    { counter: [0, 0], key: [0, 0], result: [0x6b200159, 0x99ba4efe] },
    {
      counter: [0xffffffff, 0xffffffff],
      key: [0xffffffff, 0xffffffff],
      result: [0x1cb996fc, 0xbb002be7],
    },
    {
      counter: [0x243f6a88, 0x85a308d3],
      key: [0x13198a2e, 0x03707344],
      result: [0xc4923a9c, 0x483df7a0],
    },
  ])('agrees with Random123 for counter $counter', ({ counter, key, result }) => {
    expect(threefry2x32(key[0], key[1], counter[0], counter[1])).toEqual(result);
  });
});

describe('threefryFill', () => {
  it('gives the first word of each counter', () => {
    const out = new Uint32Array(100);
    threefryFill(out, 0xdeadbeef, 42, 7, 3);
    expect([...out]).toEqual([...out].map((_, i) => threefry2x32(0xdeadbeef, 42, 7 + i, 3)[0]));
  });

  it('carries into the high word', () => {
    const out = new Uint32Array(4);
    threefryFill(out, 1, 2, 0xfffffffe, 9);
    const counters = [
      [0xfffffffe, 9],
      [0xffffffff, 9],
      [0, 10],
      [1, 10],
    ];
    expect([...out]).toEqual(counters.map(([low, high]) => threefry2x32(1, 2, low, high)[0]));
  });

  it('wraps the high word', () => {
    const out = new Uint32Array(2);
    threefryFill(out, 5, 6, 0xffffffff, 0xffffffff);
    expect([...out]).toEqual([threefry2x32(5, 6, 0xffffffff, 0xffffffff)[0], threefry2x32(5, 6, 0, 0)[0]]);
  });
});

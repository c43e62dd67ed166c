import { describe, expect, it } from 'vitest';
import { lossCurve, movingAverage } from '../src/plot.js';

const options = { title: 'Loss of <A & B>', caption: 'a "quoted" caption', stepsPerEpoch: 10 };

/** All points of a curve as [x, y]. */
function points(svg: string, style: string): [number, number][] {
  const found = new RegExp(`<polyline class="${style}" points="([^"]*)"`).exec(svg);
  return found![1].split(' ').map((pair) => pair.split(',').map(Number) as [number, number]);
}

const decay = (n: number): number[] =>
  Array.from({ length: n }, (_, i) => 2.3 * 0.9 ** i * (1 + 0.3 * Math.sin(i)));

describe('the loss curve', () => {
  it('looks as it was when it was last looked at', async () => {
    await expect(lossCurve(decay(24), options)).toMatchFileSnapshot('fixtures/loss-curve.svg');
  });

  it('falls from left to right when the loss does', () => {
    const losses = Array.from({ length: 50 }, (_, i) => 2 * 0.9 ** i);
    for (const style of ['raw', 'smooth']) {
      const drawn = points(lossCurve(losses, options), style);
      expect(drawn).toHaveLength(50);
      for (let i = 1; i < 49; i++) {
        expect(drawn[i][0]).toBeGreaterThan(drawn[i - 1][0]);
        expect(drawn[i][1]).toBeGreaterThan(drawn[i - 1][1]);
      }
    }
  });

  it.each([
    ['one step', [0.5]],
    ['equal losses', [1, 1, 1, 1]],
    ['zeros', [0, 0, 0]],
    ['a zero among others', [2, 1, 0, 0.5]],
    ['many decades', Array.from({ length: 60 }, (_, i) => 10 ** (5 - i / 5))],
    ['100,000 steps', decay(100_000).map((x) => x + 0.01)],
  ])('stays inside the picture and small with %s', (_, losses) => {
    const svg = lossCurve(losses, options);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    expect(svg.length).toBeLessThan(60_000);
    for (const [, x, y] of svg.matchAll(/(\d+\.\d),(\d+\.\d)/g)) {
      expect(Number(x)).toBeGreaterThanOrEqual(76);
      expect(Number(x)).toBeLessThanOrEqual(852.1);
      expect(Number(y)).toBeGreaterThanOrEqual(84);
      expect(Number(y)).toBeLessThanOrEqual(418.1);
    }
    // At least two labels on the axis of losses.
    expect(svg.match(/text-anchor="end"/g)!.length).toBeGreaterThanOrEqual(2);
  });
});

describe('the moving average', () => {
  it('is the mean of the neighbours: of as many on both sides at the start, of those that are there at the end', () => {
    expect(movingAverage([1, 2, 6, 3, 8], 1)).toEqual([1, 3, 11 / 3, 17 / 3, 5.5]);
    expect(movingAverage([4, 0, 2], 0)).toEqual([4, 0, 2]);
    expect(movingAverage([3], 5)).toEqual([3]);
  });
});

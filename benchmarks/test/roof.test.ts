/** The roof's loops do what they are taken for. */
import { expect, test } from 'vitest';
import { DEPTH, flopsOf, loopsModule, nameOf } from '../src/roof/loops.js';
import { startThread } from '../src/roof/node.js';
import { createTeam, type Team } from '../src/roof/team.js';

const PAGES = 4;
const PAGE = 65536;

async function start(threads: number): Promise<{ team: Team; floats: Float32Array }> {
  const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES, shared: true });
  const module = new WebAssembly.Module(loopsModule(PAGES).bytes);
  const floats = new Float32Array(memory.buffer);
  for (let i = 0; i < floats.length; i++) floats[i] = (i % 11) - 5;
  return { team: await createTeam(module, memory, threads, startThread), floats };
}

test.each(loopsModule(PAGES).tiles)('a tile of %o is a product of two panels', async (tile) => {
  const { team, floats } = await start(1);
  const { rows, vectors } = tile;
  const columns = 4 * vectors;
  const [a, b, c] = [0, 4 * rows * DEPTH, PAGE];
  team.run([{ name: nameOf(tile), args: [2, a, b, c] }]);
  const expected: number[] = [];
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = 0;
      for (let k = 0; k < DEPTH; k++) sum += floats[k * rows + i] * floats[b / 4 + k * columns + j];
      expected.push(sum);
    }
  }
  expect([...floats.subarray(c / 4, c / 4 + rows * columns)]).toEqual(expected);
  expect(flopsOf(tile)).toBe(2 * rows * columns * DEPTH);
});

test('streams copy and add up all their numbers', async () => {
  const { team, floats } = await start(1);
  const bytes = 1280;
  team.run([{ name: 'copy', args: [PAGE, 0, bytes] }]);
  const numbers = floats.subarray(0, bytes / 4);
  expect(floats.subarray(PAGE / 4, PAGE / 4 + bytes / 4)).toEqual(numbers);
  team.run([{ name: 'sum', args: [2 * PAGE, 0, bytes] }]);
  const lanes = floats.subarray(PAGE / 2, PAGE / 2 + 32);
  const total = (values: Float32Array) => values.reduce((sum, x) => sum + x, 0);
  expect(total(lanes)).toBe(total(numbers));
});

test('two threads each do their own call, again and again', async () => {
  const { team, floats } = await start(2);
  for (let turn = 0; turn < 100; turn++) {
    floats.fill(0, PAGE / 4);
    floats[0] = turn;
    floats[32] = -turn;
    team.run([
      { name: 'copy', args: [PAGE, 0, 128] },
      { name: 'copy', args: [2 * PAGE, 128, 256] },
    ]);
    expect([floats[PAGE / 4], floats[PAGE / 2]]).toEqual([turn, -turn]);
  }
});

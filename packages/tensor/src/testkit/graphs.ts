/**
 * The op-level test kit: random graphs of tensor ops, computed by a backend with and without fusion and by the reference
 * backend one op at a time. Where they disagree, the graph is printed.
 */
import type { BackendFactory } from '../backend/interface.js';
import { reference } from '../backend/reference.js';
import { DTYPE_NAMES, type DType } from '../dtype.js';
import { currentDevice, type Device, setDefaultDevice } from '../runtime/device.js';
import { realizeNodes } from '../runtime/realize.js';
import { use } from '../runtime/use.js';
import { attention } from './graph-attention.js';
import * as elementwise from './graph-elementwise.js';
import * as movement from './graph-movement.js';
import * as reduction from './graph-reduction.js';
import { createPool, type Draw, type GraphValue } from './graph-values.js';
import type { TestRunner } from './harness.js';

const { curve, unary, stepped, binary, withNumber, compare, logical, bitwise, where, convert } = elementwise;
const { reshape, permute, expand, slice, select, flip, roll, pad, concat, repeat } = movement;
const { reduce, position, quantifier, softmax, scan, matmul, convolution, indexed, oneHot, sorted } =
  reduction;

/** What a graph grows by; those that stand here more than once are drawn more often. */
const STEPS: readonly elementwise.GraphStep[] = [
  ...[curve, unary, stepped, binary, binary, binary, withNumber, compare, logical, bitwise, where, convert],
  ...[reshape, reshape, permute, expand, slice, select, flip, roll, pad, concat, repeat],
  ...[
    reduce,
    reduce,
    reduce,
    position,
    quantifier,
    softmax,
    scan,
    matmul,
    matmul,
    attention,
    convolution,
    indexed,
    indexed,
  ],
  ...[oneHot, sorted],
];

const LEAF_DTYPES = [
  'float32',
  'float32',
  'float32',
  'int32',
  'float64',
  'bool',
  'float16',
  'uint8',
] as const;
/** The first ones come oftenest; those beyond every vector width last. */
const SIZES = [1, 2, 3, 4, 5, 7, 8, 0, 16, 17, 33];
const MOST_STEPS = 12;

/** A graph of pending tensors: the roots that are asked for, and how it was made. */
interface RandomGraph {
  readonly roots: readonly GraphValue[];
  readonly text: string;
}

/** Grows a graph from what `draw` returns; the same draws make the same graph again. */
function randomGraph(draw: Draw, dtypes: readonly DType[]): RandomGraph {
  const pool = createPool(draw, dtypes);
  const leafTypes = LEAF_DTYPES.filter((d) => dtypes.includes(d));
  for (let n = 1 + draw(3); n > 0; n--) {
    const shape = Array.from(
      { length: draw(4) },
      () => SIZES[Math.min(draw(SIZES.length), draw(SIZES.length))],
    );
    pool.leaf(leafTypes[draw(leafTypes.length)], shape);
  }
  const leaves = pool.values.length;
  for (let n = 1 + draw(MOST_STEPS); n > 0; n--) STEPS[draw(STEPS.length)](pool);
  const made = pool.values.slice(leaves).filter((v) => v.tensor.node.op !== 'data');
  const roots = made.filter((_, i) => i === made.length - 1 || draw(4) === 0);
  return { roots, text: [...pool.lines, `roots ${roots.map((r) => r.name).join(', ')}`].join('\n') };
}

/** Computes a graph's roots in one plan. */
async function evaluate(device: Device, graph: RandomGraph): Promise<number[][]> {
  setDefaultDevice(device);
  await realizeNodes(graph.roots.map((r) => r.tensor.node));
  return Promise.all(graph.roots.map(async (r) => Array.from(await r.tensor.data())));
}

function mismatch(graph: RandomGraph, actual: readonly number[][], expected: readonly number[][]): string {
  for (const [k, { name, error, tensor }] of graph.roots.entries()) {
    for (const [i, want] of expected[k].entries()) {
      const got = actual[k][i];
      if (Object.is(got, want) || Math.abs(got - want) <= error) continue;
      return `${name}[${i}] of ${tensor.dtype}[${tensor.shape}] is ${got}, expected ${want} ± ${error}`;
    }
  }
  return '';
}

export interface GraphChecker {
  /** Makes a graph once per device and compares; a sentence and the graph where they disagree, else ''. */
  check(draw: Draw): Promise<string>;
  destroy(): Promise<void>;
}

/**
 * Devices by name, compared with the reference backend without fusion. Graphs have tensors of the dtypes that all of
 * them have.
 */
export async function createGraphChecker(
  devices: Readonly<Record<string, readonly [BackendFactory, { readonly fusion?: boolean }?]>>,
): Promise<GraphChecker> {
  const before = currentDevice();
  const oracle = await use(reference(), { fusion: false, log: false });
  const started: [string, Device][] = [];
  for (const [name, [factory, options]] of Object.entries(devices)) {
    started.push([name, await use(factory, { ...options, log: false })]);
  }
  setDefaultDevice(before);
  const dtypes = DTYPE_NAMES.filter((d) =>
    started.every(([, device]) => device.backend.capabilities.dtypes.includes(d)),
  );

  return {
    async check(draw) {
      const drawn: number[] = [];
      const recorded: Draw = (count) => {
        const value = count > 0 ? draw(count) : 0;
        drawn.push(value);
        return value;
      };
      const previous = currentDevice();
      let text = '';
      try {
        const first = randomGraph(recorded, dtypes);
        text = first.text;
        const expected = await evaluate(oracle, first);
        for (const [name, device] of started) {
          let at = 0;
          const graph = randomGraph(() => drawn[at++], dtypes);
          const message = mismatch(graph, await evaluate(device, graph), expected);
          if (message) return `${name}: ${message}\n${text}`;
        }
        return '';
      } catch (cause) {
        throw new Error(`a random graph failed: ${(cause as Error).message}\n${text}`, { cause });
      } finally {
        setDefaultDevice(previous);
      }
    },
    async destroy() {
      for (const [, device] of started) await device.destroy();
      await oracle.destroy();
    },
  };
}

export interface GraphTestOptions {
  /** Numbers of 0 … 1 without 1, for example `Math.random`; a seeded source makes failures come again. */
  readonly random: () => number;
  /** How many graphs (default 200). */
  readonly runs?: number;
}

/**
 * Registers tests that compute random graphs on a backend, fused and unfused, and compare them with the reference
 * backend: integers exactly, floats within the rounding that the graph allows.
 *
 * ```ts
 * describeGraphs('cpu', cpu(), { describe, it, expect }, { random: mulberry32(1) });
 * ```
 */
export function describeGraphs(
  name: string,
  factory: BackendFactory,
  { describe, it, expect }: TestRunner,
  { random, runs = 200 }: GraphTestOptions,
): void {
  describe(`graphs on ${name}`, () => {
    it(`agrees with the reference backend on ${runs} random graphs`, async () => {
      const checker = await createGraphChecker({ fused: [factory], unfused: [factory, { fusion: false }] });
      for (let i = 0; i < runs; i++)
        expect(await checker.check((count) => Math.floor(random() * count))).toBe('');
      await checker.destroy();
    });
  });
}

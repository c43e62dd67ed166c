/** `@neurite/browser/kit`: the backend test kit without a test runner, for pages. */
import type { BackendFactory } from '@neurite/tensor';
import {
  describeGraphs,
  describeKernels,
  type KernelTestOptions,
  type TestRunner,
} from '@neurite/tensor/testkit';

interface KitTest {
  readonly name: string;
  readonly body: () => void | Promise<void>;
}

/** A runner that only writes down what is registered. */
function createCollector(): { readonly runner: TestRunner; readonly tests: readonly KitTest[] } {
  const tests: KitTest[] = [];
  const path: string[] = [];
  const runner: TestRunner = {
    describe(name, body) {
      path.push(name);
      body();
      path.pop();
    },
    it: (name, body) => tests.push({ name: [...path, name].join(' > '), body }),
    expect: (value) => ({
      toBe(expected) {
        if (!Object.is(value, expected)) throw new Error(`is ${value}, expected ${expected}`);
      },
    }),
  };
  return { runner, tests };
}

/** Numbers of 0 … 1 of the minimal standard generator. */
export function parkMiller(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

export interface KitOptions extends KernelTestOptions {
  /** Random graphs (default 100). */
  readonly graphs?: number;
}

export interface Kit {
  /** The names of the kit's tests. */
  readonly names: string[];
  /** Runs the kit, one test after the other; says what went wrong. */
  run(): Promise<string[]>;
}

/** The kit for a backend. */
export async function kitOf(
  factory: BackendFactory,
  { graphs = 100, ...options }: KitOptions = {},
): Promise<Kit> {
  const { runner, tests } = createCollector();
  await describeKernels(factory.name, async () => (await factory.start()).backend, runner, options);
  describeGraphs(factory.name, factory, runner, { random: parkMiller(7), runs: graphs });
  return {
    names: tests.map(({ name }) => name),
    async run() {
      const failures: string[] = [];
      for (const { name, body } of tests) {
        try {
          await body();
        } catch (e) {
          failures.push(`${name}: ${(e as Error).message}`);
        }
      }
      return failures;
    },
  };
}

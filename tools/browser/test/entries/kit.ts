/** The backend test kit without a test runner. */
import { type CpuOptions, cpu } from '@neurite/backend-cpu';
import { describeGraphs, describeKernels, type TestRunner } from '@neurite/tensor/testkit';

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
function parkMiller(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

async function collect(options: CpuOptions): Promise<readonly KitTest[]> {
  const { runner, tests } = createCollector();
  await describeKernels('cpu', async () => (await cpu(options).start()).backend, runner);
  describeGraphs('cpu', cpu(options), runner, { random: parkMiller(7), runs: 100 });
  return tests;
}

/** The names of the kit's tests. */
export const names = async (): Promise<string[]> => (await collect({ threads: 1 })).map(({ name }) => name);

/** Runs the kit, one test after the other; the names of the tests, and what went wrong. */
export async function run(options: CpuOptions): Promise<{ names: string[]; failures: string[] }> {
  const tests = await collect(options);
  const failures: string[] = [];
  for (const { name, body } of tests) {
    try {
      await body();
    } catch (e) {
      failures.push(`${name}: ${(e as Error).message}`);
    }
  }
  return { names: tests.map(({ name }) => name), failures };
}

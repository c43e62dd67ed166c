/** Gradients compared with finite differences, in float64, as torch.autograd.gradcheck. */
import { AutogradError, Generator, hostNormal, isFloat, realize, Tensor, tensor } from '@neurite/tensor';
import { gradients } from './backward.js';

export interface GradcheckOptions {
  /** Step of the central differences. Default 1e-6. */
  readonly eps?: number;
  /** Default 1e-5. */
  readonly atol?: number;
  /** Default 1e-3. */
  readonly rtol?: number;
}

type Outputs = Tensor | readonly Tensor[];
type Checked = (...inputs: Tensor[]) => Outputs;

const listOf = (t: Outputs): readonly Tensor[] => (t instanceof Tensor ? [t] : t);

/** The outputs to check: those on the tape, or, when none is, all: their differences must then be 0. */
function checkedOf(result: Outputs): readonly Tensor[] {
  const all = listOf(result);
  const onTape = all.filter((o) => o.requiresGrad);
  return onTape.length > 0 ? onTape : all.filter((o) => isFloat(o.dtype));
}

/**
 * Compares the gradients of `fn` with central differences at `inputs`, which must be float64 where they require gradients.
 * Resolves to true; rejects with AutogradError, naming output, input and both values, at the first element where
 * |analytic − numeric| > atol + rtol·|numeric|.
 */
export async function gradcheck(
  fn: Checked,
  inputs: Tensor | readonly Tensor[],
  { eps = 1e-6, atol = 1e-5, rtol = 1e-3 }: GradcheckOptions = {},
): Promise<boolean> {
  const points = await pointsOf(listOf(inputs));
  const variables = points.filter((p) => p.tensor.requiresGrad);
  if (variables.length === 0)
    throw new AutogradError('gradcheck: no input requires gradients; set requiresGrad on one');
  const outputs = checkedOf(fn(...points.map((p) => p.tensor)));
  if (outputs.length === 0)
    throw new AutogradError('gradcheck: no output depends on an input that requires gradients');

  const analytic = await analyticJacobians(
    outputs,
    variables.map((p) => p.tensor),
  );
  for (const [k, variable] of variables.entries()) {
    for (let j = 0; j < variable.values.length; j++) {
      const numeric = await centralDifference(fn, points, variable, j, eps);
      numeric.forEach((column, o) => {
        column.forEach((expected, i) => {
          const got = analytic[o][i][k][j];
          // NaN on either side fails, too.
          if (Math.abs(got - expected) <= atol + rtol * Math.abs(expected)) return;
          throw new AutogradError(
            `gradcheck: derivative of element ${i} of output ${o} with respect to element ${j} of input ${points.indexOf(variable)} ` +
              `is ${got} by backward and ${expected} by differences`,
          );
        });
      });
    }
  }
  return true;
}

/**
 * `gradcheck` of the gradients of `fn`: second derivatives, with respect to inputs and output gradients (fixed random ones
 * when none are given).
 */
export async function gradgradcheck(
  fn: Checked,
  inputs: Tensor | readonly Tensor[],
  options: GradcheckOptions & { readonly gradOutputs?: readonly Tensor[] } = {},
): Promise<boolean> {
  const list = listOf(inputs);
  const generator = new Generator(0);
  const gradOutputs =
    options.gradOutputs ??
    checkedOf(fn(...list)).map((o) =>
      tensor(Float64Array.from(hostNormal(generator, o.numel, 0, 1)), {
        shape: o.shape,
        dtype: o.dtype,
      }).requiresGrad_(),
    );
  const gradient: Checked = (...all) => {
    const here = all.slice(0, list.length);
    const outputs = checkedOf(fn(...here));
    return gradients(
      outputs,
      here.filter((t) => t.requiresGrad),
      { gradOutputs: all.slice(list.length), createGraph: true, allowUnused: true },
    ).flatMap((g) => (g ? [g] : []));
  };
  return gradcheck(gradient, [...list, ...gradOutputs], options);
}

/** An input of the check and its elements on the host. */
interface Point {
  readonly tensor: Tensor;
  readonly values: ArrayLike<number>;
}

async function pointsOf(inputs: readonly Tensor[]): Promise<Point[]> {
  for (const [i, t] of inputs.entries()) {
    if (t.requiresGrad && t.dtype !== 'float64') {
      throw new AutogradError(`gradcheck: input ${i} is ${t.dtype}; differences need float64 (use double())`);
    }
  }
  await realize(...inputs);
  return Promise.all(inputs.map(async (t) => ({ tensor: t, values: await t.data() })));
}

/** [output][element of it][variable][element of that]. Rows are plans of one structure: one compilation. */
async function analyticJacobians(
  outputs: readonly Tensor[],
  variables: readonly Tensor[],
): Promise<number[][][][]> {
  const result: number[][][][] = [];
  for (const output of outputs) {
    const rows: number[][][] = [];
    for (let i = 0; i < output.numel; i++) {
      const oneHot = new Float64Array(output.numel);
      oneHot[i] = 1;
      const row = output.requiresGrad
        ? gradients(output, variables, {
            gradOutputs: tensor(oneHot, { shape: output.shape, dtype: output.dtype }),
            retainGraph: true,
            allowUnused: true,
          })
        : variables.map(() => null);
      await realize(...row.flatMap((g) => (g ? [g] : [])));
      rows.push(
        await Promise.all(
          row.map(async (g, k) =>
            g ? [...(await g.data())] : new Array<number>(variables[k].numel).fill(0),
          ),
        ),
      );
    }
    result.push(rows);
  }
  return result;
}

/** d(outputs)/d(element `j` of `variable`): [output][element]. */
async function centralDifference(
  fn: Checked,
  points: readonly Point[],
  variable: Point,
  j: number,
  eps: number,
): Promise<number[][]> {
  const at = async (shift: number): Promise<ArrayLike<number>[]> => {
    const values = Float64Array.from(variable.values);
    values[j] += shift;
    const args = points.map((p) =>
      p === variable ? tensor(values, { shape: p.tensor.shape, dtype: 'float64' }).requiresGrad_() : p.tensor,
    );
    const outputs = checkedOf(fn(...args));
    await realize(...outputs);
    return Promise.all(outputs.map((o) => o.data()));
  };
  const high = await at(eps);
  const low = await at(-eps);
  return high.map((column, o) => Array.from(column, (v, i) => (v - low[o][i]) / (2 * eps)));
}

import { AutogradError, isGradEnabled, noGrad, Tensor, zerosLike } from '@neurite/tensor';
import { attach } from './call.js';

/** What `forward` leaves for `backward`; own properties may be added, as in PyTorch. */
export interface FunctionContext {
  /** Keeps inputs or outputs for `backward`; a call that saves something allows one backward without `retainGraph`. */
  saveForBackward(...tensors: Tensor[]): void;
  /** What was saved. */
  readonly savedTensors: readonly Tensor[];
  /** One per argument of the call: whether its gradient will be used. */
  readonly needsInputGrad: readonly boolean[];
  /** These outputs carry no gradient. */
  markNonDifferentiable(...outputs: Tensor[]): void;
  /** When off, `backward` receives null instead of zeros for an output without a gradient. */
  setMaterializeGrads(on: boolean): void;
  [name: string]: unknown;
}

type Gradient = Tensor | null | undefined;

export interface FunctionDefinition<A extends readonly unknown[], R extends Tensor | readonly Tensor[]> {
  /** For error messages. */
  readonly name?: string;
  /** Computes the result; recording for gradients is off. */
  forward(ctx: FunctionContext, ...args: A): R;
  /** One gradient per argument of the call (null or undefined: none) from one gradient per output. */
  backward(ctx: FunctionContext, ...gradients: Tensor[]): Gradient | readonly Gradient[];
}

/**
 * A function with its own gradient, as torch.autograd.Function. Tensors are differentiated where they are arguments
 * themselves (not inside arrays or objects); gradients of a higher order come from differentiating `backward`.
 *
 * @example
 * const clampedExp = customFunction({
 *   forward(ctx, x: Tensor) { const y = x.exp(); ctx.saveForBackward(y); return y; },
 *   backward(ctx, g) { const [y] = ctx.savedTensors; return g.mul(y).clamp({ max: 10 }); },
 * });
 */
export function customFunction<A extends readonly unknown[], R extends Tensor | readonly Tensor[]>(
  definition: FunctionDefinition<A, R>,
): (...args: A) => R {
  const name = definition.name ?? 'customFunction';
  return (...args) => {
    const tensors = args.flatMap((arg, i) => (arg instanceof Tensor ? [{ arg, i }] : []));
    const needsInputGrad = args.map((arg) => arg instanceof Tensor && arg.requiresGrad);
    const { ctx, state } = context(needsInputGrad);
    const result = noGrad(() => definition.forward(ctx, ...args));
    const values: readonly Tensor[] = result instanceof Tensor ? [result] : result;
    if (!isGradEnabled() || !needsInputGrad.includes(true)) return result;

    const outputs = attach({
      name,
      inputs: tensors.map(({ arg }) => arg),
      values,
      excluded: state.excluded,
      saves: () => state.saved.length > 0,
      backward: (received) => {
        const gradients = received.map((g, i) => g ?? (state.materialize ? zerosLike(values[i]) : null));
        const returned = definition.backward(ctx, ...(gradients as Tensor[]));
        const list: readonly Gradient[] = Array.isArray(returned) ? returned : [returned as Gradient];
        if (list.length !== args.length) {
          throw new AutogradError(
            `${name}: backward returned ${list.length} gradients for ${args.length} arguments; return one for each (null: none)`,
          );
        }
        return tensors.map(({ i }) => list[i] ?? null);
      },
    });
    // The gradient of a gradient goes through the outputs, which are on the tape, not through the bare values.
    const onTape = (value: Tensor): Tensor => outputs[values.indexOf(value)] ?? value;
    state.saved = state.saved.map((t) => (args.includes(t) ? t : onTape(t)));
    return (result instanceof Tensor ? outputs[0] : outputs) as unknown as R;
  };
}

function context(needsInputGrad: readonly boolean[]) {
  const state = { saved: [] as Tensor[], excluded: new Set<Tensor>(), materialize: true };
  const ctx: FunctionContext = {
    needsInputGrad,
    get savedTensors() {
      return state.saved;
    },
    saveForBackward: (...tensors) => {
      state.saved = tensors;
    },
    markNonDifferentiable: (...outputs) => {
      for (const output of outputs) state.excluded.add(output);
    },
    setMaterializeGrads: (on) => {
      state.materialize = on;
    },
  };
  return { ctx, state };
}

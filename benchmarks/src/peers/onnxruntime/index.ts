/** ONNX Runtime's CPU provider: a model per forward row, whose weights are part of it. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Case, MakeCase, PeerRows } from '../../case.js';
import type { Inputs } from '../../inputs.js';
import { ADDITIONS } from '../../rows/kernels.js';
import { type Attribute, encodeModel, type Operator } from './model.js';

const op = (
  type: string,
  inputs: readonly string[],
  output: string,
  attributes?: Record<string, Attribute>,
): Operator => ({ type, inputs, output, attributes });

const scalar = (value: number): Inputs[string] => ({ shape: [], data: Float32Array.of(value) });

const axis = (value: number): Inputs[string] => ({ shape: [1], data: Int32Array.of(value) });

interface RowModel {
  readonly outputShape: readonly number[];
  readonly operators: readonly Operator[];
  readonly constants?: Inputs;
}

/** Starts a session per row with so many threads. */
function rowsWith(threads: number): PeerRows {
  const of =
    ({ outputShape, operators, constants = {} }: RowModel): MakeCase =>
    async (inputs) => {
      const isWeight = ([name]: [string, unknown]) => name === 'weight' || name === 'bias';
      const entries = Object.entries(inputs);
      const fed = Object.fromEntries(entries.filter((entry) => !isWeight(entry)));
      const weights = Object.fromEntries(entries.filter(isWeight));
      const model = encodeModel({
        inputs: fed,
        constants: { ...weights, ...constants },
        operators,
        outputShape,
      });
      const session = await InferenceSession.create(model, { intraOpNumThreads: threads });
      const feeds = Object.fromEntries(
        Object.entries(fed).map(([name, { data, shape }]) => [name, new Tensor('float32', data, shape)]),
      );
      return runs(session, feeds);
    };

  const product = (m: number, n: number): MakeCase =>
    of({ outputShape: [m, n], operators: [op('MatMul', ['a', 'b'], 'y')] });

  const gemm = (transA: number, transB: number): MakeCase =>
    of({ outputShape: [512, 512], operators: [op('Gemm', ['a', 'b'], 'y', { transA, transB })] });

  const convolution = (outputShape: readonly number[], group: number): MakeCase =>
    of({
      outputShape,
      operators: [op('Conv', ['x', 'weight', 'bias'], 'y', { pads: [1, 1, 1, 1], group })],
    });

  const sum = (outputShape: readonly number[], dim?: number): MakeCase =>
    of({
      outputShape,
      operators: [op('ReduceSum', dim === undefined ? ['x'] : ['x', 'dim'], 'y', { keepdims: 0 })],
      constants: dim === undefined ? {} : { dim: axis(dim) },
    });

  const training = 'forward only';
  return {
    'matmul-256': product(256, 256),
    'matmul-512': product(512, 512),
    'matmul-1024': product(1024, 1024),
    'matmul-2048': product(2048, 2048),
    'matmul-tn-512': gemm(1, 0),
    'matmul-nt-512': gemm(0, 1),
    'matmul-tt-512': gemm(1, 1),
    'matmul-1x1024x1024': product(1, 1024),
    'matmul-4x1024x1024': product(4, 1024),
    'matmul-1024x1024x1': product(1024, 1),
    chain: of({
      outputShape: [2 ** 20],
      constants: { scale: scalar(1.5), shift: scalar(0.5) },
      operators: [
        op('Mul', ['x', 'scale'], 'scaled'),
        op('Add', ['scaled', 'shift'], 'u'),
        op('Gelu', ['u'], 'gelu', { approximate: 'tanh' }),
        op('Sigmoid', ['x'], 'gate'),
        op('Mul', ['gelu', 'gate'], 'y'),
      ],
    }),
    softmax: of({ outputShape: [512, 1000], operators: [op('Softmax', ['x'], 'y', { axis: 1 })] }),
    'layer-norm': of({
      outputShape: [2048, 768],
      operators: [op('LayerNormalization', ['x', 'weight', 'bias'], 'y', { epsilon: 1e-5 })],
    }),
    'sum-all': sum([]),
    'sum-dim0': sum([1024], 0),
    'sum-dim1': sum([4096], 1),
    'conv-forward': convolution([32, 64, 28, 28], 1),
    'conv-backward': training,
    'depthwise-forward': convolution([16, 64, 56, 56], 64),
    'depthwise-backward': training,
    'attention-forward': of({
      outputShape: [8, 256, 64],
      constants: { scale: scalar(1 / 8) },
      operators: [
        op('Transpose', ['k'], 'kt', { perm: [0, 2, 1] }),
        op('MatMul', ['q', 'kt'], 'products'),
        op('Mul', ['products', 'scale'], 'scores'),
        op('Softmax', ['scores'], 'weights', { axis: 2 }),
        op('MatMul', ['weights', 'v'], 'y'),
      ],
    }),
    'attention-backward': training,
    additions: of({
      outputShape: [1000],
      operators: Array.from({ length: ADDITIONS }, (_, i) =>
        op('Add', [i === 0 ? 'x' : `x${i}`, 'y'], `x${i + 1}`),
      ),
    }),
    'mlp-step': training,
    'cnn-step': training,
    lstm: training,
    'gpt-step': training,
    'resnet-step': training,
    'adam-1m': training,
    'tiny-step': training,
    'import-first': of({
      outputShape: [64, 64],
      operators: [op('MatMul', ['a', 'b'], 'product'), op('Relu', ['product'], 'y')],
    }),
    'cold-mlp': training,
    'cold-gpt': training,
  };
}

function runs(session: InferenceSession, feeds: Record<string, Tensor>): Case {
  const run = async (): Promise<Tensor> => {
    const results = await session.run(feeds);
    return results[session.outputNames[0]];
  };
  return {
    run: async () => {
      await run();
    },
    check: async () => [(await run()).data as Float32Array],
  };
}

export const open = async (threads: number): Promise<PeerRows> => rowsWith(threads);

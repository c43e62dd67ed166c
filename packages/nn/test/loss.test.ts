import { randn, type Tensor, tensor } from '@neurite/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import * as nn from '../src/index.js';
import { expectValues, gradientOf, labels, useReference, values, variable, vector } from './support.js';

const F = nn.functional;
beforeAll(useReference);

const softmax = (row: readonly number[]): number[] => {
  const total = row.reduce((sum, x) => sum + Math.exp(x), 0);
  return row.map((x) => Math.exp(x) / total);
};
const logSoftmax = (row: readonly number[]): number[] => softmax(row).map(Math.log);

const LOGITS = [
  [1, 2, 0.5],
  [-1, 3, 0],
  [0.2, 0.1, 0.4],
];
const LOG_P = LOGITS.map(logSoftmax);
const TARGET = [1, 0, 2];
const WEIGHT = [0.5, 1, 2];

describe('crossEntropy with class numbers', () => {
  const nll = TARGET.map((t, i) => -LOG_P[i][t]);
  const x = (): Tensor => variable(LOGITS);

  it('is the mean, the sum or the list of −log p', async () => {
    await expectValues(F.crossEntropy(x(), labels(TARGET)), [(nll[0] + nll[1] + nll[2]) / 3], 12);
    await expectValues(
      F.crossEntropy(x(), labels(TARGET), { reduction: 'sum' }),
      [nll[0] + nll[1] + nll[2]],
      12,
    );
    await expectValues(F.crossEntropy(x(), labels(TARGET), { reduction: 'none' }), nll, 12);
    await expectValues(F.crossEntropy(vector(...LOGITS[0]), labels(1)), [nll[0]], 12);
  });

  it('has softmax minus one-hot as gradient', async () => {
    const expected = LOGITS.flatMap((row, i) =>
      softmax(row).map((p, c) => (p - (c === TARGET[i] ? 1 : 0)) / 3),
    );
    await expectValues(
      gradientOf((t) => F.crossEntropy(t, labels(TARGET)), x()),
      expected,
      12,
    );
  });

  it('weights classes, in the mean’s divisor too', async () => {
    const weight = vector(...WEIGHT);
    const weighted = nll.map((loss, i) => WEIGHT[TARGET[i]] * loss);
    const total = weighted[0] + weighted[1] + weighted[2];
    await expectValues(F.crossEntropy(x(), labels(TARGET), { weight }), [total / 3.5], 12);
    await expectValues(F.crossEntropy(x(), labels(TARGET), { weight, reduction: 'none' }), weighted, 12);
  });

  it('leaves out what is to be ignored, value, divisor and gradient', async () => {
    const loss = (t: Tensor): Tensor => F.crossEntropy(t, labels([1, -100, 2]));
    await expectValues(loss(x()), [(nll[0] + nll[2]) / 2], 12);
    const gradient = await values(gradientOf(loss, x()));
    expect(gradient.slice(3, 6)).toEqual([0, 0, 0]);
    await expectValues(F.crossEntropy(x(), labels(TARGET), { ignoreIndex: 0 }), [(nll[0] + nll[2]) / 2], 12);
    expect(await F.crossEntropy(x(), labels([-100, -100, -100])).item()).toBeNaN();
  });

  it('smooths labels as PyTorch does', async () => {
    const smooth = LOG_P.map((row) => -row.reduce((a, b) => a + b));
    const expected = nll.reduce((sum, loss, i) => sum + 0.7 * loss + (0.3 / 3) * smooth[i], 0) / 3;
    await expectValues(F.crossEntropy(x(), labels(TARGET), { labelSmoothing: 0.3 }), [expected], 12);
    // With weights both parts are divided by the weights of the targets.
    const weighted = LOG_P.map((row) => -row.reduce((sum, p, c) => sum + WEIGHT[c] * p, 0));
    const total = nll.reduce((sum, loss, i) => sum + 0.7 * WEIGHT[TARGET[i]] * loss + 0.1 * weighted[i], 0);
    await expectValues(
      F.crossEntropy(x(), labels(TARGET), { labelSmoothing: 0.3, weight: vector(...WEIGHT) }),
      [total / 3.5],
      12,
    );
  });

  it('takes targets for every position', async () => {
    // [N, C, L]: the classes are dimension 1.
    const input = x().transpose(0, 1).unsqueeze(0);
    await expectValues(
      F.crossEntropy(input as Tensor, labels([TARGET])),
      [(nll[0] + nll[1] + nll[2]) / 3],
      12,
    );
  });

  it('stays finite for certain and for hopeless predictions', async () => {
    const certain = variable([[1000, 0]], 'float32');
    await expectValues(F.crossEntropy(certain, labels([0])), [0]);
    await expectValues(F.crossEntropy(certain, labels([1])), [1000]);
    await expectValues(
      gradientOf((t) => F.crossEntropy(t, labels([1])), certain),
      [1, -1],
    );
  });

  it('says what does not fit', () => {
    expect(() => F.crossEntropy(randn([4, 3]), labels([1, 2]))).toThrow(
      'crossEntropy: for input [4, 3] the target must have shape [4], got [2]',
    );
    expect(() => F.crossEntropy(randn([4, 3]), labels([0, 1, 2, 0]), { weight: randn([2]) })).toThrow(
      'crossEntropy: the weight must have one element for each of 3 classes, got [2]',
    );
    expect(() => F.crossEntropy(randn([4, 3]), labels([0, 1, 2, 0]), { labelSmoothing: 2 })).toThrow(
      /between 0 and 1, got 2/,
    );
    expect(() => F.crossEntropy(randn([4, 3]), randn([4]))).toThrow(
      /class numbers must be int32, got float32 \[4\] for logits \[4, 3\]/,
    );
    expect(() =>
      F.crossEntropy(randn([4, 3]), labels([0, 1, 2, 0]), { reduction: 'median' as never }),
    ).toThrow("crossEntropy: reduction must be 'none', 'mean' or 'sum', got 'median'");
    expect(() => F.crossEntropy(randn([4, 3]), randn([4, 2]))).toThrow(
      /input \[4, 3\] and target \[4, 2\] must have the same shape/,
    );
    expect(() => F.nllLoss(randn([4, 3]), randn([4]))).toThrow(
      /nllLoss: class numbers must be integers, got float32/,
    );
  });
});

describe('crossEntropy with probabilities', () => {
  const P = [
    [0.2, 0.5, 0.3],
    [1, 0, 0],
    [0.1, 0.1, 0.8],
  ];
  const losses = P.map((row, i) => -row.reduce((sum, p, c) => sum + p * LOG_P[i][c], 0));

  it('is −Σ p log q, averaged over the batch', async () => {
    const mean = losses.reduce((a, b) => a + b) / 3;
    await expectValues(F.crossEntropy(variable(LOGITS), variable(P)), [mean], 12);
    await expectValues(F.crossEntropy(variable(LOGITS), variable(P), { reduction: 'none' }), losses, 12);
    const target = variable(P);
    F.crossEntropy(variable(LOGITS), target).backward();
    await expectValues(
      target.grad,
      LOG_P.flat().map((v) => -v / 3),
      12,
    );
  });

  it('knows weight and label smoothing', async () => {
    const smooth = P.map((row) => row.map((p) => 0.8 * p + 0.2 / 3));
    const expected =
      smooth.reduce((sum, row, i) => sum - row.reduce((s, p, c) => s + WEIGHT[c] * p * LOG_P[i][c], 0), 0) /
      3;
    await expectValues(
      F.crossEntropy(variable(LOGITS), variable(P), { labelSmoothing: 0.2, weight: vector(...WEIGHT) }),
      [expected],
      12,
    );
  });
});

describe('nllLoss', () => {
  it('picks log-probabilities', async () => {
    const input = variable(LOG_P);
    await expectValues(
      F.nllLoss(input, labels(TARGET), { reduction: 'none' }),
      TARGET.map((t, i) => -LOG_P[i][t]),
      12,
    );
    await expectValues(
      gradientOf((t) => F.nllLoss(t, labels(TARGET)), input),
      [0, -1 / 3, 0, -1 / 3, 0, 0, 0, 0, -1 / 3],
      12,
    );
  });

  it('ignores an infinite log-probability that is not picked', async () => {
    const input = variable([[-1, Number.NEGATIVE_INFINITY]]);
    await expectValues(F.nllLoss(input, labels([0])), [1]);
    await expectValues(
      gradientOf((t) => F.nllLoss(t, labels([0])), input),
      [-1, 0],
    );
  });
});

describe('distances', () => {
  const x = (): Tensor => variable([0.5, -1, 3]);
  const y = vector(0, 1, 3);

  it('mse, l1, smooth l1 and Huber have their formulas and gradients', async () => {
    await expectValues(F.mseLoss(x(), y), [(0.25 + 4) / 3], 12);
    await expectValues(
      gradientOf((t) => F.mseLoss(t, y), x()),
      [1 / 3, -4 / 3, 0],
      12,
    );
    await expectValues(F.l1Loss(x(), y, { reduction: 'sum' }), [2.5], 12);
    await expectValues(
      gradientOf((t) => F.l1Loss(t, y, { reduction: 'sum' }), x()),
      [1, -1, 0],
      12,
    );
    await expectValues(F.smoothL1Loss(x(), y, { reduction: 'none' }), [0.125, 1.5, 0], 12);
    await expectValues(F.smoothL1Loss(x(), y, { reduction: 'none', beta: 0.25 }), [0.375, 1.875, 0], 12);
    await expectValues(F.smoothL1Loss(x(), y, { reduction: 'none', beta: 0 }), [0.5, 2, 0], 12);
    await expectValues(F.huberLoss(x(), y, { reduction: 'none', delta: 0.25 }), [0.09375, 0.46875, 0], 12);
    await expectValues(
      gradientOf((t) => F.huberLoss(t, y, { reduction: 'sum' }), x()),
      [0.5, -1, 0],
      12,
    );
  });

  it('want equal shapes instead of broadcasting', () => {
    expect(() => F.mseLoss(randn([4, 1]), randn([4]))).toThrow(
      'mseLoss: input [4, 1] and target [4] must have the same shape',
    );
    expect(() => F.huberLoss(randn([1]), randn([1]), { delta: 0 })).toThrow(
      'huberLoss: delta must be positive, got 0',
    );
  });
});

describe('binary cross-entropy', () => {
  const P = [0.2, 0.9];
  const Y = [1, 0];
  const bce = P.map((p, i) => -(Y[i] * Math.log(p) + (1 - Y[i]) * Math.log(1 - p)));
  const logit = (p: number): number => Math.log(p / (1 - p));

  it('of probabilities and of logits agree', async () => {
    await expectValues(F.binaryCrossEntropy(vector(...P), vector(...Y), { reduction: 'none' }), bce, 10);
    await expectValues(
      F.binaryCrossEntropyWithLogits(vector(...P.map(logit)), vector(...Y), { reduction: 'none' }),
      bce,
      10,
    );
    const posWeight = vector(3, 3);
    await expectValues(
      F.binaryCrossEntropyWithLogits(vector(...P.map(logit)), vector(...Y), {
        posWeight,
        weight: vector(1, 0.5),
        reduction: 'none',
      }),
      [3 * bce[0], 0.5 * bce[1]],
      10,
    );
  });

  it('of logits is right at zero and far out, value and gradient', async () => {
    const x = variable([0, 100, -100, 1000], 'float32');
    const y = tensor([1, 1, 1, 0]);
    await expectValues(F.binaryCrossEntropyWithLogits(x, y, { reduction: 'none' }), [
      Math.log(2),
      0,
      100,
      1000,
    ]);
    const gradient = gradientOf((t) => F.binaryCrossEntropyWithLogits(t, y, { reduction: 'sum' }), x);
    await expectValues(gradient, [-0.5, 0, -1, 1]);
  });

  it('of probabilities limits the logarithm at 0 and 1, and has no NaN in the gradient', async () => {
    const x = variable([0, 1, 0], 'float32');
    const y = tensor([1, 0, 0]);
    await expectValues(F.binaryCrossEntropy(x, y, { reduction: 'none' }), [100, 100, 0]);
    const gradient = await values(gradientOf((t) => F.binaryCrossEntropy(t, y), x));
    expect(gradient.every(Number.isFinite), String(gradient)).toBe(true);
  });
});

describe('klDiv', () => {
  const Q = [Math.log(0.25), Math.log(0.75)];
  const P = [0.5, 0.5];
  const divergence = P.reduce((sum, p, i) => sum + p * (Math.log(p) - Q[i]), 0);

  it('compares log-probabilities with probabilities', async () => {
    const input = variable([Q]);
    await expectValues(F.klDiv(input, variable([P]), { reduction: 'batchmean' }), [divergence], 12);
    await expectValues(F.klDiv(input, variable([P])), [divergence / 2], 12);
    await expectValues(
      F.klDiv(input, variable([P.map(Math.log)]), { reduction: 'sum', logTarget: true }),
      [divergence],
      12,
    );
  });

  it('counts a probability of zero as zero, with a finite gradient', async () => {
    const target = variable([0, 1]);
    const loss = F.klDiv(vector(...Q), target, { reduction: 'sum' });
    await expectValues(loss, [-Q[1]], 12);
    loss.backward();
    expect((await values(target.grad)).every(Number.isFinite)).toBe(true);
  });
});

describe('losses as modules', () => {
  it('call the functions with their options', async () => {
    const x = variable(LOGITS);
    const weight = vector(...WEIGHT);
    const criterion = new nn.CrossEntropyLoss({ weight, labelSmoothing: 0.1 });
    const expected = await values(F.crossEntropy(x, labels(TARGET), { weight, labelSmoothing: 0.1 }));
    await expectValues(criterion(x, labels(TARGET)), expected, 12);
    await expectValues(
      new nn.CrossEntropyLoss(weight, { labelSmoothing: 0.1 })(x, labels(TARGET)),
      expected,
      12,
    );
    await expectValues(new nn.MSELoss()(vector(1), vector(3)), [4]);
    await expectValues(new nn.L1Loss({ reduction: 'sum' })(vector(1, 2), vector(3, 3)), [3]);
    await expectValues(new nn.SmoothL1Loss({ beta: 2 })(vector(1), vector(2)), [0.25]);
    await expectValues(new nn.HuberLoss()(vector(1), vector(2)), [0.5]);
    await expectValues(
      new nn.NLLLoss()(variable(LOG_P), labels(TARGET)),
      await values(F.crossEntropy(x, labels(TARGET))),
      12,
    );
    await expectValues(new nn.BCEWithLogitsLoss()(vector(0), vector(1)), [Math.log(2)]);
    await expectValues(new nn.BCELoss()(vector(0.5), vector(1)), [Math.log(2)]);
    await expectValues(new nn.KLDivLoss({ reduction: 'sum' })(vector(0), vector(1)), [0]);
  });

  it('hold a weight as buffer: it is saved, cast and replaced', async () => {
    const criterion = new nn.BCEWithLogitsLoss({ posWeight: tensor([2]) });
    expect(Object.keys(criterion.stateDict())).toEqual(['pos_weight']);
    criterion.loadStateDict({ pos_weight: tensor([5]) });
    await expectValues(criterion(tensor([0]), tensor([1])), [5 * Math.log(2)]);
    criterion.to('float64');
    expect(criterion(vector(0), vector(1)).dtype).toBe('float64');
    expect(() => new nn.CrossEntropyLoss({ weights: tensor([1]) } as never)).toThrow(
      /CrossEntropyLoss: unknown option 'weights'/,
    );
  });
});

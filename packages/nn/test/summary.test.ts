import { inspect } from 'node:util';
import { defaultGenerator, stats, type Tensor } from '@neurite/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import * as nn from '../src/index.js';
import { useReference } from './support.js';

beforeAll(useReference);

class LeNet extends nn.Module {
  features = new nn.Sequential(new nn.Conv2d(1, 6, 5, { padding: 2 }), new nn.ReLU(), new nn.MaxPool2d(2));
  dropout = new nn.Dropout(0.5);
  norm = new nn.BatchNorm2d(6);
  fc = new nn.Linear(6 * 14 * 14, 10);

  forward(x: Tensor): Tensor {
    return this.fc(this.dropout(this.norm(this.features(x))).flatten(1));
  }
}

describe('summary', () => {
  it('is a table of shapes, parameters and operations', () => {
    const model = new LeNet();
    model.fc.weight.requiresGrad_(false);
    const summary = model.summary([2, 1, 28, 28]);
    expect(String(summary)).toMatchInlineSnapshot(`
      "Module                  Output shape    Parameters    FLOPs
      ───────────────────────────────────────────────────────────
      LeNet                   [2, 10]             11,938  552,758
        features: Sequential  [2, 6, 14, 14]         156  496,272
          0: Conv2d           [2, 6, 28, 28]         156  479,808
          1: ReLU             [2, 6, 28, 28]           0    9,408
          2: MaxPool2d        [2, 6, 14, 14]           0    7,056
        dropout: Dropout      [2, 6, 14, 14]           0        0
        norm: BatchNorm2d     [2, 6, 14, 14]          12    9,426
        fc: Linear            [2, 10]             11,770   47,060
      ───────────────────────────────────────────────────────────
      11,938 parameters (178 trainable, 47,752 bytes), 552,758 FLOPs"
    `);
    expect(inspect(summary)).toBe(String(summary));
    // Two operations per multiply-add: 2·(2·6·28·28)·(5·5) for the taps, one addition of the bias per output.
    expect(summary.rows[2]).toEqual({
      path: 'features.0',
      depth: 2,
      name: 'Conv2d',
      outputShapes: [[2, 6, 28, 28]],
      parameters: 156,
      flops: 2 * 2 * 6 * 28 * 28 * 25 + 2 * 6 * 28 * 28,
    });
    expect(summary.parameters).toBe(model.parameters().reduce((n, p) => n + p.numel, 0));
    expect(summary.trainableParameters).toBe(summary.parameters - 11760);
  });

  it('computes nothing, draws nothing and leaves the model as it was', () => {
    const model = new LeNet();
    model.norm.eval();
    const before = {
      kernels: stats().kernelsRun,
      offset: defaultGenerator.offset,
      mean: model.norm.runningMean?.node,
    };
    model.summary([2, 1, 28, 28]);
    expect(stats().kernelsRun).toBe(before.kernels);
    expect(defaultGenerator.offset).toBe(before.offset);
    expect(model.norm.runningMean?.node).toBe(before.mean);
    expect(model.modules().map((module) => module.training)).toEqual(
      model.modules().map((module) => module !== model.norm),
    );
  });

  it('takes several inputs, and integers for an embedding', () => {
    class Two extends nn.Module {
      embedding = new nn.Embedding(10, 4);
      forward(a: Tensor, b: Tensor): [Tensor, Tensor] {
        return [this.embedding(a), this.embedding(b)];
      }
    }
    const { rows } = new Two().summary([[2, 3], [5]], { dtype: 'int32' });
    expect(rows[0].outputShapes).toEqual([
      [2, 3, 4],
      [5, 4],
    ]);
  });

  it('reports the shape error of the layer that does not fit', () => {
    expect(() => new LeNet().summary([2, 1, 20, 20])).toThrow(
      /linear: the input \[2, 600\] must end in the weight's 1176 features/,
    );
  });
});

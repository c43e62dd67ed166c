import { noGrad, StateDictError, type Tensor, tensor, update, zeros } from '@neurite/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import * as nn from '../src/index.js';
import { expectValues, useReference, values } from './support.js';

beforeAll(useReference);

class Net extends nn.Module {
  conv1 = new nn.Conv2d(1, 2, 3, { padding: 1 });
  bn = new nn.BatchNorm2d(2);
  layers = new nn.ModuleList([new nn.Linear(8, 4), new nn.Linear(4, 2, { bias: false })]);

  forward(x: Tensor): Tensor {
    const features = this.bn(this.conv1(x)).flatten(1);
    return this.layers.at(1)(this.layers.at(0)(features));
  }
}

const KEYS = [
  'conv1.weight',
  'conv1.bias',
  'bn.weight',
  'bn.bias',
  'bn.running_mean',
  'bn.running_var',
  'bn.num_batches_tracked',
  'layers.0.weight',
  'layers.0.bias',
  'layers.1.weight',
];

/** The values of a state, read. */
async function read(state: nn.StateDict): Promise<Record<string, number[]>> {
  const entries = await Promise.all(
    Object.entries(state).map(async ([key, t]) => [key, await values(t)] as const),
  );
  return Object.fromEntries(entries);
}

describe('stateDict', () => {
  it('has PyTorch’s keys in PyTorch’s order, and shapes', () => {
    const state = new Net().stateDict();
    expect(Object.keys(state)).toEqual(KEYS);
    expect(state['conv1.weight'].shape).toEqual([2, 1, 3, 3]);
    expect(state['bn.num_batches_tracked'].shape).toEqual([]);
    expect(state['bn.num_batches_tracked'].dtype).toBe('int32');
  });

  it('leaves out buffers that are not persistent, and shows new values after a step', async () => {
    const net = new Net();
    net.registerBuffer('cache', zeros([1]), { persistent: false });
    const state = net.stateDict();
    expect(Object.keys(state)).toEqual(KEYS);
    const weight = net.conv1.weight;
    await update([{ target: weight, value: weight.mul(0).add(3) }], { by: 'step' });
    expect(new Set(await values(state['conv1.weight']))).toEqual(new Set([3]));
  });

  it('shows a shared parameter under both names', () => {
    const layer = new nn.Linear(2, 2);
    const net = new nn.Sequential(layer, layer);
    expect(Object.keys(net.stateDict())).toEqual(['0.weight', '0.bias', '1.weight', '1.bias']);
    expect(net.parameters()).toHaveLength(2);
  });
});

describe('loadStateDict', () => {
  it('copies one module’s state into another', async () => {
    const [a, b] = [new Net(), new Net()];
    const x = tensor(
      Float32Array.from({ length: 8 }, (_, i) => i),
      { shape: [2, 1, 2, 2] },
    );
    a(x);
    expect(await values(a(x))).not.toEqual(await values(b(x)));
    expect(b.loadStateDict(a.stateDict())).toEqual({ missingKeys: [], unexpectedKeys: [] });
    expect(await read(b.stateDict())).toEqual(await read(a.stateDict()));
    await expectValues(b.eval()(x), await values(a.eval()(x)));
  });

  it('makes copies: neither follows the other afterwards', async () => {
    const [policy, target] = [new nn.Linear(2, 1), new nn.Linear(2, 1)];
    target.loadStateDict(policy.stateDict());
    const copied = await values(policy.weight);
    // The copy was not computed before the step: it is computed with it, from the values of before.
    const later = new nn.Linear(2, 1);
    later.loadStateDict(policy.stateDict());
    for (let i = 0; i < 3; i++) {
      await update([{ target: policy.weight, value: policy.weight.add(1) }], { by: 'step' });
    }
    expect(await values(target.weight)).toEqual(copied);
    expect(await values(later.weight)).toEqual(copied);
    await expectValues(
      policy.weight,
      copied.map((v) => v + 3),
    );
    expect(target.weight.requiresGrad && target.weight.isLeaf).toBe(true);
  });

  it('casts to the module’s dtype', async () => {
    const layer = new nn.Linear(1, 1);
    layer.loadStateDict({
      weight: tensor([[0.5]], { dtype: 'float64' }),
      bias: tensor([2], { dtype: 'int32' }),
    });
    expect(layer.weight.dtype).toBe('float32');
    await expectValues(layer.weight, [0.5]);
    await expectValues(layer.bias, [2]);
  });

  it('lists everything that does not fit, and then has changed nothing', async () => {
    const net = new Net();
    const before = await read(net.stateDict());
    const { 'conv1.bias': _, ...state } = new Net().stateDict();
    noGrad(() => state['conv1.weight'].fill_(7));
    const wrong = { ...state, 'fc.weight': zeros([1]), 'bn.weight': zeros([3]), 'bn.bias': 5 as never };
    expect(() => net.loadStateDict(wrong)).toThrow(StateDictError);
    expect(() => net.loadStateDict(wrong)).toThrow(
      [
        'loadStateDict: the state does not fit Net:',
        "  missing keys: 'conv1.bias'",
        "  unexpected keys: 'fc.weight'",
        "  size mismatch for 'bn.weight': [3] in the state, [2] in the model",
        "  no tensor at 'bn.bias'",
      ].join('\n'),
    );
    expect(await read(net.stateDict())).toEqual(before);
  });

  it('forgives missing and unexpected keys when told so, but no other size', async () => {
    const layer = new nn.Linear(1, 2);
    expect(layer.loadStateDict({ weight: tensor([[1], [2]]), extra: zeros([1]) }, { strict: false })).toEqual(
      {
        missingKeys: ['bias'],
        unexpectedKeys: ['extra'],
      },
    );
    await expectValues(layer.weight, [1, 2]);
    expect(() => layer.loadStateDict({ weight: zeros([2]) }, { strict: false })).toThrow(
      /size mismatch for 'weight': \[2\] in the state, \[2, 1\] in the model/,
    );
  });

  it('takes no key from the prototype', () => {
    const dict = new nn.ModuleDict({ constructor: new nn.Linear(1, 1) });
    expect(Object.keys(dict.stateDict())).toEqual(['constructor.weight', 'constructor.bias']);
    expect(() =>
      new nn.Linear(1, 1).loadStateDict(Object.create({ weight: zeros([1, 1]), bias: zeros([1]) })),
    ).toThrow(/missing keys: 'weight', 'bias'/);
  });
});

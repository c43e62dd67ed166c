import { inspect } from 'node:util';
import {
  enableGrad,
  noGrad,
  randn,
  StaleTensorError,
  Tensor,
  tensor,
  update,
  use,
  zeros,
} from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { beforeAll, describe, expect, it } from 'vitest';
import * as nn from '../src/index.js';
import { expectValues, useReference, values } from './support.js';

const { relu } = nn.functional;
beforeAll(useReference);

class Block extends nn.Module {
  scale = new nn.Parameter(tensor([2]));
  convBlock = new nn.Linear(2, 2);
  note = 'not a member';

  constructor() {
    super();
    this.registerBuffer('runningCount', zeros([1]));
    this.registerBuffer('scratch', zeros([1]), { persistent: false });
  }

  forward(x: Tensor): Tensor {
    return this.convBlock(x).mul(this.scale);
  }
}

class Net extends nn.Module {
  first = new Block();
  head: nn.Linear = new nn.Linear(2, 3);
  bias = new nn.Parameter(zeros([3]));
  shared = this.head;

  forward(x: Tensor): Tensor {
    return this.head(relu(this.first(x))).add(this.bias);
  }
}

describe('what a module owns', () => {
  it('is found in definition order, own parameters first, shared ones once', () => {
    const net = new Net();
    expect(net.namedParameters().map(([name]) => name)).toEqual([
      'bias',
      'first.scale',
      'first.conv_block.weight',
      'first.conv_block.bias',
      'head.weight',
      'head.bias',
    ]);
    expect(net.parameters()).toHaveLength(6);
    expect(net.namedBuffers().map(([name]) => name)).toEqual(['first.running_count', 'first.scratch']);
    expect(net.namedModules().map(([name]) => name)).toEqual(['', 'first', 'first.conv_block', 'head']);
    expect(net.modules()[0]).toBe(net);
    expect(net.children().map((child) => child.constructor.name)).toEqual(['Block', 'Linear', 'Linear']);
    expect(net.namedParameters('model', { recurse: false }).map(([name]) => name)).toEqual(['model.bias']);
    expect(net.buffers()).toHaveLength(2);
  });

  it('follows assignments', () => {
    const net = new Net();
    net.head = new nn.Linear(2, 5);
    expect(net.namedParameters().find(([name]) => name === 'head.weight')?.[1].shape).toEqual([5, 2]);
    // The old layer is still there under its other name.
    expect(net.namedParameters().map(([name]) => name)).toContain('shared.weight');
  });

  it('may be registered under a name known at run time only', () => {
    const net = new Net();
    net.registerModule('tail', new nn.Linear(1, 1));
    net.registerParameter('gain', new nn.Parameter(zeros([1])));
    net.registerParameter('offset', null);
    expect(net.namedParameters().map(([name]) => name)).toEqual(
      expect.arrayContaining(['tail.weight', 'tail.bias', 'gain']),
    );
    expect(() => net.registerBuffer('forward', zeros([1]))).toThrow(
      "registerBuffer of Net: 'forward' is a method of the module",
    );
    expect(() => net.registerModule('a.b', new nn.ReLU())).toThrow("'a.b' is no possible name");
  });
});

describe('a call', () => {
  it('has the types and the value of forward', async () => {
    const net = new Net();
    const x = randn([4, 2]);
    const y: Tensor = net(x);
    expect(y.shape).toEqual([4, 3]);
    await expectValues(net.forward(x), await values(y));
    expect(typeof net).toBe('function');
    expect(net).toBeInstanceOf(Net);
    expect(net).toBeInstanceOf(nn.Module);
    expect(Object.keys(new nn.ReLU())).toEqual(['training']);
  });

  it('runs pre-hooks and hooks, which may replace arguments and output', async () => {
    const layer = new nn.Linear(1, 1);
    noGrad(() => {
      layer.weight.fill_(2);
      layer.bias?.fill_(0);
    });
    const seen: string[] = [];
    const pre = layer.registerForwardPreHook((module, args) => {
      seen.push(`before ${module.constructor.name} ${args.length}`);
      return (args[0] as Tensor).mul(10);
    });
    const post = layer.registerForwardHook((_, args, output) => {
      seen.push(`after ${(args[0] as Tensor).shape}`);
      return (output as Tensor).add(1);
    });
    const x = tensor([[1]]);
    await expectValues(layer(x), [21]);
    expect(seen).toEqual(['before Linear 1', 'after 1,1']);
    await expectValues(layer.forward(x), [2]);
    pre.remove();
    await expectValues(layer(x), [3]);
    post.remove();
    await expectValues(layer(x), [2]);
    expect(seen).toHaveLength(3);
  });

  it('without forward says so', () => {
    class Empty extends nn.Module {}
    expect(() => new Empty()()).toThrow('Empty has no forward()');
  });

  it('lets its outermost output be read after a step, and nothing else', async () => {
    const inner = new nn.Linear(2, 2);
    let hidden: Tensor | undefined;
    inner.registerForwardHook((_, __, output) => {
      hidden = output as Tensor;
    });
    const net = new nn.Sequential(inner, new nn.ReLU());
    const y = net(randn([3, 2]));
    const before = await values(net.parameters()[0]);
    await update([{ target: inner.weight, value: inner.weight.add(1) }], { by: 'step' });
    expect(await values(y)).toHaveLength(6);
    expect(await values(inner.weight)).not.toEqual(before);
    await expect((hidden as Tensor).data()).rejects.toThrow(StaleTensorError);
  });
});

describe('modes and gradients', () => {
  it('train and eval reach every module', () => {
    const net = new Net();
    expect(net.eval()).toBe(net);
    expect(net.modules().map((module) => module.training)).toEqual([false, false, false, false]);
    net.train();
    expect(net.first.convBlock.training).toBe(true);
  });

  it('requiresGrad_ freezes, zeroGrad forgets', async () => {
    const net = new Net();
    const loss = net(randn([4, 2])).sum();
    loss.backward();
    expect(net.bias.grad).toBeInstanceOf(Tensor);
    net.zeroGrad();
    expect(net.parameters().every((parameter) => parameter.grad === null)).toBe(true);
    net.first.requiresGrad_(false);
    net(randn([4, 2]))
      .sum()
      .backward();
    expect(net.first.scale.grad).toBeNull();
    await expectValues(net.bias.grad, [4, 4, 4]);
  });

  it('apply visits children first', () => {
    const seen: string[] = [];
    new Net().apply((module) => seen.push(module.constructor.name));
    expect(seen).toEqual(['Linear', 'Block', 'Linear', 'Linear', 'Net']);
  });

  it('to casts floating-point members and keeps the objects', async () => {
    const net = new nn.Sequential(new nn.Linear(2, 2), new nn.BatchNorm1d(2));
    const [weight] = net.parameters();
    const old = await values(weight);
    net.to('float64');
    expect(net.parameters()[0]).toBe(weight);
    expect(weight.dtype).toBe('float64');
    expect(weight.requiresGrad && weight.isLeaf).toBe(true);
    expect(weight).toBeInstanceOf(nn.Parameter);
    expect(net.namedBuffers().map(([name, b]) => [name, b.dtype])).toEqual([
      ['1.running_mean', 'float64'],
      ['1.running_var', 'float64'],
      ['1.num_batches_tracked', 'int32'],
    ]);
    expect(await values(weight)).toEqual(old);
    net(
      tensor(
        [
          [1, 2],
          [3, 4],
        ],
        { dtype: 'float64' },
      ),
    )
      .sum()
      .backward();
    expect(weight.grad?.dtype).toBe('float64');
  });
});

describe('to another device', () => {
  it('moves parameters and buffers, which stay the same objects and keep on learning', async () => {
    const net = new nn.Sequential(new nn.Linear(2, 2), new nn.BatchNorm1d(2));
    const old = await values(net.parameters()[0]);
    const device = await use(reference());
    expect(net.to(device)).toBe(net);
    expect([...net.parameters(), ...net.buffers()].every((t) => t.device === device)).toBe(true);
    const x = tensor(
      [
        [1, 2],
        [3, 5],
      ],
      { device },
    );
    net(x).square().sum().backward();
    const [weight] = net.parameters();
    await update([{ target: weight, value: weight.sub((weight.grad as Tensor).mul(0)) }], { by: 'step' });
    expect(await values(weight)).toEqual(old);
    await expectValues(net.buffers()[2], [1]);
  });
});

describe('Parameter', () => {
  it('is a leaf of its own that requires gradients', async () => {
    const source = tensor([1, 2]);
    const parameter = new nn.Parameter(source);
    expect(parameter.requiresGrad).toBe(true);
    expect(source.requiresGrad).toBe(false);
    noGrad(() => parameter.add_(1));
    await expectValues(source, [1, 2]);
    await expectValues(parameter, [2, 3]);
    expect(parameter).toBeInstanceOf(Tensor);
    expect(new nn.Parameter(source, { requiresGrad: false }).requiresGrad).toBe(false);
  });

  it('takes over a random tensor, value and gradient', async () => {
    const w = new nn.Parameter(randn([2, 1]));
    const b = new nn.Parameter(randn([1]));
    const y = tensor([[1, 2]])
      .matmul(w)
      .add(b);
    y.sum().backward();
    await expectValues(w.grad, [1, 2]);
    await expectValues(b.grad, [1]);
    const first = await values(w);
    await update([{ target: w, value: w.sub(w.grad as Tensor) }], { by: 'step' });
    await expectValues(w, [first[0] - 1, first[1] - 2]);
    expect(w.requiresGrad && w.isLeaf).toBe(true);
  });

  it('does not follow the history of what it was made from', () => {
    const x = tensor([1], { requiresGrad: true });
    const parameter = enableGrad(() => new nn.Parameter(x.mul(3)));
    expect(parameter.isLeaf).toBe(true);
    parameter.mul(2).sum().backward();
    expect(x.grad).toBeNull();
  });
});

describe('the printed form', () => {
  it('is PyTorch’s', () => {
    const text = `Net(
  (first): Block(
    (conv_block): Linear(in_features=2, out_features=2, bias=True)
  )
  (head): Linear(in_features=2, out_features=3, bias=True)
  (shared): Linear(in_features=2, out_features=3, bias=True)
)`;
    const net = new Net();
    expect(String(net)).toBe(text);
    expect(inspect(net)).toBe(text);
  });
});

import { randn, type Shape, type Tensor } from '@neurite/tensor';
import { expectTypeOf } from 'expect-type';
import { beforeAll, describe, expect, it } from 'vitest';
import * as nn from '../src/index.js';
import { useReference } from './support.js';

beforeAll(useReference);

/** Type tests: what must not compile stands behind `@ts-expect-error` in functions that are never called. */
const never = (_: () => void): void => undefined;
declare const size: number;
declare const unknownShape: Tensor;

describe('Linear', () => {
  it('gives the shape, and refuses one that does not fit', () => {
    const layer = new nn.Linear(784, 128);
    expectTypeOf(layer).toEqualTypeOf<nn.Linear<784, 128>>();
    const y = layer(randn([32, 784]));
    expectTypeOf(y).toEqualTypeOf<Tensor<readonly [32, 128], 'float32'>>();
    expect(y.shape).toEqual([32, 128]);
    expectTypeOf(layer(randn([2, 3, 784]))).toEqualTypeOf<Tensor<readonly [2, 3, 128], 'float32'>>();
    never(() => {
      // @ts-expect-error 64 features instead of 784.
      layer(randn([32, 64]));
    });
  });

  it('takes unknown sizes without casts', () => {
    never(() => {
      const layer = new nn.Linear(784, 128);
      expectTypeOf(layer(randn([size, 784]))).toEqualTypeOf<Tensor<readonly [number, 128], 'float32'>>();
      expectTypeOf(layer(randn([size, size]))).toEqualTypeOf<Tensor<readonly [number, 128], 'float32'>>();
      expectTypeOf(layer(unknownShape).shape).toEqualTypeOf<readonly [...number[], 128]>();
      expectTypeOf(new nn.Linear(size, 10)(randn([3, 5]))).toEqualTypeOf<
        Tensor<readonly [3, 10], 'float32'>
      >();
      expectTypeOf(new nn.Linear(784, size)(randn([3, 784])).shape).toEqualTypeOf<readonly [3, number]>();
    });
  });
});

describe('Sequential', () => {
  it('refuses layers that do not fit', () => {
    never(() => {
      // @ts-expect-error 128 features go into a layer of 64.
      new nn.Sequential(new nn.Linear(784, 128), new nn.Linear(64, 10));
      // @ts-expect-error The same through layers that keep the shape.
      new nn.Sequential(new nn.Linear(784, 128), new nn.ReLU(), new nn.Dropout(0.5), new nn.Linear(64, 10));
      // @ts-expect-error The same through a nested Sequential.
      new nn.Sequential(new nn.Sequential(new nn.Linear(8, 4), new nn.Tanh()), new nn.Linear(5, 2));
      // @ts-expect-error 6 channels go into a convolution of 3.
      new nn.Sequential(new nn.Conv2d(1, 6, 5), new nn.MaxPool2d(2), new nn.Conv2d(3, 16, 5));
      // @ts-expect-error LayerNorm of another size.
      new nn.Sequential(new nn.Linear(8, 4), new nn.LayerNorm(8));
      // @ts-expect-error An embedding of 16 into a layer of 8.
      new nn.Sequential(new nn.Embedding(100, 16), new nn.Linear(8, 4));
    });
  });

  it('takes what fits, and follows the shape', () => {
    const net = new nn.Sequential(
      new nn.Linear(784, 128),
      new nn.ReLU(),
      new nn.Linear(128, 10),
      new nn.LogSoftmax(1),
    );
    const y = net(randn([2, 784]));
    expectTypeOf(y).toEqualTypeOf<Tensor<readonly [2, 10], 'float32'>>();
    expect(y.shape).toEqual([2, 10]);
    never(() => {
      // @ts-expect-error The input does not fit the first layer.
      net(randn([2, 700]));
      expectTypeOf(net(unknownShape).shape).toEqualTypeOf<readonly [...number[], 10]>();
    });
    const lenet = new nn.Sequential(
      new nn.Conv2d(1, 6, 5, { padding: 2 }),
      new nn.ReLU(),
      new nn.MaxPool2d(2),
      new nn.Conv2d(6, 16, 5),
      new nn.BatchNorm2d(16),
      new nn.AvgPool2d(2),
      new nn.Flatten(),
      new nn.Linear(400, 10),
    );
    const logits = lenet(randn([2, 1, 28, 28]));
    expectTypeOf(logits).toEqualTypeOf<Tensor<readonly [2, 10], 'float32'>>();
    expect(logits.shape).toEqual([2, 10]);
  });

  it('takes modules of unknown effect, of unknown sizes, by name, and as a list', () => {
    class Mystery extends nn.Module {
      forward(x: Tensor): Tensor {
        return x;
      }
    }
    never(() => {
      new nn.Sequential(new nn.Linear(784, 128), new Mystery(), new nn.Linear(64, 10));
      new nn.Sequential(new nn.Linear(784, size), new nn.Linear(64, 10));
      const modules: nn.Module[] = [new nn.Linear(1, 2), new Mystery()];
      const y: Tensor = new nn.Sequential(...modules)(unknownShape);
      expectTypeOf(y.shape).toEqualTypeOf<Shape>();
    });
    const named = new nn.Sequential({ fc: new nn.Linear(2, 3), act: new nn.ReLU() });
    expect(named.namedParameters().map(([name]) => name)).toEqual(['fc.weight', 'fc.bias']);
    expect((named(randn([1, 2])) as Tensor).shape).toEqual([1, 3]);
  });
});

describe('a module of one’s own', () => {
  class Net extends nn.Module {
    fc1 = new nn.Linear(64, 32);
    fc2 = new nn.Linear(32, 10);
    forward(x: Tensor, scale = 1) {
      return this.fc2(this.fc1(x).relu().mul(scale));
    }
  }

  it('is called with the types of its forward', () => {
    const net = new Net();
    expectTypeOf(net).parameters.toEqualTypeOf<[x: Tensor, scale?: number]>();
    expectTypeOf(net(randn([3, 64])).shape).toEqualTypeOf<readonly [...number[], 10]>();
    never(() => {
      // @ts-expect-error Not a tensor.
      net('text');
      // @ts-expect-error Too many arguments.
      net(unknownShape, 2, 3);
    });
  });

  it('and its parts are modules', () => {
    const modules: nn.Module[] = [
      new Net(),
      new nn.Linear(1, 2),
      new nn.ReLU(),
      new nn.Embedding(3, 4),
      new nn.MSELoss(),
    ];
    expect(modules.every((module) => module instanceof nn.Module)).toBe(true);
    expectTypeOf(new Net().eval()).toEqualTypeOf<Net>();
    expectTypeOf(new nn.Linear(1, 2).train()).toEqualTypeOf<nn.Linear<1, 2>>();
    expectTypeOf(new Net().children()).toEqualTypeOf<nn.Module[]>();
  });
});

describe('other layers', () => {
  it('give their shapes', () => {
    never(() => {
      expectTypeOf(new nn.Conv2d(3, 8, 3)(randn([2, 3, 9, 9])).shape).toEqualTypeOf<
        readonly [2, 8, number, number]
      >();
      expectTypeOf(new nn.MaxPool2d(2)(randn([2, 3, 8, 8])).shape).toEqualTypeOf<
        readonly [2, 3, number, number]
      >();
      expectTypeOf(new nn.Flatten()(randn([2, 3, 8, 8])).shape).toEqualTypeOf<readonly [2, number]>();
      expectTypeOf(new nn.Flatten(0)(randn([2, 3])).shape).toEqualTypeOf<Shape>();
      expectTypeOf(new nn.ReLU()(randn([2, 3]))).toEqualTypeOf<Tensor<readonly [2, 3], 'float32'>>();
      // @ts-expect-error Two dimensions are too few for a convolution.
      new nn.Conv2d(3, 8, 3)(randn([3, 8]));
      // @ts-expect-error 3 channels instead of 5.
      new nn.BatchNorm2d(5)(randn([2, 3, 4, 4]));
      // @ts-expect-error 6 channels instead of 8.
      new nn.GroupNorm(2, 8)(randn([2, 6, 4]));
    });
  });

  it('Parameter keeps the type of its tensor', () => {
    const w = new nn.Parameter(randn([2, 1]));
    expectTypeOf(w.shape).toEqualTypeOf<readonly [2, 1]>();
    expectTypeOf(randn([5, 2]).matmul(w).shape).toEqualTypeOf<readonly [5, 1]>();
    const general: nn.Parameter = w;
    expect(general.shape).toEqual([2, 1]);
    never(() => {
      // @ts-expect-error Inner sizes differ.
      randn([5, 3]).matmul(w);
    });
  });

  it('options are typed, by position and by name', () => {
    never(() => {
      new nn.Conv2d(1, 2, 3, 1, 'same', { groups: 1 });
      new nn.Linear(1, 2, false, { dtype: 'float64' });
      // @ts-expect-error No such option.
      new nn.Linear(1, 2, { biass: false });
      // @ts-expect-error Not a number.
      new nn.Conv2d(1, 2, 3, '1');
      // @ts-expect-error No such reduction.
      nn.functional.mseLoss(unknownShape, unknownShape, { reduction: 'median' });
    });
  });
});

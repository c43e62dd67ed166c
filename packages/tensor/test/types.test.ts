/** Shapes as types: what must compile with which type, and what must not compile. */
import { expectTypeOf } from 'expect-type';
import { describe, expect, test } from 'vitest';
import {
  arange,
  cat,
  type DType,
  DTypeError,
  eye,
  full,
  matmul,
  ones,
  rand,
  randint,
  randn,
  type Shape,
  ShapeError,
  scalarInput,
  stack,
  sum,
  type Tensor,
  tensor,
  zeros,
} from '../src/index.js';

const unknownShape: Tensor = zeros([2, 3]);
const someNumber: number = 3;

describe('creation', () => {
  test('literal sizes and dtypes are kept', () => {
    expectTypeOf(randn([32, 784])).toEqualTypeOf<Tensor<readonly [32, 784], 'float32'>>();
    expectTypeOf(zeros([2], { dtype: 'int32' })).toEqualTypeOf<Tensor<readonly [2], 'int32'>>();
    expectTypeOf(randint(0, 9, [4])).toEqualTypeOf<Tensor<readonly [4], 'int32'>>();
    expectTypeOf(full([2], true)).toEqualTypeOf<Tensor<readonly [2], 'bool'>>();
    expectTypeOf(eye(3)).toEqualTypeOf<Tensor<readonly [3, 3], 'float32'>>();
    expectTypeOf(scalarInput(0.1)).toEqualTypeOf<Tensor<readonly [], 'float32'>>();
    expectTypeOf(arange(5).shape).toEqualTypeOf<readonly [number]>();
  });

  test('computed sizes are unknown ones', () => {
    expectTypeOf(randn([someNumber, 4])).toEqualTypeOf<Tensor<readonly [number, 4], 'float32'>>();
    const sizes: number[] = [2, 3];
    expectTypeOf(ones(sizes)).toEqualTypeOf<Tensor<number[], 'float32'>>();
  });

  test('host data give rank and dtype', () => {
    expectTypeOf(tensor(1)).toEqualTypeOf<Tensor<readonly [], 'float32'>>();
    expectTypeOf(tensor([[1, 2]])).toEqualTypeOf<Tensor<readonly [number, number], 'float32'>>();
    expectTypeOf(tensor([true])).toEqualTypeOf<Tensor<readonly [number], 'bool'>>();
    expectTypeOf(tensor(new Int32Array(6), { shape: [2, 3] })).toEqualTypeOf<
      Tensor<readonly [2, 3], 'int32'>
    >();
    expectTypeOf(tensor([1, 2], { dtype: 'float64' })).toEqualTypeOf<Tensor<readonly [number], 'float64'>>();
  });

  test('every tensor is a Tensor', () => {
    expectTypeOf(randn([32, 784])).toExtend<Tensor>();
    expectTypeOf(randn([32, 784])).toExtend<Tensor<readonly [number, number]>>();
    expectTypeOf(randn([32, 784])).not.toExtend<Tensor<readonly [32, 785]>>();
    expectTypeOf(randn([32, 784])).not.toExtend<Tensor<Shape, 'int32'>>();
    expectTypeOf<Tensor<readonly [2], 'float32'>>().toExtend<Tensor<readonly [2], DType>>();
  });
});

describe('matmul', () => {
  test('literal shapes', () => {
    expectTypeOf(randn([32, 784]).matmul(randn([784, 10]))).toEqualTypeOf<
      Tensor<readonly [32, 10], 'float32'>
    >();
    expectTypeOf(randn([5, 2, 3]).matmul(randn([3, 4])).shape).toEqualTypeOf<readonly [5, 2, 4]>();
    expectTypeOf(randn([7, 1, 2, 3]).matmul(randn([5, 3, 4])).shape).toEqualTypeOf<readonly [7, 5, 2, 4]>();
    expectTypeOf(randn([3]).matmul(randn([3])).shape).toEqualTypeOf<readonly []>();
    expectTypeOf(randn([2, 3]).matmul(randn([3])).shape).toEqualTypeOf<readonly [2]>();
    expectTypeOf(randn([3]).matmul(randn([5, 3, 4])).shape).toEqualTypeOf<readonly [5, 4]>();
    expectTypeOf(matmul(randn([2, 3]), randn([3, 4])).shape).toEqualTypeOf<readonly [2, 4]>();
  });

  test('a mismatch does not compile', () => {
    // @ts-expect-error inner sizes differ: 784 vs 128
    expect(() => randn([32, 784]).matmul(randn([128, 10]))).toThrow(ShapeError);
    // @ts-expect-error inner sizes differ: 3 vs 4
    expect(() => matmul(randn([2, 3]), randn([4, 3]))).toThrow(ShapeError);
    // @ts-expect-error batch sizes differ: 2 vs 3
    expect(() => randn([2, 4, 4]).matmul(randn([3, 4, 4]))).toThrow(ShapeError);
    // @ts-expect-error a number is no matrix
    expect(() => scalarInput(1).matmul(randn([3]))).toThrow(ShapeError);
  });

  test('unknown sizes fit', () => {
    expectTypeOf(randn([32, someNumber]).matmul(randn([3, 10])).shape).toEqualTypeOf<readonly [32, 10]>();
    expectTypeOf(unknownShape.matmul).toBeFunction();
    expectTypeOf(randn([2, 3]).matmul(unknownShape.T)).toEqualTypeOf<Tensor<Shape, 'float32'>>();
    expectTypeOf(unknownShape.matmul(randn([3, 4]))).toEqualTypeOf<Tensor>();
  });
});

describe('elementwise', () => {
  test('broadcasting', () => {
    expectTypeOf(randn([2, 3]).add(randn([2, 3])).shape).toEqualTypeOf<readonly [2, 3]>();
    expectTypeOf(randn([4, 1, 3]).mul(randn([2, 1])).shape).toEqualTypeOf<readonly [4, 2, 3]>();
    expectTypeOf(randn([2, 3]).sub(1).shape).toEqualTypeOf<readonly [2, 3]>();
    expectTypeOf(randn([someNumber, 3]).add(randn([3])).shape).toEqualTypeOf<readonly [number, 3]>();
    expectTypeOf(randn([someNumber - 2, 3]).add(randn([4, 3])).shape).toEqualTypeOf<readonly [4, 3]>();
    expectTypeOf(unknownShape.add(randn([2, 3])).shape).toEqualTypeOf<Shape>();
    expectTypeOf(randn([2, 3]).gt(0)).toEqualTypeOf<Tensor<readonly [2, 3], 'bool'>>();
  });

  test('a mismatch does not compile', () => {
    // @ts-expect-error [2, 3] and [4, 3] do not broadcast
    expect(() => randn([2, 3]).add(randn([4, 3]))).toThrow(ShapeError);
    // @ts-expect-error [2, 3] and [2] do not broadcast
    expect(() => randn([2, 3]).lt(randn([2]))).toThrow(ShapeError);
    // @ts-expect-error a string is no operand
    expect(() => randn([2]).add('1')).toThrow('expected a tensor, got string');
  });

  test('promotion', () => {
    const i = zeros([2], { dtype: 'int32' });
    expectTypeOf(i.add(1)).toEqualTypeOf<Tensor<readonly [2], 'int32'>>();
    expectTypeOf(i.add(1.5)).toEqualTypeOf<Tensor<readonly [2], 'float32'>>();
    expectTypeOf(i.add(randn([2]))).toEqualTypeOf<Tensor<readonly [2], 'float32'>>();
    expectTypeOf(i.div(2)).toEqualTypeOf<Tensor<readonly [2], 'float32'>>();
    expectTypeOf(i.floorDivide(2)).toEqualTypeOf<Tensor<readonly [2], 'int32'>>();
    expectTypeOf(full([2], true).add(1)).toEqualTypeOf<Tensor<readonly [2], 'int32'>>();
    expectTypeOf(i.exp()).toEqualTypeOf<Tensor<readonly [2], 'float32'>>();
    expectTypeOf(full([2], true).sum().dtype).toEqualTypeOf<'int32'>();
    expectTypeOf(randn([2]).clamp(0, 1).dtype).toEqualTypeOf<'float32'>();
    expectTypeOf(i.clamp(0.5).dtype).toEqualTypeOf<DType>();
    // A tensor of rank 0 does not widen within its category.
    const half = zeros([2], { dtype: 'float16' });
    expectTypeOf(half.mul(scalarInput(2)).dtype).toEqualTypeOf<'float16'>();
    expect(half.mul(scalarInput(2)).dtype).toBe('float16');
    expectTypeOf(half.mul(zeros([2])).dtype).toEqualTypeOf<'float32'>();
  });
});

describe('reductions and movement', () => {
  const x = randn([2, 3, 4]);

  test('reductions', () => {
    expectTypeOf(x.sum().shape).toEqualTypeOf<readonly []>();
    expectTypeOf(x.sum(1).shape).toEqualTypeOf<readonly [2, 4]>();
    expectTypeOf(x.mean(-1, { keepdim: true }).shape).toEqualTypeOf<readonly [2, 3, 1]>();
    expectTypeOf(x.amax([0, -1]).shape).toEqualTypeOf<readonly [3]>();
    expectTypeOf(x.argmax(0)).toEqualTypeOf<Tensor<readonly [3, 4], 'int32'>>();
    expectTypeOf(x.max(2)[0].shape).toEqualTypeOf<readonly [2, 3]>();
    expectTypeOf(x.max(2)[1].dtype).toEqualTypeOf<'int32'>();
    expectTypeOf(x.sum(someNumber - 3).shape).toEqualTypeOf<Shape>();
    expectTypeOf(sum(x, 0).shape).toEqualTypeOf<readonly [3, 4]>();
    expectTypeOf(unknownShape.sum(1).shape).toEqualTypeOf<Shape>();
  });

  test('movement', () => {
    expectTypeOf(x.reshape(6, 4).shape).toEqualTypeOf<readonly [6, 4]>();
    expectTypeOf(x.reshape([6, -1]).shape).toEqualTypeOf<readonly [6, number]>();
    expectTypeOf(x.permute(2, 0, 1).shape).toEqualTypeOf<readonly [4, 2, 3]>();
    expectTypeOf(x.transpose(0, -1).shape).toEqualTypeOf<readonly [4, 3, 2]>();
    expectTypeOf(randn([2, 3]).T.shape).toEqualTypeOf<readonly [3, 2]>();
    expectTypeOf(x.mT.shape).toEqualTypeOf<readonly [2, 4, 3]>();
    expectTypeOf(x.unsqueeze(1).shape).toEqualTypeOf<readonly [2, 1, 3, 4]>();
    expectTypeOf(x.unsqueeze(-1).shape).toEqualTypeOf<readonly [2, 3, 4, 1]>();
    expectTypeOf(randn([1, 3, 1]).squeeze().shape).toEqualTypeOf<readonly [3]>();
    expectTypeOf(randn([1, 3, 1]).squeeze(0).shape).toEqualTypeOf<readonly [3, 1]>();
    expectTypeOf(x.flatten(1).shape).toEqualTypeOf<readonly [2, number]>();
    expectTypeOf(x.select(1, 0).shape).toEqualTypeOf<readonly [2, 4]>();
    expectTypeOf(x.narrow(2, 0, 2).shape).toEqualTypeOf<readonly [2, 3, 2]>();
    expectTypeOf(randn([1, 3]).expand(5, 3).shape).toEqualTypeOf<readonly [5, 3]>();
    expectTypeOf(cat([randn([2, 3]), randn([4, 3])]).shape).toEqualTypeOf<readonly [number, 3]>();
    expectTypeOf(stack([randn([2, 3]), randn([2, 3])], 1).shape).toEqualTypeOf<readonly [2, 2, 3]>();
    expectTypeOf(tensor([1, 2]).int().oneHot(5).shape).toEqualTypeOf<readonly [number, 5]>();
  });

  test('the types agree with what is recorded', () => {
    expect(x.permute(2, 0, 1).shape).toEqual([4, 2, 3]);
    expect(x.unsqueeze(-1).shape).toEqual([2, 3, 4, 1]);
    expect(randn([7, 1, 2, 3]).matmul(randn([5, 3, 4])).shape).toEqual([7, 5, 2, 4]);
    expect(stack([randn([2, 3]), randn([2, 3])], 1).shape).toEqual([2, 2, 3]);
    expect(x.amax([0, -1]).shape).toEqual([3]);
  });
});

describe('generic code', () => {
  test('functions on plain tensors need no casts', () => {
    const layer = (x: Tensor, weight: Tensor, bias: Tensor | null): Tensor => {
      const y = x.matmul(weight.T);
      return bias ? y.add(bias).relu() : y;
    };
    expect(layer(randn([2, 3]), randn([4, 3]), randn([4])).shape).toEqual([2, 4]);
    let t: Tensor = randn([2, 3]);
    for (const f of [(x: Tensor) => x.mul(2), (x: Tensor) => x.sum(0)]) t = f(t);
    expect(t.shape).toEqual([3]);
    const twice = <S extends Shape>(x: Tensor<S, 'float32'>): Tensor<S, 'float32'> => x.mul(2).relu();
    expectTypeOf(twice(randn([2, 3]))).toEqualTypeOf<Tensor<readonly [2, 3], 'float32'>>();
    const other: Tensor | number = someNumber > 2 ? 2 : t;
    expect(t.mul(other).shape).toEqual([3]);
    expect(() => rand([2], { dtype: 'int32' })).toThrow(DTypeError);
  });
});

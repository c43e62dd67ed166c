/** Shapes after reductions and movements, as types. Where a literal cannot be followed the size or the shape is unknown. */
import type { Shape } from './shape.js';

/** Dimensions that a reduction takes: one, several, or all of them. */
export type Dims = number | readonly number[] | null | undefined;

type DimUnion<N extends Dims> = N extends readonly number[] ? N[number] : N;

/**
 * Whether `N` names the first dimension of `S`, the rest of a shape of which `Before` dimensions are gone: by its
 * position from the front or, negative, from the back.
 */
type Names<N, Before extends Shape, S extends Shape> = Before['length'] extends N
  ? true
  : `-${S['length']}` extends `${N & number}`
    ? true
    : false;

type ReduceRanked<
  S extends Shape,
  N,
  Keep extends boolean,
  Before extends Shape = readonly [],
> = S extends readonly [infer X extends number, ...infer R extends Shape]
  ? Names<N, Before, S> extends true
    ? Keep extends true
      ? readonly [1, ...ReduceRanked<R, N, Keep, readonly [...Before, X]>]
      : ReduceRanked<R, N, Keep, readonly [...Before, X]>
    : readonly [X, ...ReduceRanked<R, N, Keep, readonly [...Before, X]>]
  : readonly [];

type Ones<S extends Shape> = { readonly [I in keyof S]: 1 };

/** Shape after reducing the dimensions `N` (all when absent or empty). */
export type Reduce<S extends Shape, N extends Dims, Keep extends boolean> = [N] extends [
  null | undefined | readonly [],
]
  ? Keep extends true
    ? Ones<S>
    : readonly []
  : number extends S['length'] | DimUnion<N>
    ? Shape
    : null extends N
      ? Shape
      : undefined extends N
        ? Shape
        : ReduceRanked<S, DimUnion<N>, Keep>;

type ReplaceRanked<
  S extends Shape,
  N,
  Size extends number,
  Before extends Shape = readonly [],
> = S extends readonly [infer X extends number, ...infer R extends Shape]
  ? Names<N, Before, S> extends true
    ? readonly [Size, ...R]
    : readonly [X, ...ReplaceRanked<R, N, Size, readonly [...Before, X]>]
  : readonly [];

/** Shape with the size of dimension `N` replaced. */
export type Replace<S extends Shape, N extends number, Size extends number> = number extends S['length'] | N
  ? Shape
  : ReplaceRanked<S, N, Size>;

/** The size of dimension `N`. */
export type SizeAt<S extends Shape, N extends number, Before extends Shape = readonly []> = number extends
  | S['length']
  | N
  ? number
  : S extends readonly [infer X extends number, ...infer R extends Shape]
    ? Names<N, Before, S> extends true
      ? X
      : SizeAt<R, N, readonly [...Before, X]>
    : number;

type PermuteRanked<S extends Shape, P extends readonly number[]> = P extends readonly [
  infer N extends number,
  ...infer R extends readonly number[],
]
  ? readonly [SizeAt<S, N>, ...PermuteRanked<S, R>]
  : readonly [];

/** Shape with the dimensions in a new order. */
export type Permute<S extends Shape, P extends readonly number[]> = number extends S['length'] | P['length']
  ? Shape
  : PermuteRanked<S, P>;

type TransposeRanked<S extends Shape, A extends number, B extends number> = ReplaceRanked<
  ReplaceRanked<S, A, SizeAt<S, B>>,
  B,
  SizeAt<S, A>
>;

/** Shape with two dimensions exchanged. */
export type Transpose<S extends Shape, A extends number, B extends number> = number extends
  | S['length']
  | A
  | B
  ? Shape
  : TransposeRanked<S, A, B>;

/** Shape with the dimensions in reverse order. */
export type Reverse<S extends Shape> = number extends S['length']
  ? Shape
  : S extends readonly [infer X extends number, ...infer R extends Shape]
    ? readonly [...Reverse<R>, X]
    : readonly [];

type RequestedRanked<R extends Shape> = R extends readonly [
  infer X extends number,
  ...infer Rest extends Shape,
]
  ? readonly [X extends -1 ? number : X, ...RequestedRanked<Rest>]
  : readonly [];

/** A requested shape, in which −1 stands for a size that follows from the others. */
export type Requested<R extends Shape> = number extends R['length'] ? Shape : RequestedRanked<R>;

/** Arguments `(...sizes)` or `(sizes)` as one shape. */
export type SizesOf<R extends readonly (number | Shape)[]> = R extends readonly [infer S extends Shape]
  ? S
  : R extends Shape
    ? R
    : Shape;

type InsertRanked<
  S extends Shape,
  N,
  Size extends number,
  Before extends Shape = readonly [],
> = Before['length'] extends N
  ? readonly [Size, ...S]
  : `-${[...S, 0]['length']}` extends `${N & number}`
    ? readonly [Size, ...S]
    : S extends readonly [infer X extends number, ...infer R extends Shape]
      ? readonly [X, ...InsertRanked<R, N, Size, readonly [...Before, X]>]
      : readonly [];

/** Shape with a dimension of `Size` put in at position `N`. */
export type Insert<S extends Shape, N extends number, Size extends number = 1> = number extends
  | S['length']
  | N
  ? Shape
  : InsertRanked<S, N, Size>;

type SqueezeAll<S extends Shape> = S extends readonly [infer X extends number, ...infer R extends Shape]
  ? number extends X
    ? Shape
    : X extends 1
      ? SqueezeAll<R>
      : readonly [X, ...SqueezeAll<R>]
  : readonly [];

type SqueezeRanked<S extends Shape, N extends number> =
  number extends SizeAt<S, N> ? Shape : SizeAt<S, N> extends 1 ? ReduceRanked<S, N, false> : S;

/** Shape without its dimensions of size 1, or without dimension `N` if its size is 1. */
export type Squeeze<S extends Shape, N extends number | undefined> = number extends S['length']
  ? Shape
  : N extends number
    ? number extends N
      ? Shape
      : SqueezeRanked<S, N>
    : SqueezeAll<S>;

/** Shape after joining the dimensions from `Start` to the last one; the product is not followed. */
export type FlattenFrom<
  S extends Shape,
  Start extends number,
  Before extends Shape = readonly [],
> = number extends S['length'] | Start
  ? Shape
  : S extends readonly [infer X extends number, ...infer R extends Shape]
    ? Names<Start, Before, S> extends true
      ? R extends readonly []
        ? readonly [X]
        : readonly [number]
      : readonly [X, ...FlattenFrom<R, Start, readonly [...Before, X]>]
    : readonly [number];

import type { Shape } from '@neurite/tensor';

/**
 * A function from shapes to shapes in the type system. `out` is written in terms of `this['in']`; the result
 * is a shape, or a string that says why the input does not fit, which becomes the compile error.
 */
export interface ShapeFn {
  readonly in: unknown;
  readonly out: unknown;
}

/** What a shape function makes of a shape: another shape or the text of an error. */
export type Apply<F extends ShapeFn, S extends Shape> = (F & { readonly in: S })['out'];

/** The argument of a shape function, as a shape. */
export type AsShape<T> = T extends Shape ? T : Shape;

/**
 * Nothing when a shape function's result is a shape, the error otherwise; intersected with the argument's
 * type.
 */
export type Complaint<Out> = Out extends string ? Out : unknown;

/** Shape in, the same shape out: activations, dropout. */
export interface SameShape extends ShapeFn {
  readonly out: this['in'];
}

/** A shape with this many dimensions of unknown sizes in front. */
type Leading = readonly number[];

type Last<S extends Shape> = S extends readonly [...Leading, infer L extends number] ? L : number;

/** `[…, I] → […, O]`. */
export type LinearShape<S extends Shape, I extends number, O extends number> =
  Last<S> extends infer L extends number
    ? S extends readonly []
      ? `Linear takes at least one dimension, got none`
      : Fits<L, I> extends true
        ? S extends readonly [...infer B extends Shape, number]
          ? readonly [...B, O]
          : readonly [...Leading, O]
        : `Linear takes ${I} features in the last dimension, got ${L}`
    : never;

/** Whether a size may be equal to another: unknown sizes may. */
export type Fits<A extends number, B extends number> = number extends A
  ? true
  : number extends B
    ? true
    : [A] extends [B]
      ? true
      : false;

export interface LinearFn<I extends number, O extends number> extends ShapeFn {
  readonly out: LinearShape<AsShape<this['in']>, I, O>;
}

/** One `number` per spatial dimension. */
export type Spatial<N extends 1 | 2 | 3> = N extends 1
  ? readonly [number]
  : N extends 2
    ? readonly [number, number]
    : readonly [number, number, number];

/** Whether a shape's rank is known and too small for channels and `N` spatial dimensions. */
type TooFlat<S extends Shape, N extends 1 | 2 | 3> = number extends S['length']
  ? false
  : S extends readonly [...Leading, number, ...Spatial<N>]
    ? false
    : true;

/** `[…, I, spatial] → […, O, spatial]`; output sizes are left unknown, they are arithmetic. */
export type ConvShape<S extends Shape, N extends 1 | 2 | 3, I extends number, O extends number> =
  TooFlat<S, N> extends true
    ? `Conv${N}d takes [N, C, …] or [C, …] with ${N} spatial dimensions, got ${S['length']} dimensions`
    : S extends readonly [...infer B extends Shape, infer C extends number, ...Spatial<N>]
      ? Fits<C, I> extends true
        ? readonly [...B, O, ...Spatial<N>]
        : `Conv${N}d takes ${I} channels, got ${C}`
      : readonly [...Leading, O, ...Spatial<N>];

export interface ConvFn<N extends 1 | 2 | 3, I extends number, O extends number> extends ShapeFn {
  readonly out: ConvShape<AsShape<this['in']>, N, I, O>;
}

/** `[…, C, spatial] → […, C, spatial]` with other spatial sizes: pooling. */
export type PoolShape<S extends Shape, N extends 1 | 2 | 3> =
  TooFlat<S, N> extends true
    ? `pooling takes [N, C, …] or [C, …] with ${N} spatial dimensions, got ${S['length']} dimensions`
    : S extends readonly [...infer B extends Shape, ...Spatial<N>]
      ? readonly [...B, ...Spatial<N>]
      : Shape;

export interface PoolFn<N extends 1 | 2 | 3> extends ShapeFn {
  readonly out: PoolShape<AsShape<this['in']>, N>;
}

/** The same shape, whose dimension 1 has to be `C`: batch and group normalisation. */
export type ChannelsShape<S extends Shape, C extends number, Name extends string> = S extends readonly [
  number,
  infer A extends number,
  ...Shape,
]
  ? Fits<A, C> extends true
    ? S
    : `${Name} takes ${C} channels in dimension 1, got ${A}`
  : S;

export interface ChannelsFn<C extends number, Name extends string> extends ShapeFn {
  readonly out: ChannelsShape<AsShape<this['in']>, C, Name>;
}

/** The same shape, whose last dimension has to be `L`: layer normalisation over one dimension. */
export type LastShape<S extends Shape, L extends number> =
  Fits<Last<S>, L> extends true ? S : `LayerNorm takes ${L} features in the last dimension, got ${Last<S>}`;

export interface LastFn<L extends number> extends ShapeFn {
  readonly out: LastShape<AsShape<this['in']>, L>;
}

/** `[…] → […, E]`. */
export interface EmbeddingFn<E extends number> extends ShapeFn {
  readonly out: readonly [...AsShape<this['in']>, E];
}

/** `[N, …] → [N, unknown]`: Flatten with its default dimensions. */
export interface FlattenFn extends ShapeFn {
  readonly out: AsShape<this['in']> extends readonly [infer N extends number, infer F extends number]
    ? readonly [N, F]
    : AsShape<this['in']> extends readonly [infer N extends number, ...Shape]
      ? readonly [N, number]
      : readonly [number, number];
}

/** Any shape to an unknown one. */
export interface UnknownShape extends ShapeFn {
  readonly out: Shape;
}

/** Shapes as types: literal sizes are checked by the compiler, unknown ones (`number`, `Shape`) fit everywhere. */

/** Sizes of the dimensions, outermost first; a tuple of literals where they are known to the compiler. */
export type Shape = readonly number[];

/** A literal shape as text, for messages: `[32, 784]`. */
export type ShowShape<S extends Shape> = `[${Join<S>}]`;
type Join<S extends Shape> = S extends readonly [infer X extends number, ...infer R extends Shape]
  ? R extends readonly []
    ? `${X}`
    : `${X}, ${Join<R>}`
  : number extends S['length']
    ? '…'
    : '';

declare const mismatch: unique symbol;
/** What an operand must also be when it cannot fit: the compiler's message then shows `Message`. */
export interface ShapeMismatch<Message extends string> {
  readonly [mismatch]: Message;
}

/** `true` when one of the ranks is unknown. */
export type Unranked<A extends Shape, B extends Shape = readonly []> = number extends
  | A['length']
  | B['length']
  ? true
  : false;

type BroadcastSize<A extends number, B extends number> = number extends A
  ? B extends 1
    ? number
    : B
  : number extends B
    ? A extends 1
      ? number
      : A
    : A extends B
      ? A
      : A extends 1
        ? B
        : B extends 1
          ? A
          : never;

type BroadcastRanked<A extends Shape, B extends Shape, Out extends Shape = readonly []> = A extends readonly [
  ...infer RestA extends Shape,
  infer X extends number,
]
  ? B extends readonly [...infer RestB extends Shape, infer Y extends number]
    ? [BroadcastSize<X, Y>] extends [never]
      ? never
      : BroadcastRanked<RestA, RestB, readonly [BroadcastSize<X, Y>, ...Out]>
    : readonly [...A, ...Out]
  : readonly [...B, ...Out];

/** The shape that two shapes broadcast to; `never` when they do not. */
export type Broadcast<A extends Shape, B extends Shape> = B extends readonly []
  ? A
  : Unranked<A, B> extends true
    ? Shape
    : BroadcastRanked<A, B>;

/** `unknown` when the shapes broadcast, else a type that nothing has. */
export type BroadcastCheck<A extends Shape, B extends Shape> = [Broadcast<A, B>] extends [never]
  ? ShapeMismatch<`shapes ${ShowShape<A>} and ${ShowShape<B>} do not broadcast`>
  : unknown;

type SameSize<A extends number, B extends number> = number extends A
  ? true
  : number extends B
    ? true
    : [A] extends [B]
      ? true
      : false;

type Last<S extends Shape> = S extends readonly [...Shape, infer X extends number] ? X : number;
type SecondLast<S extends Shape> = S extends readonly [...Shape, infer X extends number, number] ? X : number;
type Batch<S extends Shape> = S extends readonly [...infer R extends Shape, number, number] ? R : readonly [];
/** Size along which `B` is contracted: its only one, or its second last. */
type InnerOf<B extends Shape> = B extends readonly [infer X extends number] ? X : SecondLast<B>;

/** Shape of `A @ B` by PyTorch's rank rules; inner sizes and batches are taken to fit. */
export type MatMul<A extends Shape, B extends Shape> =
  Unranked<A, B> extends true
    ? Shape
    : A extends readonly [number]
      ? B extends readonly [number]
        ? readonly []
        : readonly [...Batch<B>, Last<B>]
      : B extends readonly [number]
        ? readonly [...Batch<A>, SecondLast<A>]
        : readonly [...Broadcast<Batch<A>, Batch<B>>, SecondLast<A>, Last<B>];

/** `unknown` when `A @ B` is defined, else a type that nothing has. */
export type MatMulCheck<A extends Shape, B extends Shape> =
  Unranked<A, B> extends true
    ? unknown
    : A extends readonly []
      ? ShapeMismatch<'matmul: both operands need at least one dimension'>
      : B extends readonly []
        ? ShapeMismatch<'matmul: both operands need at least one dimension'>
        : SameSize<Last<A>, InnerOf<B>> extends true
          ? [Broadcast<Batch<A>, Batch<B>>] extends [never]
            ? ShapeMismatch<`matmul: batch sizes differ: ${ShowShape<A>} @ ${ShowShape<B>}`>
            : unknown
          : ShapeMismatch<`matmul: inner sizes differ: ${ShowShape<A>} @ ${ShowShape<B>} (${Last<A>} vs ${InnerOf<B>})`>;

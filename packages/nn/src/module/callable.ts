/**
 * Base of everything that is called like a function and has methods and fields like an object: `new` gives a
 * function whose prototype is the class, and calling it calls `invoke`. Function's own `name` and `length`
 * are removed, so that the instance has no field that its class did not define (and none of
 * `Function.prototype`'s methods).
 */
export abstract class Callable {
  constructor() {
    const self = (...args: unknown[]): unknown => (self as unknown as Callable).invoke(args);
    Object.setPrototypeOf(self, new.target.prototype);
    delete (self as { name?: string }).name;
    delete (self as { length?: number }).length;
    // biome-ignore lint/correctness/noConstructorReturn: replacing `this` is the purpose of this class.
    return self as unknown as this;
  }

  /** What calling the instance does. */
  abstract invoke(args: unknown[]): unknown;
}

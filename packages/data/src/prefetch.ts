/**
 * Loads `items` in order and keeps up to `ahead` of them loading or loaded while the consumer works on another. An error
 * reaches the consumer in its place in the order. When the consumer stops early, nothing new is started and what was
 * started has settled before the generator returns.
 */
export async function* prefetched<Item, Loaded>(
  items: Iterable<Item>,
  load: (item: Item) => Promise<Loaded>,
  ahead: number,
): AsyncGenerator<Loaded, void, void> {
  const source = items[Symbol.iterator]();
  const pending: Promise<Loaded>[] = [];
  let exhausted = false;

  const startNext = (): Promise<Loaded> | undefined => {
    try {
      const { done, value } = source.next();
      if (!done) return load(value);
      exhausted = true;
      return undefined;
    } catch (error) {
      exhausted = true;
      return Promise.reject(error);
    }
  };
  const fill = (count: number): void => {
    while (!exhausted && pending.length < count) {
      const started = startNext();
      if (!started) return;
      // An error that waits for its turn is not an unhandled one.
      started.catch(() => {});
      pending.push(started);
    }
  };

  try {
    for (;;) {
      fill(Math.max(1, ahead));
      const head = pending.shift();
      if (!head) return;
      const value = await head;
      fill(ahead);
      yield value;
    }
  } finally {
    if (!exhausted) source.return?.();
    exhausted = true;
    await Promise.allSettled(pending);
  }
}

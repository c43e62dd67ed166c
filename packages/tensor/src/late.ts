/**
 * Parts of scheduler and code generators that many programs never need, loaded when they are first asked for. They are asked for in the
 * middle of work that cannot wait: so that stops, and starts again once the part is here. From then on all is synchronous.
 */

class NotHere extends Error {
  constructor(readonly load: () => Promise<void>) {
    super('a part that is loaded late was asked for outside of whenHere');
  }
}

/** Returns the module; `load` is a dynamic import, of which a bundler makes a file of its own. */
export function late<M>(load: () => Promise<M>): () => M {
  let module: M | null = null;
  return () => {
    if (module) return module;
    throw new NotHere(async () => {
      module = await load();
    });
  };
}

/** What `make` makes, at once if the parts that it asks for are here. It may be called several times. */
export function whenHere<T>(make: () => T): T | Promise<T> {
  try {
    return make();
  } catch (e) {
    if (e instanceof NotHere) return e.load().then(() => whenHere(make));
    throw e;
  }
}

/** A module that many programs never need, loaded when it is first needed and used synchronously from then on. */
export interface Late<M> {
  isHere(): boolean;
  load(): Promise<void>;
  /** The module, which must be here. */
  get(): M;
}

/** `load` is a dynamic import, of which a bundler makes a file of its own. */
export function late<M>(name: string, load: () => Promise<M>): Late<M> {
  let module: M | null = null;
  return {
    isHere: () => module !== null,
    async load() {
      module ??= await load();
    },
    get() {
      if (!module) throw new Error(`cpu: the code of ${name} has not been loaded`);
      return module;
    },
  };
}

/** One or two threads that start a loop at the same time; a call is over when both are. */

/** A call of an exported function. */
export interface Call {
  readonly name: string;
  readonly args: readonly number[];
}

export interface Team {
  /** Runs one call per thread; resolves nothing, for it waits. The helper's thread spins for a while after its call. */
  run(calls: readonly Call[]): void;
}

export interface Setup {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** Names of the functions, by the number with which the helper is told. */
  readonly names: readonly string[];
  /** Calls begun, calls done, which function, and its arguments. */
  readonly control: Int32Array<SharedArrayBuffer>;
}

/** What the helper does. Its source goes to another thread, so it refers to nothing outside itself. */
function help({ module, memory, names, control }: Setup): void {
  const SPIN_MS = 5;
  const exports = new WebAssembly.Instance(module, { memory: { memory } }).exports;
  let seen = 0;
  for (;;) {
    const end = performance.now() + SPIN_MS;
    while (Atomics.load(control, 0) === seen && performance.now() < end);
    Atomics.wait(control, 0, seen);
    seen = Atomics.load(control, 0);
    const call = exports[names[control[2]]] as (...args: number[]) => void;
    call(control[3], control[4], control[5], control[6]);
    Atomics.store(control, 1, seen);
  }
}

/** Starts a thread that runs a program, which finds `setup` declared; resolves when it is about to. */
export type StartThread = (program: string, setup: Setup) => Promise<void>;

export async function createTeam(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  threads: number,
  start: StartThread,
): Promise<Team> {
  const instance = new WebAssembly.Instance(module, { memory: { memory } });
  const call = ({ name, args }: Call): void =>
    (instance.exports[name] as (...args: readonly number[]) => void)(...args);
  if (threads === 1) return { run: ([own]) => call(own) };
  const names = Object.keys(instance.exports);
  const control = new Int32Array(new SharedArrayBuffer(32));
  await start(`(${help})(setup);`, { module, memory, names, control });
  return {
    run([own, other]) {
      control.set([names.indexOf(other.name), ...other.args], 2);
      const begun = Atomics.add(control, 0, 1) + 1;
      Atomics.notify(control, 0);
      call(own);
      while (Atomics.load(control, 1) !== begun);
    },
  };
}

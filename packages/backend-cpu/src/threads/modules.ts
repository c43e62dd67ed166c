/** Modules in memory, where other threads find them. */
import type { LinearMemory } from '../memory.js';
import type { CpuProgram } from '../program.js';
import { CODE_HEADER } from './team.js';

/** Where a thread finds a program. */
export interface Published {
  /** Its number. */
  readonly program: number;
  /** Address of the header in front of the module. */
  readonly code: number;
  readonly codeBytes: number;
}

/** Puts modules where other threads find them. */
export interface Modules {
  publish(program: CpuProgram): Published;
  /** Gives back all room; nobody may be reading any more. */
  clear(): void;
}

/**
 * @param readers threads that will compile a module before its room is given back.
 */
export function createModules(memory: LinearMemory, readers: number): Modules {
  const known = new WeakMap<CpuProgram, Published>();
  let kept: Published[] = [];
  let count = 0;

  const readBy = ({ code }: Published): number =>
    Atomics.load(new Int32Array(memory.bytes().buffer, code, 1), 0);

  /** Gives back the room of modules that everyone has compiled. */
  function sweep(): void {
    const done = kept.filter((module) => readBy(module) >= readers);
    kept = kept.filter((module) => !done.includes(module));
    for (const { code } of done) memory.free(code);
  }

  return {
    publish(program) {
      const published = known.get(program);
      if (published) return published;
      sweep();
      const { code: bytes } = program;
      const code = memory.allocate(CODE_HEADER + bytes.length);
      memory
        .bytes()
        .fill(0, code, code + CODE_HEADER)
        .set(bytes, code + CODE_HEADER);
      const made = { program: count++, code, codeBytes: bytes.length };
      known.set(program, made);
      kept.push(made);
      return made;
    },
    clear() {
      for (const { code } of kept) memory.free(code);
      kept = [];
    },
  };
}

/** What the CPU backend runs: functions over ranges, and the block of memory that carries their arguments. */
import type { Kernel, Program } from '@neurite/tensor';
import type { MemoryImport, ModuleBuilder } from './wasm/encoder.js';

/** What a piece of a program says about itself. */
export interface PartFacts {
  /** Name of the exported function. */
  readonly name: string;
  /** Independent units of work: the function may be called for any ranges that cover 0 … units once, in any order or thread. */
  readonly units: number;
  /** Machine instructions of all units, roughly. */
  readonly work: number;
}

/** A piece of a program that can be cut into ranges. */
export interface ProgramPart extends PartFacts {
  readonly run: PartFunction;
}

/**
 * Runs units `begin` … `end` − 1 with the argument block at byte address `args` and working memory for this call alone at
 * `scratch`.
 */
export type PartFunction = (begin: number, end: number, args: number, scratch: number) => void;

/** Parameters of a part's function. */
export const PART = { begin: 0, end: 1, args: 2, scratch: 3 } as const;

/** A compiled kernel: its parts run one after another, a part starting when the one before is done. */
export interface CpuProgram extends Program {
  readonly parts: readonly ProgramPart[];
  /** Bytes of working memory that each call needs for itself, undefined at the start; 0 for none. */
  readonly scratchBytes: number;
  /** Bytes of working memory that all calls of one run share, kept from part to part; 0 for none. */
  readonly sharedBytes: number;
  /** How its argument block looks. */
  readonly layout: ArgumentLayout;
  /** The WebAssembly module, to be compiled in other threads too. */
  readonly code: Uint8Array<ArrayBuffer>;
}

/** What links a module to a memory. */
export interface ProgramSource {
  readonly kernel: Kernel;
  readonly parts: readonly PartFacts[];
  readonly scratchBytes: number;
  readonly sharedBytes: number;
  /** Whether it is a tuned algorithm and not the kernel's own loops. */
  readonly specialized: boolean;
  readonly module: ModuleBuilder;
  /** Writes the same module again, to be listed. */
  write(listing: ModuleBuilder): void;
}

/** What `write` writes in WebAssembly's text format. */
export async function listed(memory: MemoryImport, write: (module: ModuleBuilder) => void): Promise<string> {
  const { ModuleListing } = await import('./wasm/listing.js');
  const listing = new ModuleListing(memory);
  write(listing);
  return listing.text();
}

/** Compiles a module and binds it to `memory`. */
export function linkProgram(source: ProgramSource, memory: WebAssembly.Memory): CpuProgram {
  const { kernel, parts, scratchBytes, sharedBytes, specialized, module } = source;
  const code = module.encode();
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code), { env: { memory } });
  return {
    kernel,
    // Listings are long and rarely read, so they are made when asked for.
    get source() {
      return listed(module.memory, (listing) => source.write(listing));
    },
    specialized,
    scratchBytes,
    sharedBytes,
    code,
    layout: argumentLayout(kernel),
    parts: parts.map((part) => ({ ...part, run: exports[part.name] as PartFunction })),
  };
}

/** Byte offsets within the argument block of a kernel. */
export interface ArgumentLayout {
  /** How many buffers there are. */
  readonly buffers: number;
  /** Byte address of buffer `i` (i32). */
  buffer(i: number): number;
  /** Byte address of the working memory that calls share (i32). */
  readonly shared: number;
  /** Runtime scalar `slot`, in its own dtype; a float16 is kept as float32, what is smaller than 4 bytes as int32. */
  scalar(slot: number): number;
  readonly bytes: number;
}

export function argumentLayout(kernel: Kernel): ArgumentLayout {
  const shared = 4 * kernel.buffers.length;
  const scalars = (shared + 4 + 7) & ~7;
  return {
    buffers: kernel.buffers.length,
    buffer: (i) => 4 * i,
    shared,
    scalar: (slot) => scalars + 8 * slot,
    bytes: scalars + 8 * kernel.scalars.length,
  };
}

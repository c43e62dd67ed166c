/** The run that the browser keeps, so that a page that was closed goes on where it was. */
import { type DBSchema, openDB } from 'idb';
import type { Tested } from './protocol.js';

export interface Kept {
  /** A checkpoint file. */
  readonly checkpoint: Uint8Array<ArrayBuffer>;
  /** Whether the run was under way. */
  readonly running: boolean;
  readonly testLimit: number;
  readonly tested: Tested | null;
}

export interface Store {
  get(): Promise<Kept | undefined>;
  /** In one transaction: what is kept is the old run or the new one, whole. */
  put(kept: Kept): Promise<void>;
}

interface Schema extends DBSchema {
  runs: { key: string; value: Kept };
}

const NAME = 'neurite-mnist';
const CURRENT = 'current';

/**
 * Opens the store once no other tab has it: two would overwrite each other's run.
 *
 * @param onWait is called where that takes a while.
 */
export async function openStore(onWait: () => void): Promise<Store> {
  const waiting = setTimeout(onWait, 1000);
  await new Promise<void>((resolve) => {
    // Held until this worker ends.
    navigator.locks.request(NAME, () => {
      resolve();
      return new Promise(() => {});
    });
  });
  clearTimeout(waiting);
  const database = await openDB<Schema>(NAME, 1, {
    upgrade: (created) => {
      created.createObjectStore('runs');
    },
  });
  return {
    get: () => database.get('runs', CURRENT),
    async put(kept) {
      await database.put('runs', kept, CURRENT);
    },
  };
}

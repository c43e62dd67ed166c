/** The row that times the import: it imports what it uses, a tensor's ops and a backend. */
import type { PeerRows } from '../../case.js';
import { of, startBackend } from './forward.js';

export const rows: Pick<PeerRows, 'import-first'> = {
  'import-first': of((a, b) => a.matmul(b).relu()),
};

export async function openFirst(threads: number): Promise<typeof rows> {
  await startBackend(threads);
  return rows;
}

/** Runs an entry module in a dedicated module worker of a page. */
import { call, type Functions, type Reply, RUN, type Run, WORKER_SCRIPT } from './protocol.js';

interface Request {
  readonly id: number;
  readonly name: string;
  readonly args: readonly unknown[];
}

/** In the worker: answers the page's requests. */
export function serveFromWorker(entry: Functions): void {
  globalThis.onmessage = async ({ data: { id, name, args } }: MessageEvent<Request>) => {
    const reply = await call(entry, name, args);
    (globalThis as unknown as Worker).postMessage({ id, reply });
  };
}

/** In the page: starts the worker and makes its functions callable from outside the page. */
export function serveThroughWorker(): void {
  const worker = new Worker(WORKER_SCRIPT, { type: 'module' });
  const waiting = new Map<number, (reply: Reply) => void>();
  let calls = 0;
  let failure: Reply | null = null;
  worker.onmessage = ({ data: { id, reply } }: MessageEvent<{ id: number; reply: Reply }>) => {
    waiting.get(id)?.(reply);
    waiting.delete(id);
  };
  worker.onerror = ({ message }) => {
    failure = { error: { name: 'Error', message: message || 'the worker could not be started' } };
    for (const settle of waiting.values()) settle(failure);
    waiting.clear();
  };
  const run: Run = (name, args) =>
    new Promise((settle) => {
      if (failure) return settle(failure);
      waiting.set(++calls, settle);
      worker.postMessage({ id: calls, name, args } satisfies Request);
    });
  Object.assign(globalThis, { [RUN]: run });
}

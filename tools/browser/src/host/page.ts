/** Runs an entry module on a page's main thread. */
import { call, type Functions, RUN, type Run } from './protocol.js';

/** Makes the entry's functions callable from outside the page. */
export function serveFromPage(entry: Functions): void {
  const run: Run = (name, args) => call(entry, name, args);
  Object.assign(globalThis, { [RUN]: run });
}

/**
 * Gives the event loop a turn now and then. A loop that only awaits resolved promises never lets finalizers run (they are
 * macrotasks), nor a page respond.
 */
const nextTurn: () => Promise<void> =
  typeof setImmediate === 'function'
    ? () => new Promise((resolve) => setImmediate(resolve))
    : () =>
        new Promise((resolve) => {
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = () => {
            port1.close();
            resolve();
          };
          port2.postMessage(null);
        });

const INTERVAL_MS = 8;
let last = 0;

/** A promise to await when the last turn is longer ago than 8 ms, otherwise undefined. */
export function turnIfDue(): Promise<void> | undefined {
  const now = performance.now();
  if (now - last < INTERVAL_MS) return undefined;
  return nextTurn().then(() => {
    last = performance.now();
  });
}

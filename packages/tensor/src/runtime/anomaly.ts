/** Whether ops are checked for NaN; `find-nan.ts` does it. */
import { setTracing } from '../graph/node.js';

let depth = 0;
let always = false;

export const isAnomalyMode = (): boolean => always || depth > 0;

/**
 * With a function: runs it with checks on (PyTorch's `torch.autograd.detect_anomaly`); an async function keeps them on
 * until it settles. With a boolean: switches checks on or off. While they are on, every request first computes op by op
 * and throws AnomalyError naming the op that made a NaN from inputs without one, and the line that recorded it. Slow.
 */
export function detectAnomaly<T>(fn: () => T): T;
export function detectAnomaly(on: boolean): void;
export function detectAnomaly<T>(arg: boolean | (() => T)): T | undefined {
  if (typeof arg === 'boolean') {
    always = arg;
    setTracing(isAnomalyMode());
    return undefined;
  }
  depth++;
  setTracing(true);
  const leave = () => {
    depth--;
    setTracing(isAnomalyMode());
  };
  let result: T;
  try {
    result = arg();
  } catch (e) {
    leave();
    throw e;
  }
  if (result instanceof Promise) return result.finally(leave) as T;
  leave();
  return result;
}

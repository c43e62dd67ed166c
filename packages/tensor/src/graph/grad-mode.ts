let enabled = true;

/** Whether ops recorded now become part of the tape. */
export const isGradEnabled = (): boolean => enabled;

/** Switches recording for the tape on or off and returns the previous state. */
export function setGradEnabled(on: boolean): boolean {
  const before = enabled;
  enabled = on;
  return before;
}

function withMode<T>(on: boolean, fn: () => T): T {
  const before = setGradEnabled(on);
  let result: T;
  try {
    result = fn();
  } catch (e) {
    setGradEnabled(before);
    throw e;
  }
  if (result instanceof Promise) return result.finally(() => setGradEnabled(before)) as T;
  setGradEnabled(before);
  return result;
}

/** Runs `fn` without recording for gradients (PyTorch's `torch.no_grad`). An async `fn` holds the mode until it settles. */
export const noGrad = <T>(fn: () => T): T => withMode(false, fn);
/** Runs `fn` with recording for gradients, inside a `noGrad` (PyTorch's `torch.enable_grad`). */
export const enableGrad = <T>(fn: () => T): T => withMode(true, fn);

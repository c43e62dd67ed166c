/** What a page offers, and how calls end: for the tests of the harness itself. */
export const where = () => ({
  isolated: globalThis.crossOriginIsolated,
  shared: typeof SharedArrayBuffer !== 'undefined',
  worker: typeof document === 'undefined',
});

/** Values that JSON alone would lose. */
export const echo = <T>(value: T): T => value;

export async function fail(message: string): Promise<never> {
  await Promise.resolve();
  throw new RangeError(message);
}

export const waitForever = (): Promise<never> => new Promise(() => {});

export async function fetchText(path: string): Promise<string> {
  const response = await fetch(path);
  return response.ok ? response.text() : `status ${response.status}`;
}

export function say(text: string): void {
  console.warn(text);
}

/** An error outside of every call. */
export function failLater(message: string): void {
  setTimeout(() => {
    throw new Error(message);
  });
}

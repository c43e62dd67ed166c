/** What a page and this process say to each other. */

/** The functions that an entry module exports, by name. */
export type Functions = Readonly<Record<string, unknown>>;

/** What became of a call. */
export type Reply =
  | { readonly value: unknown }
  | { readonly error: { readonly name: string; readonly message: string; readonly stack?: string } };

/** The name of the function in the page that calls a function of the entry. */
export const RUN = 'neuriteRun';
/** Paths of the page's files. */
export const PAGE = '/index.html';
export const PAGE_SCRIPT = '/page.js';
export const WORKER_SCRIPT = '/worker.js';

export type Run = (name: string, args: readonly unknown[]) => Promise<Reply>;

/** Calls a function of the entry; never rejects. */
export async function call(entry: Functions, name: string, args: readonly unknown[]): Promise<Reply> {
  try {
    const found = entry[name];
    if (typeof found !== 'function') throw new TypeError(`the entry module exports no function ${name}`);
    return { value: await found(...args) };
  } catch (e) {
    const { name: kind, message, stack } = e instanceof Error ? e : new Error(String(e));
    return { error: { name: kind, message, stack } };
  }
}

/** What a page says: its console, and errors that nobody caught. */
import type { ConsoleMessage, Page } from 'playwright-core';

/** One message of a page's or its workers' console, or an error that nobody caught. */
export interface ConsoleLine {
  /** A console method's name, as the browser has it (`log`, `info`, `warning`, `error`, …). */
  readonly type: string;
  readonly text: string;
}

const METHODS: Readonly<Record<string, (text: string) => void>> = {
  error: console.error,
  warning: console.warn,
  debug: console.debug,
};

/** Says the line on this process's console. */
export const echo = ({ type, text }: ConsoleLine): void => (METHODS[type] ?? console.info)(text);

/** Tells `listener` what a page says from now on. */
export function listen(page: Page, listener: (line: ConsoleLine) => void): void {
  page.on('console', (message: ConsoleMessage) => listener({ type: message.type(), text: message.text() }));
  page.on('pageerror', (error) => listener({ type: 'error', text: `uncaught ${error.stack ?? error}` }));
}

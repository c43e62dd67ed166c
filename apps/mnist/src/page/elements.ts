/** The page's elements, by id. */

type Constructor<E> = abstract new (...args: never[]) => E;

/** The element of an id, which must be of the kind. */
export function element<E extends HTMLElement>(id: string, kind: Constructor<E>): E {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`page: #${id} is no ${kind.name}`);
  return found;
}

/** 0.9876 → '98.8 %', with a space that does not break. */
export const percent = (share: number, digits = 1): string => `${(100 * share).toFixed(digits)}\u00a0%`;

/** 60000 → '60,000'. */
export const thousands = (count: number): string => count.toLocaleString('en');

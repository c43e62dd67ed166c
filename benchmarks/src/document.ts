/** Puts a table into a document, between two comments that name it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { UsageError } from './options.js';

const begin = (name: string): string => `<!-- ${name}: measured -->`;
const end = (name: string): string => `<!-- ${name}: end -->`;

/** The document with another text between the comments of that name. Throws UsageError where they are not there. */
export function replaceSection(document: string, name: string, text: string): string {
  const from = document.indexOf(begin(name));
  const to = document.indexOf(end(name));
  if (from < 0 || to < from)
    throw new UsageError(`--write: the document has no line ${begin(name)} with ${end(name)} below`);
  return `${document.slice(0, from + begin(name).length)}\n\n${text.trim()}\n\n${document.slice(to)}`;
}

/** Checks at once that there is a file with such a section; what it returns writes it. */
export function sectionOf(path: string, name: string): (text: string) => void {
  const read = (): string => {
    try {
      return readFileSync(path, 'utf8');
    } catch (e) {
      throw new UsageError(`--write: ${(e as Error).message}`);
    }
  };
  replaceSection(read(), name, '');
  return (text) => writeFileSync(path, replaceSection(read(), name, text));
}

/** What the command line asks for. */
import { parseArgs } from 'node:util';
import { type Effort, FULL, ON_GPU, QUICK } from './effort.js';

export const USAGE = `usage: npm run bench -- [--rows PATTERN] [--peers PATTERN] [--browser] [--device cpu|webgpu] [--quick] [--repeat N] [--json] [--write FILE]
       npm run bench -- --samples [--rows PATTERN] [--peers PATTERN]
       npm run bench -- --memory [--device cpu|webgpu] [--leak BYTES]`;

/** A mistake of the user's: said without a stack, before anything runs. */
export class UsageError extends Error {}

const DEVICES = ['cpu', 'webgpu'] as const;

/** Where rows are computed. */
export type DeviceName = (typeof DEVICES)[number];

export interface Options {
  readonly rows: RegExp;
  readonly peers: RegExp;
  readonly effort: Effort;
  readonly browser: boolean;
  readonly device: DeviceName;
  readonly json: boolean;
  readonly samples: boolean;
  /** The document whose table is replaced. */
  readonly write: string | undefined;
  readonly memory: boolean;
  readonly leak: number;
}

function pattern(option: string, text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (e) {
    throw new UsageError(`--${option}: ${(e as Error).message}`);
  }
}

function wholeNumber(option: string, text: string, least: number, what: string): number {
  if (!/^\d+$/.test(text) || Number(text) < least)
    throw new UsageError(`--${option} ${text}: ${what} is expected`);
  return Number(text);
}

function deviceName(text: string): DeviceName {
  const found = DEVICES.find((name) => name === text);
  if (!found) throw new UsageError(`--device ${text}: there are ${DEVICES.join(' and ')}`);
  return found;
}

/** Reads the arguments after the program's name. Throws UsageError. */
export function readOptions(args: readonly string[]): Options {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(args);
  } catch (e) {
    throw new UsageError((e as Error).message);
  }
  const device = deviceName(values.device);
  const effort = values.quick ? QUICK : device === 'webgpu' ? ON_GPU : FULL;
  const { repeat } = values;
  return {
    rows: pattern('rows', values.rows),
    peers: pattern('peers', values.peers),
    effort: repeat
      ? { ...effort, rounds: wholeNumber('repeat', repeat, 1, 'a whole number of rounds') }
      : effort,
    browser: values.browser,
    device,
    json: values.json,
    samples: values.samples,
    write: values.write,
    memory: values.memory,
    leak: wholeNumber('leak', values.leak, 0, 'a whole number of bytes'),
  };
}

const parse = (args: readonly string[]) =>
  parseArgs({
    args: [...args],
    options: {
      rows: { type: 'string', default: '' },
      peers: { type: 'string', default: '' },
      quick: { type: 'boolean', default: false },
      repeat: { type: 'string' },
      browser: { type: 'boolean', default: false },
      device: { type: 'string', default: 'cpu' },
      json: { type: 'boolean', default: false },
      samples: { type: 'boolean', default: false },
      write: { type: 'string' },
      memory: { type: 'boolean', default: false },
      leak: { type: 'string', default: '0' },
    },
  }).values;

/** Those whose name matches. Throws UsageError, with all names, when none does. */
export function select<T>(
  what: string,
  all: readonly T[],
  pattern: RegExp,
  nameOf: (item: T) => string,
): readonly T[] {
  const selected = all.filter((item) => pattern.test(nameOf(item)));
  if (selected.length > 0) return selected;
  throw new UsageError(`no ${what} matches ${pattern.source}; there are: ${all.map(nameOf).join(', ')}`);
}

/** Names of single letters and symbols that the camelCase rule does not bring back. */
const SNAKE: Readonly<Record<string, string>> = {
  TMax: 'T_max',
  T0: 'T_0',
  TMult: 'T_mult',
  TCur: 'T_cur',
  TI: 'T_i',
  stepCount: '_step_count',
  lastLr: '_last_lr',
  schedulers: '_schedulers',
};

/** PyTorch's name of an option: `weightDecay` → `weight_decay`. */
export const snakeCase = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Our name of an option of PyTorch's: `weight_decay` → `weightDecay`. */
export const camelCase = (name: string): string =>
  name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/** PyTorch's name of a scheduler's attribute. */
export const schedulerKey = (name: string): string => SNAKE[name] ?? snakeCase(name);

import { Tensor, ValueError } from '@neurite/tensor';

/** What every optimizer's options have. */
export interface BaseOptions {
  /** Learning rate. */
  lr: number;
}

/** What schedulers keep in a group; saved with it. */
export interface ScheduledOptions {
  initialLr?: number;
  maxLr?: number;
  minLr?: number;
  maxMomentum?: number;
  baseMomentum?: number;
}

const SCHEDULED: readonly string[] = [
  'initialLr',
  'maxLr',
  'minLr',
  'maxMomentum',
  'baseMomentum',
] satisfies (keyof ScheduledOptions)[];

/** Whether an option belongs to a scheduler. */
export const isScheduled = (name: string): boolean => SCHEDULED.includes(name);

/** Parameters and the options that hold for them; options may be changed between steps. */
export type ParamGroup<Options extends BaseOptions> = Options & ScheduledOptions & { params: Tensor[] };

/** A group as a user writes it; what is left out follows the optimizer's options. */
export type ParamGroupInput<Options extends BaseOptions> = Partial<Options> &
  ScheduledOptions & { params: Tensor | Iterable<Tensor> };

/** What an optimizer takes as its first argument. */
export type Params<Options extends BaseOptions> = Iterable<Tensor> | Iterable<ParamGroupInput<Options>>;

/** Splits an optimizer's first argument into groups. */
export function toGroups<Options extends BaseOptions>(
  who: string,
  params: Params<Options>,
): ParamGroupInput<Options>[] {
  if (
    params instanceof Tensor ||
    typeof (params as Partial<Iterable<unknown>>)?.[Symbol.iterator] !== 'function'
  ) {
    throw new ValueError(`${who}: expected an iterable of parameters or of groups, got ${describe(params)}`);
  }
  const list = [...params];
  if (list.length === 0) throw new ValueError(`${who}: got an empty parameter list`);
  const isGroup = (item: unknown): item is ParamGroupInput<Options> =>
    typeof item === 'object' && item !== null && !(item instanceof Tensor) && 'params' in item;
  if (list.every(isGroup)) return list;
  const only: { params: Tensor[] } = { params: list as Tensor[] };
  return [only as unknown as ParamGroupInput<Options>];
}

/** A complete group from what the user wrote and the optimizer's defaults. */
export function completeGroup<Options extends BaseOptions>(
  who: string,
  given: ParamGroupInput<Options>,
  defaults: Options,
): ParamGroup<Options> {
  const { params: givenParams, ...options } = given;
  const params = givenParams instanceof Tensor ? [givenParams] : [...givenParams];
  checkOptionNames(who, options, defaults);
  for (const param of params) {
    if (!(param instanceof Tensor))
      throw new ValueError(`${who}: can only optimize tensors, got ${describe(param)}`);
    if (!param.isLeaf) {
      throw new ValueError(
        `${who}: can't optimize a non-leaf tensor of shape [${param.shape.join(', ')}]; pass the parameter that it was computed from`,
      );
    }
  }
  if (new Set(params).size !== params.length)
    throw new ValueError(`${who}: a group contains a parameter twice`);
  const group = { ...defaults, ...withoutUndefined(options), params } as unknown as ParamGroup<Options>;
  if (group.lr === undefined)
    throw new ValueError(`${who}: a group has no lr and the optimizer has no default for it`);
  return group;
}

/** Throws ValueError for an option that the optimizer does not have, such as a name in snake_case. */
export function checkOptionNames(who: string, options: object, defaults: object): void {
  for (const name of Object.keys(options)) {
    if (!(name in defaults) && !isScheduled(name)) {
      throw new ValueError(`${who}: no option '${name}' among ${Object.keys(defaults).join(', ')}`);
    }
  }
}

/** Leaves out members that are undefined, so that they do not hide defaults. */
export const withoutUndefined = <T extends object>(options: T): T =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;

const describe = (value: unknown): string =>
  value instanceof Tensor
    ? `a tensor of shape [${value.shape.join(', ')}]`
    : value === null || value === undefined
      ? `${value}`
      : `a value of type ${(value as object).constructor?.name ?? typeof value}`;

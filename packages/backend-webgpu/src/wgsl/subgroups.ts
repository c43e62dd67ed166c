/** Subgroups: invocations that combine values without memory. How many make one up is the device's business. */
import type { ReduceOp, Reduction } from '@neurite/tensor';
import type { Helpers } from './helpers.js';
import { narrowed } from './operations.js';
import { valueType } from './values.js';

/** What an invocation knows of its subgroup. */
export const SUBGROUP = {
  name: 'subgroup',
  text: `struct Subgroup {
  number: u32,
  count: u32,
  lane: u32,
  size: u32,
}
var<private> subgroup: Subgroup;`,
} as const;

export const usesSubgroups = (helpers: Helpers): boolean => helpers.has(SUBGROUP.name);

/** What the module and its entry point must have for it. */
export const SUBGROUP_INPUTS = {
  head: ['enable subgroups;', 'requires subgroup_id;'],
  parameters:
    ', @builtin(subgroup_id) subgroup_number: u32, @builtin(num_subgroups) subgroup_count: u32' +
    ', @builtin(subgroup_invocation_id) subgroup_lane: u32, @builtin(subgroup_size) subgroup_size: u32',
  begin: '  subgroup = Subgroup(subgroup_number, subgroup_count, subgroup_lane, subgroup_size);\n',
} as const;

const OPS: Readonly<Record<ReduceOp, string>> = {
  sum: 'subgroupAdd',
  prod: 'subgroupMul',
  max: 'subgroupMax',
  min: 'subgroupMin',
};

const NAN = 0x7fc00000;

/** A value's combination over its subgroup; every invocation gets it. */
export function inSubgroup({ op, dtype }: Reduction, value: string, helpers: Helpers): string {
  const type = valueType(dtype);
  if (type === 'bool') return `${op === 'max' || op === 'sum' ? 'subgroupAny' : 'subgroupAll'}(${value})`;
  const all = `${OPS[op]}(${value})`;
  if (op === 'sum' || op === 'prod') return dtype === 'float16' ? all : narrowed(all, dtype, helpers);
  if (type !== 'f32') return all;
  // Devices differ in what the maximum of a number and NaN is.
  const nan = `bitcast<f32>(${helpers.bits(NAN)})`;
  return `select(${all}, ${nan}, subgroupAny(${helpers.use('is_nan')}(${value})))`;
}

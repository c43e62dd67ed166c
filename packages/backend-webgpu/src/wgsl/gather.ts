/** How lanes that share a point combine what each of them has. */
import { COMBINING_OP, type Reduction, reductionIdentity } from '@neurite/tensor';
import type { ModuleScope } from './expressions.js';
import { operation } from './operations.js';
import type { Strategy } from './strategy.js';
import { inSubgroup, SUBGROUP } from './subgroups.js';
import { constant, valueType } from './values.js';

/** A float16 is summed up in float32, and rounded where it is read. */
export const combine = ({ op, dtype }: Reduction, a: string, b: string, { helpers }: ModuleScope): string =>
  operation(COMBINING_OP[op], dtype === 'float16' ? 'float32' : dtype, [a, b], helpers);

/** What a reduction begins with. */
export const identity = ({ op, dtype }: Reduction, { helpers }: ModuleScope): string =>
  constant(reductionIdentity(op, dtype), dtype === 'float16' ? 'float32' : dtype, helpers);

/** A call that combines what all lanes of a point have, in an order that depends on their number (and the device) alone. */
export function gather(r: Reduction, strategy: Strategy, scope: ModuleScope): string {
  const { lanes, points, columns } = strategy;
  const { helpers } = scope;
  const type = valueType(r.dtype);
  const memory = helpers.define(
    `shared_${type}`,
    () => `var<workgroup> shared_${type}: array<${type}, ${lanes * points}>;`,
  );
  const name = `${r.op}_of_${r.dtype}`;
  // A subgroup may hold any invocations of its workgroup; all the same where these work on one point.
  if (scope.hasSubgroups && points === 1) {
    helpers.define(`all_${name}`, () => subgroupsFunction(`all_${name}`, r, memory, scope));
    return `all_${name}(acc${r.acc})`;
  }
  helpers.define(name, () => treeFunction(name, r, memory, scope));
  return `${name}(acc${r.acc}, local, lane, ${lanes}, ${columns ? points : 1})`;
}

/** In a tree over workgroup memory. */
function treeFunction(name: string, r: Reduction, memory: string, scope: ModuleScope): string {
  const type = valueType(r.dtype);
  const both = combine(r, `${memory}[local]`, `${memory}[local + half * step]`, scope);
  return `fn ${name}(value: ${type}, local: i32, lane: i32, lanes: i32, step: i32) -> ${type} {
  ${memory}[local] = value;
  workgroupBarrier();
  for (var half = lanes / 2; half > 0; half /= 2) {
    if (lane < half) {
      ${memory}[local] = ${both};
    }
    workgroupBarrier();
  }
  let total = ${memory}[local - lane * step];
  workgroupBarrier();
  return total;
}`;
}

/** Within each subgroup, then over what the subgroups have, which each of them combines for itself. */
function subgroupsFunction(name: string, r: Reduction, memory: string, scope: ModuleScope): string {
  const type = valueType(r.dtype);
  scope.helpers.define(SUBGROUP.name, () => SUBGROUP.text);
  return `fn ${name}(value: ${type}) -> ${type} {
  let part = ${inSubgroup(r, 'value', scope.helpers)};
  if (subgroup.lane == 0u) { ${memory}[subgroup.number] = part; }
  workgroupBarrier();
  var parts = ${identity(r, scope)};
  for (var i = subgroup.lane; i < subgroup.count; i += subgroup.size) {
    parts = ${combine(r, 'parts', `${memory}[i]`, scope)};
  }
  let total = ${inSubgroup(r, 'parts', scope.helpers)};
  workgroupBarrier();
  return total;
}`;
}

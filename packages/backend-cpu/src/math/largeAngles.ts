/** Angles that the fast reduction does not reach. */
import { MAX_ANGLE, type Repair } from './angles.js';
import { reduceLarge } from './halfPi.js';

export const repairLarge: Repair = (v, x, reduced) => {
  const { f, module } = v;
  const [r, tail, q] = [f.local('v128'), f.local('v128'), f.local('v128')];
  reduced.r();
  f.set(r);
  reduced.tail?.();
  if (reduced.tail) f.set(tail);
  reduced.q();
  f.set(q);
  v.gt(v.abs(x), v.constant(MAX_ANGLE))();
  f.op('v128.any_true');
  f.if_();
  const element = f.local('f64');
  const newR = f.local('f64');
  const newQ = f.local('i64');
  for (const lane of [0, 1]) {
    x();
    f.lane('f64x2.extract_lane', lane);
    f.set(element);
    // MAX_ANGLE < |x| < ∞
    f.get(element);
    f.op('f64.abs');
    f.f64(MAX_ANGLE);
    f.op('f64.gt');
    f.get(element);
    f.op('f64.abs');
    f.f64(Number.POSITIVE_INFINITY);
    f.op('f64.lt');
    f.op('i32.and');
    f.if_();
    f.get(element);
    f.call(reduceLarge(module));
    f.set(newQ);
    f.set(newR);
    f.get(r);
    f.get(newR);
    f.lane('f64x2.replace_lane', lane);
    f.set(r);
    f.get(tail);
    f.f64(0);
    f.lane('f64x2.replace_lane', lane);
    f.set(tail);
    f.get(q);
    f.get(newQ);
    f.lane('i64x2.replace_lane', lane);
    f.set(q);
    f.end();
  }
  f.end();
  return { r: () => f.get(r), tail: reduced.tail && (() => f.get(tail)), q: () => f.get(q) };
};

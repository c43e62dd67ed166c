/** Between vectors of float32 and of float64. */
import type { Lanes, Value } from './lanes.js';

const UPPER_HALF = [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7];

/** Lanes of a float32 vector as two float64 vectors. */
export function promoteHalves(v: Lanes, x: Value): [Value, Value] {
  const { f } = v;
  const low = v.hold(() => {
    x();
    f.op('f64x2.promote_low_f32x4');
  });
  const high = v.hold(() => {
    x();
    x();
    f.shuffle(UPPER_HALF);
    f.op('f64x2.promote_low_f32x4');
  });
  return [low, high];
}

/** Two float64 vectors as the lanes of a float32 vector. */
export function demoteHalves(v: Lanes, low: Value, high: Value): Value {
  const { f } = v;
  return v.hold(() => {
    for (const half of [low, high]) {
      half();
      f.op('f32x4.demote_f64x2_zero');
    }
    f.shuffle([0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]);
  });
}

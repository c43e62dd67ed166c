export { floatToHalf, halfToFloat } from './codegen/half.js';
export { floatModulo, floatRemainder, integerPower } from './codegen/rareHelpers.js';
export { atan } from './math/arctangent.js';
export { erf } from './math/errorFunction.js';
export { repairLarge } from './math/largeAngles.js';
export { pow } from './math/power.js';

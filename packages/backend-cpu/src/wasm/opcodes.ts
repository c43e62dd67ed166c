/** WebAssembly opcodes by name, written as contiguous runs, as in the specification's index of instructions. */

/** Union of the words of a space-separated string. */
type Words<S extends string, Found = never> = S extends `${infer Word} ${infer Rest}`
  ? Words<Rest, Found | Word>
  : Found | S;

/** First opcode of a run, then its names; a `_` is an opcode that is not used here. */
type Runs = readonly (readonly [number, string])[];
type Names<R extends Runs> = Exclude<Words<R[number][1]>, '_'>;

const CORE = [
  [0x00, 'unreachable nop'],
  [0x0f, 'return'],
  [0x1a, 'drop select'],
  [0x45, 'i32.eqz i32.eq i32.ne i32.lt_s i32.lt_u i32.gt_s i32.gt_u i32.le_s i32.le_u i32.ge_s i32.ge_u'],
  [0x50, 'i64.eqz i64.eq i64.ne i64.lt_s i64.lt_u i64.gt_s i64.gt_u i64.le_s i64.le_u i64.ge_s i64.ge_u'],
  [0x5b, 'f32.eq f32.ne f32.lt f32.gt f32.le f32.ge f64.eq f64.ne f64.lt f64.gt f64.le f64.ge'],
  [0x67, 'i32.clz i32.ctz i32.popcnt i32.add i32.sub i32.mul i32.div_s i32.div_u i32.rem_s i32.rem_u'],
  [0x71, 'i32.and i32.or i32.xor i32.shl i32.shr_s i32.shr_u i32.rotl i32.rotr'],
  [0x79, 'i64.clz i64.ctz i64.popcnt i64.add i64.sub i64.mul i64.div_s i64.div_u i64.rem_s i64.rem_u'],
  [0x83, 'i64.and i64.or i64.xor i64.shl i64.shr_s i64.shr_u i64.rotl i64.rotr'],
  [0x8b, 'f32.abs f32.neg f32.ceil f32.floor f32.trunc f32.nearest f32.sqrt'],
  [0x92, 'f32.add f32.sub f32.mul f32.div f32.min f32.max f32.copysign'],
  [0x99, 'f64.abs f64.neg f64.ceil f64.floor f64.trunc f64.nearest f64.sqrt'],
  [0xa0, 'f64.add f64.sub f64.mul f64.div f64.min f64.max f64.copysign'],
  [0xa7, 'i32.wrap_i64 i32.trunc_f32_s i32.trunc_f32_u i32.trunc_f64_s i32.trunc_f64_u'],
  [0xac, 'i64.extend_i32_s i64.extend_i32_u i64.trunc_f32_s i64.trunc_f32_u i64.trunc_f64_s i64.trunc_f64_u'],
  [0xb2, 'f32.convert_i32_s f32.convert_i32_u f32.convert_i64_s f32.convert_i64_u f32.demote_f64'],
  [0xb7, 'f64.convert_i32_s f64.convert_i32_u f64.convert_i64_s f64.convert_i64_u f64.promote_f32'],
  [0xbc, 'i32.reinterpret_f32 i64.reinterpret_f64 f32.reinterpret_i32 f64.reinterpret_i64'],
  [0xc0, 'i32.extend8_s i32.extend16_s i64.extend8_s i64.extend16_s i64.extend32_s'],
] as const satisfies Runs;

/** Behind the prefix 0xfc. */
const SATURATING = [
  [0, 'i32.trunc_sat_f32_s i32.trunc_sat_f32_u i32.trunc_sat_f64_s i32.trunc_sat_f64_u'],
  [4, 'i64.trunc_sat_f32_s i64.trunc_sat_f32_u i64.trunc_sat_f64_s i64.trunc_sat_f64_u'],
] as const satisfies Runs;

/** Behind the prefix 0xfd. */
const SIMD = [
  [14, 'i8x16.swizzle i8x16.splat i16x8.splat i32x4.splat i64x2.splat f32x4.splat f64x2.splat'],
  [35, 'i8x16.eq i8x16.ne i8x16.lt_s i8x16.lt_u i8x16.gt_s i8x16.gt_u i8x16.le_s i8x16.le_u'],
  [43, 'i8x16.ge_s i8x16.ge_u'],
  [45, 'i16x8.eq i16x8.ne i16x8.lt_s i16x8.lt_u i16x8.gt_s i16x8.gt_u i16x8.le_s i16x8.le_u'],
  [53, 'i16x8.ge_s i16x8.ge_u'],
  [55, 'i32x4.eq i32x4.ne i32x4.lt_s i32x4.lt_u i32x4.gt_s i32x4.gt_u i32x4.le_s i32x4.le_u'],
  [63, 'i32x4.ge_s i32x4.ge_u'],
  [65, 'f32x4.eq f32x4.ne f32x4.lt f32x4.gt f32x4.le f32x4.ge'],
  [71, 'f64x2.eq f64x2.ne f64x2.lt f64x2.gt f64x2.le f64x2.ge'],
  [77, 'v128.not v128.and v128.andnot v128.or v128.xor v128.bitselect v128.any_true'],
  [94, 'f32x4.demote_f64x2_zero f64x2.promote_low_f32x4'],
  [96, 'i8x16.abs i8x16.neg i8x16.popcnt i8x16.all_true i8x16.bitmask'],
  [101, 'i8x16.narrow_i16x8_s i8x16.narrow_i16x8_u f32x4.ceil f32x4.floor f32x4.trunc f32x4.nearest'],
  [107, 'i8x16.shl i8x16.shr_s i8x16.shr_u i8x16.add i8x16.add_sat_s i8x16.add_sat_u'],
  [113, 'i8x16.sub i8x16.sub_sat_s i8x16.sub_sat_u f64x2.ceil f64x2.floor'],
  [118, 'i8x16.min_s i8x16.min_u i8x16.max_s i8x16.max_u f64x2.trunc i8x16.avgr_u'],
  [124, 'i16x8.extadd_pairwise_i8x16_s i16x8.extadd_pairwise_i8x16_u'],
  [126, 'i32x4.extadd_pairwise_i16x8_s i32x4.extadd_pairwise_i16x8_u'],
  [128, 'i16x8.abs i16x8.neg i16x8.q15mulr_sat_s i16x8.all_true i16x8.bitmask'],
  [133, 'i16x8.narrow_i32x4_s i16x8.narrow_i32x4_u i16x8.extend_low_i8x16_s i16x8.extend_high_i8x16_s'],
  [137, 'i16x8.extend_low_i8x16_u i16x8.extend_high_i8x16_u i16x8.shl i16x8.shr_s i16x8.shr_u'],
  [142, 'i16x8.add i16x8.add_sat_s i16x8.add_sat_u i16x8.sub i16x8.sub_sat_s i16x8.sub_sat_u'],
  [148, 'f64x2.nearest i16x8.mul i16x8.min_s i16x8.min_u i16x8.max_s i16x8.max_u _ i16x8.avgr_u'],
  [156, 'i16x8.extmul_low_i8x16_s i16x8.extmul_high_i8x16_s'],
  [158, 'i16x8.extmul_low_i8x16_u i16x8.extmul_high_i8x16_u'],
  [160, 'i32x4.abs i32x4.neg _ i32x4.all_true i32x4.bitmask'],
  [167, 'i32x4.extend_low_i16x8_s i32x4.extend_high_i16x8_s'],
  [169, 'i32x4.extend_low_i16x8_u i32x4.extend_high_i16x8_u i32x4.shl i32x4.shr_s i32x4.shr_u i32x4.add'],
  [177, 'i32x4.sub'],
  [181, 'i32x4.mul i32x4.min_s i32x4.min_u i32x4.max_s i32x4.max_u i32x4.dot_i16x8_s'],
  [188, 'i32x4.extmul_low_i16x8_s i32x4.extmul_high_i16x8_s'],
  [190, 'i32x4.extmul_low_i16x8_u i32x4.extmul_high_i16x8_u'],
  [192, 'i64x2.abs i64x2.neg _ i64x2.all_true i64x2.bitmask'],
  [199, 'i64x2.extend_low_i32x4_s i64x2.extend_high_i32x4_s'],
  [201, 'i64x2.extend_low_i32x4_u i64x2.extend_high_i32x4_u i64x2.shl i64x2.shr_s i64x2.shr_u i64x2.add'],
  [209, 'i64x2.sub'],
  [213, 'i64x2.mul i64x2.eq i64x2.ne i64x2.lt_s i64x2.gt_s i64x2.le_s i64x2.ge_s'],
  [220, 'i64x2.extmul_low_i32x4_s i64x2.extmul_high_i32x4_s'],
  [222, 'i64x2.extmul_low_i32x4_u i64x2.extmul_high_i32x4_u'],
  [224, 'f32x4.abs f32x4.neg _ f32x4.sqrt f32x4.add f32x4.sub f32x4.mul f32x4.div f32x4.min f32x4.max'],
  [234, 'f32x4.pmin f32x4.pmax f64x2.abs f64x2.neg _ f64x2.sqrt f64x2.add f64x2.sub f64x2.mul f64x2.div'],
  [244, 'f64x2.min f64x2.max f64x2.pmin f64x2.pmax i32x4.trunc_sat_f32x4_s i32x4.trunc_sat_f32x4_u'],
  [250, 'f32x4.convert_i32x4_s f32x4.convert_i32x4_u'],
  [252, 'i32x4.trunc_sat_f64x2_s_zero i32x4.trunc_sat_f64x2_u_zero'],
  [254, 'f64x2.convert_low_i32x4_s f64x2.convert_low_i32x4_u'],
] as const satisfies Runs;

const CORE_MEMORY = [
  [0x28, 'i32.load i64.load f32.load f64.load i32.load8_s i32.load8_u i32.load16_s i32.load16_u'],
  [0x30, 'i64.load8_s i64.load8_u i64.load16_s i64.load16_u i64.load32_s i64.load32_u'],
  [0x36, 'i32.store i64.store f32.store f64.store i32.store8 i32.store16 i64.store8 i64.store16 i64.store32'],
] as const satisfies Runs;

const SIMD_MEMORY = [
  [0, 'v128.load v128.load8x8_s v128.load8x8_u v128.load16x4_s v128.load16x4_u v128.load32x2_s'],
  [6, 'v128.load32x2_u v128.load8_splat v128.load16_splat v128.load32_splat v128.load64_splat v128.store'],
  [92, 'v128.load32_zero v128.load64_zero'],
] as const satisfies Runs;

const LANE = [
  [21, 'i8x16.extract_lane_s i8x16.extract_lane_u i8x16.replace_lane'],
  [24, 'i16x8.extract_lane_s i16x8.extract_lane_u i16x8.replace_lane i32x4.extract_lane i32x4.replace_lane'],
  [29, 'i64x2.extract_lane i64x2.replace_lane f32x4.extract_lane f32x4.replace_lane'],
  [33, 'f64x2.extract_lane f64x2.replace_lane'],
] as const satisfies Runs;

const LANE_MEMORY = [
  [84, 'v128.load8_lane v128.load16_lane v128.load32_lane v128.load64_lane'],
  [88, 'v128.store8_lane v128.store16_lane v128.store32_lane v128.store64_lane'],
] as const satisfies Runs;

/** Instructions without immediates. */
export type PlainOp = Names<typeof CORE> | Names<typeof SATURATING> | Names<typeof SIMD>;
/** Loads and stores: alignment and offset follow. */
export type MemoryOp = Names<typeof CORE_MEMORY> | Names<typeof SIMD_MEMORY>;
/** Instructions on one lane. */
export type LaneOp = Names<typeof LANE>;
/** Loads and stores of one lane. */
export type LaneMemoryOp = Names<typeof LANE_MEMORY>;

/** Opcode bytes of each instruction. */
export const OPCODES = new Map<PlainOp | MemoryOp | LaneOp | LaneMemoryOp, readonly number[]>();

function define(runs: Runs, prefix: number | null): void {
  for (const [first, names] of runs) {
    names.split(' ').forEach((name, i) => {
      if (name === '_') return;
      const code = first + i;
      const bytes =
        prefix === null ? [code] : [prefix, ...(code < 128 ? [code] : [(code & 127) | 128, code >> 7])];
      OPCODES.set(name as PlainOp, bytes);
    });
  }
}
define(CORE, null);
define(CORE_MEMORY, null);
define(SATURATING, 0xfc);
for (const runs of [SIMD, SIMD_MEMORY, LANE, LANE_MEMORY]) define(runs, 0xfd);

/** Bytes that a load or store touches. */
export function accessBytes(op: MemoryOp | LaneMemoryOp): number {
  const width = /(?:load|store)(\d+)(?:x(\d+))?/.exec(op);
  if (width) return (Number(width[1]) / 8) * Number(width[2] ?? 1);
  return op.startsWith('v128') ? 16 : op.includes('64') ? 8 : 4;
}

/** The WebAssembly opcodes that are used here by name, as runs of the specification's index of instructions. */

/** Union of the words of a space-separated string. */
type Words<S extends string, Found = never> = S extends `${infer Word} ${infer Rest}`
  ? Words<Rest, Found | Word>
  : Found | S;

/** First opcode of a run, what its names begin with, then how they go on; a `_` is an opcode that is not used here. */
type Run = readonly [number, string, string];
type Name<R extends Run> = R extends readonly [number, infer Type extends string, infer Rest extends string]
  ? Type extends ''
    ? Words<Rest>
    : `${Type}.${Exclude<Words<Rest>, '_'>}`
  : never;
type Names<R extends readonly Run[]> = Name<R[number]>;

const CORE = [
  [0x0f, '', 'return'],
  [0x1a, '', 'drop select'],
  [0x45, 'i32', 'eqz eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u'],
  [0x6a, 'i32', 'add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u'],
  [0xa7, 'i32', 'wrap_i64'],
  [0xc0, 'i32', 'extend8_s'],
  [0x53, 'i64', 'lt_s lt_u'],
  [0x7c, 'i64', 'add sub mul _ div_u _ _ and or xor shl _ shr_u'],
  [0xad, 'i64', 'extend_i32_u'],
  [0xbd, 'i64', 'reinterpret_f64'],
  [0x62, 'f64', 'ne lt gt le ge'],
  [0x99, 'f64', 'abs neg'],
  [0xa0, 'f64', 'add sub mul _ _ _ copysign'],
  [0xb9, 'f64', 'convert_i64_s convert_i64_u promote_f32'],
  [0x92, 'f32', 'add'],
  [0xb6, 'f32', 'demote_f64'],
] as const satisfies readonly Run[];

/** Behind the prefix 0xfc. */
const SATURATING = [[6, 'i64', 'trunc_sat_f64_s']] as const satisfies readonly Run[];

/** Behind the prefix 0xfd. */
const SIMD = [
  [17, 'i32x4', 'splat'],
  [55, 'i32x4', 'eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u'],
  [
    160,
    'i32x4',
    'abs neg _ _ bitmask _ _ extend_low_i16x8_s _ extend_low_i16x8_u _ shl shr_s shr_u add _ _ sub _ _ _ mul min_s min_u max_s max_u',
  ],
  [248, 'i32x4', 'trunc_sat_f32x4_s trunc_sat_f32x4_u _ _ trunc_sat_f64x2_s_zero trunc_sat_f64x2_u_zero'],
  [18, 'i64x2', 'splat'],
  [196, 'i64x2', 'bitmask _ _ extend_low_i32x4_s _ _ _ shl _ shr_u add _ _ sub'],
  [217, 'i64x2', 'gt_s'],
  [19, 'f32x4', 'splat'],
  [65, 'f32x4', 'eq ne lt gt le ge'],
  [94, 'f32x4', 'demote_f64x2_zero'],
  [103, 'f32x4', 'ceil floor trunc nearest'],
  [224, 'f32x4', 'abs neg _ sqrt add sub mul div min max pmin pmax'],
  [250, 'f32x4', 'convert_i32x4_s convert_i32x4_u'],
  [20, 'f64x2', 'splat'],
  [71, 'f64x2', 'eq ne lt gt le ge'],
  [95, 'f64x2', 'promote_low_f32x4'],
  [116, 'f64x2', 'ceil floor'],
  [122, 'f64x2', 'trunc'],
  [148, 'f64x2', 'nearest'],
  [236, 'f64x2', 'abs neg _ sqrt add sub mul div min max pmin pmax'],
  [254, 'f64x2', 'convert_low_i32x4_s convert_low_i32x4_u'],
  [77, 'v128', 'not and andnot or xor bitselect any_true'],
  [96, 'i8x16', 'abs'],
  [101, 'i8x16', 'narrow_i16x8_s narrow_i16x8_u'],
  [133, 'i16x8', 'narrow_i32x4_s narrow_i32x4_u extend_low_i8x16_s _ extend_low_i8x16_u'],
] as const satisfies readonly Run[];

const CORE_MEMORY = [
  [0x28, 'i32', 'load _ _ _ load8_s load8_u'],
  [0x36, 'i32', 'store'],
  [0x29, 'i64', 'load'],
  [0x37, 'i64', 'store'],
  [0x38, 'f32', 'store'],
] as const satisfies readonly Run[];

const SIMD_MEMORY = [
  [0, 'v128', 'load'],
  [7, 'v128', 'load8_splat load16_splat load32_splat load64_splat store'],
  [92, 'v128', 'load32_zero load64_zero'],
] as const satisfies readonly Run[];

const LANE = [
  [27, 'i32x4', 'extract_lane replace_lane'],
  [29, 'i64x2', 'extract_lane replace_lane'],
  [31, 'f32x4', 'extract_lane replace_lane'],
  [33, 'f64x2', 'extract_lane replace_lane'],
] as const satisfies readonly Run[];

const LANE_MEMORY = [
  [
    84,
    'v128',
    'load8_lane load16_lane load32_lane load64_lane store8_lane store16_lane store32_lane store64_lane',
  ],
] as const satisfies readonly Run[];

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

function define(runs: readonly Run[], prefix: number | null): void {
  for (const [first, type, names] of runs) {
    names.split(' ').forEach((rest, i) => {
      if (rest === '_') return;
      const code = first + i;
      const bytes =
        prefix === null ? [code] : [prefix, ...(code < 128 ? [code] : [(code & 127) | 128, code >> 7])];
      OPCODES.set((type ? `${type}.${rest}` : rest) as PlainOp, bytes);
    });
  }
}
define(CORE, null);
define(CORE_MEMORY, null);
define(SATURATING, 0xfc);
for (const runs of [SIMD, SIMD_MEMORY, LANE, LANE_MEMORY]) define(runs, 0xfd);

const touched = new Map<string, number>();

function findAccessBytes(op: string): number {
  const width = /(?:load|store)(\d+)(?:x(\d+))?/.exec(op);
  if (width) return (Number(width[1]) / 8) * Number(width[2] ?? 1);
  return op.startsWith('v128') ? 16 : op.includes('64') ? 8 : 4;
}

/** Bytes that a load or store touches. */
export function accessBytes(op: MemoryOp | LaneMemoryOp): number {
  let bytes = touched.get(op);
  if (!bytes) {
    bytes = findAccessBytes(op);
    touched.set(op, bytes);
  }
  return bytes;
}

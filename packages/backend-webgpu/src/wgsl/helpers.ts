/** WGSL functions that generated code calls; a module holds those that it uses, after what they use themselves. */
import { THREEFRY_PARITY, THREEFRY_ROTATIONS } from '@neurite/tensor';

const NAMES = [
  'is_nan',
  'max_of',
  'min_of',
  'is_finite',
  'zero_times',
  'zero_over',
  'reciprocal_of',
  'int_of',
  'uint_of',
  'float_of_uint',
  'half_bits',
  'half_value',
  'round_half',
  'to_half',
  'random_bits',
] as const;
export type HelperName = (typeof NAMES)[number];

interface Helper {
  readonly needs: readonly HelperName[];
  readonly text: string;
}

/** Twenty rounds of Threefry-2x32, in groups of four with a key injection after each. */
function randomBits(): string {
  const groups = [0, 1, 2, 3, 4].map((group) => {
    const rounds = [0, 1, 2, 3].map((i) => {
      const distance = THREEFRY_ROTATIONS[(group * 4 + i) % 8];
      return `  x += y; y = ((y << ${distance}u) | (y >> ${32 - distance}u)) ^ x;`;
    });
    const [a, b] = [(group + 1) % 3, (group + 2) % 3];
    return [...rounds, `  x += keys[${a}]; y += keys[${b}] + ${group + 1}u;`].join('\n');
  });
  return `fn random_bits(key0: u32, key1: u32, counter0: u32, counter1: u32) -> u32 {
  let keys = array<u32, 3>(key0, key1, ${THREEFRY_PARITY}u ^ key0 ^ key1);
  var x = counter0 + key0;
  var y = counter1 + key1;
${groups.join('\n')}
  return x;
}`;
}

const HELPERS: Readonly<Record<HelperName, Helper>> = {
  // By the bits: a compiler that assumes there is no NaN drops x != x.
  is_nan: {
    needs: [],
    text: `fn is_nan(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}`,
  },
  max_of: {
    needs: ['is_nan'],
    text: `fn max_of(a: f32, b: f32) -> f32 {
  return select(b, a, a > b || is_nan(a));
}`,
  },
  min_of: {
    needs: ['is_nan'],
    text: `fn min_of(a: f32, b: f32) -> f32 {
  return select(b, a, a < b || is_nan(a));
}`,
  },
  is_finite: {
    needs: [],
    text: `fn is_finite(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u;
}`,
  },
  // Compilers make 0 of 0 * x and of 0 / x, whatever x is.
  zero_times: {
    needs: ['is_finite'],
    text: `fn zero_times(x: f32) -> f32 {
  return bitcast<f32>(select(0x7fc00000u, bitcast<u32>(x) & 0x80000000u, is_finite(x)));
}`,
  },
  zero_over: {
    needs: ['is_nan'],
    text: `fn zero_over(x: f32) -> f32 {
  return bitcast<f32>(select(bitcast<u32>(x) & 0x80000000u, 0x7fc00000u, is_nan(x) || x == 0.0));
}`,
  },
  // Compilers make 1 of x * (1 / x), which a softmax of a single number is; of this they do not.
  reciprocal_of: {
    needs: ['is_nan'],
    text: `fn reciprocal_of(x: f32) -> f32 {
  return select(1.0 / x, x, is_nan(x));
}`,
  },
  // Truncates and saturates; NaN becomes 0.
  int_of: {
    needs: ['is_nan'],
    text: `fn int_of(x: f32) -> i32 {
  let bounded = select(i32(clamp(x, -2147483648.0, 2147483520.0)), 2147483647i, x >= 2147483648.0);
  return select(bounded, 0i, is_nan(x));
}`,
  },
  uint_of: {
    needs: ['is_nan'],
    text: `fn uint_of(x: f32) -> u32 {
  let bounded = select(u32(clamp(x, 0.0, 4294967040.0)), 4294967295u, x >= 4294967296.0);
  return select(bounded, 0u, is_nan(x));
}`,
  },
  // To the nearest float32, with one rounding: WGSL's own conversion may round either way.
  float_of_uint: {
    needs: [],
    text: `fn float_of_uint(x: u32) -> f32 {
  return f32(x >> 16u) * 65536.0 + f32(x & 0xffffu);
}`,
  },
  // To the nearest float16, halves to the even one.
  half_bits: {
    needs: ['is_nan'],
    text: `fn half_bits(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  let sign = (bits >> 16u) & 0x8000u;
  let magnitude = bits & 0x7fffffffu;
  let normal = (magnitude + 0xfffu + ((magnitude >> 13u) & 1u) - 0x38000000u) >> 13u;
  let shift = min(126u - min(magnitude >> 23u, 126u), 25u);
  let mantissa = (magnitude & 0x7fffffu) | 0x800000u;
  let kept = mantissa >> shift;
  let rest = mantissa & ((1u << shift) - 1u);
  let tie = (1u << shift) >> 1u;
  let subnormal = kept + select(0u, 1u, rest > tie || (rest == tie && (kept & 1u) == 1u));
  var half = select(normal, subnormal, magnitude < 0x38800000u);
  half = select(half, 0x7c00u, magnitude >= 0x477ff000u);
  half = select(half, 0x7e00u, is_nan(x));
  return sign | half;
}`,
  },
  half_value: {
    needs: [],
    text: `fn half_value(half: u32) -> f32 {
  let sign = (half & 0x8000u) << 16u;
  let magnitude = half & 0x7fffu;
  let subnormal = bitcast<u32>(f32(magnitude) * 5.960464477539063e-8f);
  let normal = (magnitude << 13u) + select(0x38000000u, 0x70000000u, magnitude >= 0x7c00u);
  return bitcast<f32>(sign | select(normal, subnormal, magnitude < 0x400u));
}`,
  },
  round_half: {
    needs: ['half_bits', 'half_value'],
    text: `fn round_half(x: f32) -> f32 {
  return half_value(half_bits(x));
}`,
  },
  // WGSL's own conversion may round either way, and may make anything of what is too large.
  to_half: {
    needs: ['half_bits'],
    text: `fn to_half(x: f32) -> f16 {
  return bitcast<vec2<f16>>(half_bits(x)).x;
}`,
  },
  random_bits: { needs: [], text: randomBits() },
};

/** What a module uses. */
export interface Helpers {
  /** Whether the module has WGSL's type f16. */
  readonly hasHalf: boolean;
  /** Takes a helper into the module; returns its name. */
  use(name: HelperName): HelperName;
  /** A u32 variable that holds the bits. */
  bits(value: number): string;
  /** A function of the generator's own, by its name; the text is asked for once. */
  define(name: string, text: () => string): string;
  has(name: string): boolean;
  /** Declarations of everything used. */
  text(): string[];
}

export function createHelpers(hasHalf = false): Helpers {
  const used = new Set<HelperName>();
  const bits = new Map<string, number>();
  const defined = new Map<string, string>();
  const use = (name: HelperName): HelperName => {
    if (!used.has(name)) {
      HELPERS[name].needs.forEach(use);
      used.add(name);
    }
    return name;
  };
  return {
    hasHalf,
    use,
    bits(value) {
      const name = `bits_${value.toString(16)}`;
      bits.set(name, value);
      return name;
    },
    define(name, text) {
      if (!defined.has(name)) defined.set(name, text());
      return name;
    },
    has: (name) => defined.has(name),
    text: () => [
      ...[...bits].map(([name, value]) => `var<private> ${name}: u32 = 0x${value.toString(16)}u;`),
      ...[...used].map((name) => HELPERS[name].text),
      ...defined.values(),
    ],
  };
}

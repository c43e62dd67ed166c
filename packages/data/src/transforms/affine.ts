import { ValueError } from '@neurite/tensor';
import type { HostArray } from '../host-array.js';
import type { Transform } from '../transform-dataset.js';
import { imageSize } from './geometry.js';
import { checkFloat } from './pixel.js';

type Range = readonly [number, number];

/** A fixed affine map; angles in degrees, clockwise as torchvision. */
export interface AffineOptions {
  readonly angle?: number;
  /** Pixels to the right and down. */
  readonly translate?: Range;
  readonly scale?: number;
  /** Shear along x and y, in degrees. */
  readonly shear?: Range;
  /** Value outside the image. Default 0. */
  readonly fill?: number;
}

/** Ranges that {@link randomAffine} draws from. */
export interface RandomAffineOptions {
  /** Angles in degrees; one number d stands for [−d, d]. Default 0. */
  readonly degrees?: number | Range;
  /** Largest shift as a fraction of width and height. Default none. */
  readonly translate?: Range;
  /** Default [1, 1]. */
  readonly scale?: Range;
  /** Shear along x in degrees; one number s stands for [−s, s]; four numbers are the ranges along x and y. Default 0. */
  readonly shear?: number | Range | readonly [number, number, number, number];
  /** Value outside the image. Default 0. */
  readonly fill?: number;
}

/**
 * Maps an image float32 [C, H, W] about its centre, with bilinear interpolation (torchvision's `affine`). Each output pixel is
 * read at the place that the inverse map sends it to; neighbours outside the image count as `fill`.
 */
export function affine(image: HostArray, options: AffineOptions): HostArray {
  checkFloat('affine', image);
  const [channels, height, width] = imageSize('affine', image);
  const fill = options.fill ?? 0;
  const source = inverseMap(options, (width - 1) / 2, (height - 1) / 2);
  const data = new Float32Array(image.data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [sx, sy] = source(x, y);
      const left = Math.floor(sx);
      const top = Math.floor(sy);
      const fx = sx - left;
      const fy = sy - top;
      for (let c = 0; c < channels; c++) {
        const plane = c * height * width;
        const at = (row: number, column: number): number =>
          row >= 0 && row < height && column >= 0 && column < width
            ? image.data[plane + row * width + column]
            : fill;
        data[plane + y * width + x] =
          (at(top, left) * (1 - fx) + at(top, left + 1) * fx) * (1 - fy) +
          (at(top + 1, left) * (1 - fx) + at(top + 1, left + 1) * fx) * fy;
      }
    }
  }
  return { data, shape: image.shape, dtype: 'float32' };
}

/** A random {@link affine} map within the given ranges (torchvision's `RandomAffine`). */
export function randomAffine(options: RandomAffineOptions): Transform<HostArray> {
  const degrees = symmetric('degrees', options.degrees ?? 0);
  const scale = ordered('scale', options.scale ?? [1, 1]);
  if (!(scale[0] > 0))
    throw new ValueError(`randomAffine: scale is [${scale.join(', ')}], expected numbers > 0`);
  const [dx, dy] = options.translate ?? [0, 0];
  if (!(dx >= 0 && dx <= 1 && dy >= 0 && dy <= 1)) {
    throw new ValueError(`randomAffine: translate is [${dx}, ${dy}], expected fractions between 0 and 1`);
  }
  const shear = options.shear ?? 0;
  const shearX =
    typeof shear === 'number' || shear.length === 2
      ? symmetric('shear', shear)
      : ordered('shear', [shear[0], shear[1]]);
  const shearY =
    typeof shear === 'number' || shear.length === 2
      ? ([0, 0] as const)
      : ordered('shear', [shear[2], shear[3]]);
  return (image, random) => {
    const [, height, width] = imageSize('randomAffine', image);
    return affine(image, {
      angle: random.uniform(...degrees),
      // Whole pixels, as torchvision.
      translate: [
        Math.round(random.uniform(-dx * width, dx * width)),
        Math.round(random.uniform(-dy * height, dy * height)),
      ],
      scale: random.uniform(...scale),
      shear: [random.uniform(...shearX), random.uniform(...shearY)],
      fill: options.fill,
    });
  };
}

/** The input coordinates of an output pixel: the inverse of translate · centre · rotate · shear · scale · centre⁻¹. */
function inverseMap(
  options: AffineOptions,
  centreX: number,
  centreY: number,
): (x: number, y: number) => Range {
  const { angle = 0, translate = [0, 0], scale = 1, shear = [0, 0] } = options;
  const [rotation, shearX, shearY] = [angle, ...shear].map((degrees) => (degrees * Math.PI) / 180);
  const cos = Math.cos(rotation - shearY) / Math.cos(shearY);
  const sin = Math.sin(rotation - shearY) / Math.cos(shearY);
  const a = cos;
  const b = -cos * Math.tan(shearX) - Math.sin(rotation);
  const c = sin;
  const d = -sin * Math.tan(shearX) + Math.cos(rotation);
  // The determinant of rotation and shear is 1, so the inverse needs only the scale.
  return (x, y) => {
    const u = x - centreX - translate[0];
    const v = y - centreY - translate[1];
    return [(d * u - b * v) / scale + centreX, (a * v - c * u) / scale + centreY];
  };
}

const symmetric = (name: string, value: number | Range): Range =>
  ordered(name, typeof value === 'number' ? [-value, value] : value);

function ordered(name: string, range: Range): Range {
  if (!(range[0] <= range[1]) || !range.every(Number.isFinite)) {
    throw new ValueError(`randomAffine: ${name} is [${range.join(', ')}], expected a range [low, high]`);
  }
  return range;
}

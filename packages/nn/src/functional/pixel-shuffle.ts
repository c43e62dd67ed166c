import { ShapeError, type Tensor } from '@neurite/tensor';

/**
 * Channels become pixels: [..., C·r², H, W] → [..., C, H·r, W·r] (https://arxiv.org/abs/1609.05158).
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.pixel_shuffle.html
 */
export function pixelShuffle(input: Tensor, upscaleFactor: number): Tensor {
  const r = upscaleFactor;
  const [channels, height, width] = imageSizes('pixelShuffle', input, r);
  if (channels % (r * r) !== 0)
    throw new ShapeError(
      `pixelShuffle: ${channels} channels of [${input.shape.join(', ')}] are no multiple of ${r}²`,
    );
  const batch = input.shape.slice(0, -3);
  const b = batch.length;
  return input
    .reshape([...batch, channels / (r * r), r, r, height, width])
    .permute([...batch.keys(), b, b + 3, b + 1, b + 4, b + 2])
    .reshape([...batch, channels / (r * r), height * r, width * r]);
}

/**
 * Pixels become channels: [..., C, H·r, W·r] → [..., C·r², H, W].
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.pixel_unshuffle.html
 */
export function pixelUnshuffle(input: Tensor, downscaleFactor: number): Tensor {
  const r = downscaleFactor;
  const [channels, height, width] = imageSizes('pixelUnshuffle', input, r);
  if (height % r !== 0 || width % r !== 0)
    throw new ShapeError(
      `pixelUnshuffle: ${height} × ${width} of [${input.shape.join(', ')}] are no multiples of ${r}`,
    );
  const batch = input.shape.slice(0, -3);
  const b = batch.length;
  return input
    .reshape([...batch, channels, height / r, r, width / r, r])
    .permute([...batch.keys(), b, b + 2, b + 4, b + 1, b + 3])
    .reshape([...batch, channels * r * r, height / r, width / r]);
}

function imageSizes(name: string, input: Tensor, factor: number): readonly number[] {
  if (input.ndim < 3)
    throw new ShapeError(
      `${name}: takes at least 3 dimensions [..., C, H, W], got [${input.shape.join(', ')}]`,
    );
  if (!Number.isInteger(factor) || factor < 1)
    throw new ShapeError(`${name}: the factor must be an integer of at least 1, got ${factor}`);
  return input.shape.slice(-3);
}

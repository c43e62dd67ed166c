/** Tensors from images, video frames and canvases. */
import {
  type Device,
  defaultDevice,
  fromDeviceBuffer,
  ShapeError,
  type Tensor,
  ValueError,
} from '@neurite/tensor';
import type { GpuBackend } from '../backend.js';
import { gpuOf } from '../memory.js';
import { gpuBackendOf } from './device.js';

/** Pixels in host memory, four bytes each: red, green, blue, alpha, as an `ImageData` has them. */
export interface PixelData {
  readonly data: Uint8ClampedArray | Uint8Array;
  readonly width: number;
  readonly height: number;
}

export type ImageSource =
  | PixelData
  | ImageBitmap
  | HTMLImageElement
  | HTMLVideoElement
  | VideoFrame
  | HTMLCanvasElement
  | OffscreenCanvas;

export interface FromImageOptions {
  /**
   * `rgb` (default): 3 channels, whatever the alpha; `rgba`: 4, not premultiplied; `grey`: 1, the luma 0.299·R + 0.587·G + 0.114·B of ITU-R
   * BT.601, which PIL and torchvision use.
   */
  readonly channels?: 'rgb' | 'rgba' | 'grey';
  /** A device of `webgpu()` (default: the default device). */
  readonly device?: Device;
}

const CHANNELS = { grey: 1, rgb: 3, rgba: 4 };
const SIDE = 8;

/** Planes of channels out of pixels, those of a list in layers. */
const SHADER = `
@group(0) @binding(0) var pixels: texture_2d_array<f32>;
@group(0) @binding(1) var<storage, read_write> planes: array<f32>;
override channels: u32;

@compute @workgroup_size(${SIDE}, ${SIDE})
fn from_image(@builtin(global_invocation_id) at: vec3u) {
  let size = textureDimensions(pixels);
  if (any(at.xy >= size)) { return; }
  let pixel = textureLoad(pixels, at.xy, at.z, 0);
  let plane = size.x * size.y;
  let i = (at.z * channels * size.y + at.y) * size.x + at.x;
  if (channels == 1u) {
    planes[i] = dot(pixel.rgb, vec3f(0.299, 0.587, 0.114));
    return;
  }
  for (var c = 0u; c < channels; c++) { planes[i + c * plane] = pixel[c]; }
}`;

const pipelines = new WeakMap<GPUDevice, Map<number, GPUComputePipeline>>();

function pipelineFor(device: GPUDevice, channels: number): GPUComputePipeline {
  const known = pipelines.get(device) ?? new Map<number, GPUComputePipeline>();
  pipelines.set(device, known);
  let pipeline = known.get(channels);
  if (!pipeline) {
    const module = device.createShaderModule({ label: 'fromImage', code: SHADER });
    const compute = { module, constants: { channels } };
    pipeline = device.createComputePipeline({ label: 'fromImage', layout: 'auto', compute });
    known.set(channels, pipeline);
  }
  return pipeline;
}

const isPixelData = (source: ImageSource): source is PixelData => 'data' in source;

function sizeOf(source: ImageSource): readonly [width: number, height: number] {
  if ('displayWidth' in source) return [source.displayWidth, source.displayHeight];
  if ('videoWidth' in source) return [source.videoWidth, source.videoHeight];
  if ('naturalWidth' in source) return [source.naturalWidth, source.naturalHeight];
  return [source.width, source.height];
}

/**
 * Pixels as a float32 tensor of 0…1: one source as [channels, height, width], a list of sources of one size as [n, channels, height, width], as
 * torchvision's `ToTensor` has them. Colours are sRGB's, not linear.
 *
 * Bitmaps, elements, frames and canvases go to the tensor on the GPU, and their pixels never come to JavaScript. `ImageData` (or
 * `{ data, width, height }`) lies in host memory and is copied from there. The source may change, or be closed, as soon as the call returns.
 *
 * @throws ShapeError for sources without pixels (not loaded yet, closed) or of different sizes; DeviceError for a device without WebGPU;
 *   OutOfMemoryError; what `copyExternalImageToTexture` throws (SecurityError for pixels of another origin).
 */
export function fromImage(
  source: ImageSource | readonly ImageSource[],
  options: FromImageOptions = {},
): Tensor {
  const { channels: kind = 'rgb', device = defaultDevice() } = options;
  const channels = CHANNELS[kind];
  if (channels === undefined)
    throw new ValueError(`fromImage: channels is ${String(kind)}, expected rgb, rgba or grey`);
  const gpu = gpuBackendOf('fromImage', device);
  const isList = Array.isArray(source);
  const sources = (isList ? source : [source]) as readonly ImageSource[];
  if (sources.length === 0) throw new ShapeError('fromImage: the list of sources is empty');
  const [width, height] = sizeOf(sources[0]);
  for (const [i, other] of sources.entries()) {
    const [w, h] = sizeOf(other);
    if (!(w > 0 && h > 0)) throw new ShapeError(`fromImage: source ${i} has no pixels (${w} × ${h})`);
    if (w !== width || h !== height)
      throw new ShapeError(`fromImage: source ${i} has ${w} × ${h} pixels, the first ${width} × ${height}`);
    if (isPixelData(other) && other.data.length !== 4 * w * h)
      throw new ShapeError(`fromImage: source ${i} has ${other.data.length} bytes, expected 4 · ${w} · ${h}`);
  }
  const most = gpu.device.limits.maxTextureArrayLayers;
  if (sources.length > most)
    throw new ShapeError(`fromImage: ${sources.length} sources, the device takes ${most}`);
  const image = [channels, height, width];
  return fromDeviceBuffer(
    (held) => gpu.after('fromImage', () => convert(gpu, sources, image, gpuOf(held))),
    isList ? [sources.length, ...image] : image,
    { device },
  );
}

/** TEXTURE_BINDING, and COPY_DST and RENDER_ATTACHMENT, which copies of images need. */
const TEXTURE_USAGE = 0x4 | 0x2 | 0x10;

function convert(
  { device, counters }: GpuBackend,
  sources: readonly ImageSource[],
  [channels, height, width]: readonly number[],
  target: GPUBuffer,
): void {
  const texture = device.createTexture({
    label: 'fromImage',
    size: [width, height, sources.length],
    format: 'rgba8unorm',
    usage: TEXTURE_USAGE,
  });
  sources.forEach((source, z) => {
    const destination = { texture, origin: [0, 0, z] };
    if (isPixelData(source)) {
      const bytes = source.data as Uint8Array<ArrayBuffer>;
      device.queue.writeTexture(destination, bytes, { bytesPerRow: 4 * width }, [width, height]);
      counters.writes++;
      counters.bytesWritten += bytes.length;
    } else device.queue.copyExternalImageToTexture({ source }, destination, [width, height]);
  });
  const pipeline = pipelineFor(device, channels);
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [
      { binding: 0, resource: texture.createView({ dimension: '2d-array' }) },
      { binding: 1, resource: { buffer: target } },
    ],
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass({ label: 'fromImage' });
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(Math.ceil(width / SIDE), Math.ceil(height / SIDE), sources.length);
  pass.end();
  device.queue.submit([encoder.finish()]);
  counters.submits++;
  counters.passes++;
  counters.dispatches++;
  texture.destroy();
}

/** Tensors drawn to a canvas. */
import { DeviceError, DTypeError, ShapeError, type Tensor, withDeviceBuffer } from '@neurite/tensor';
import { type GpuBuffer, gpuOf } from '../memory.js';
import { gpuBackendOf } from './device.js';

/** One triangle over the whole canvas; a pixel reads its channels. */
const SHADER = `
@group(0) @binding(0) var<storage, read> planes: array<f32>;
override width: u32;
override plane: u32;
override channels: u32;

@vertex
fn everywhere(@builtin(vertex_index) i: u32) -> @builtin(position) vec4f {
  return vec4f(f32(i & 1u) * 4.0 - 1.0, f32(i >> 1u) * 4.0 - 1.0, 0.0, 1.0);
}

@fragment
fn to_canvas(@builtin(position) at: vec4f) -> @location(0) vec4f {
  let i = u32(at.y) * width + u32(at.x);
  if (channels == 1u) { return vec4f(vec3f(planes[i]), 1.0); }
  let colour = clamp(vec3f(planes[i], planes[i + plane], planes[i + 2u * plane]), vec3f(0.0), vec3f(1.0));
  if (channels == 3u) { return vec4f(colour, 1.0); }
  let alpha = clamp(planes[i + 3u * plane], 0.0, 1.0);
  return vec4f(colour * alpha, alpha);
}`;

const pipelines = new WeakMap<GPUDevice, Map<string, GPURenderPipeline>>();

/** Sizes are constants of a pipeline: what is drawn again and again has one size. */
function pipelineFor(
  device: GPUDevice,
  format: GPUTextureFormat,
  [channels, height, width]: readonly number[],
): GPURenderPipeline {
  const known = pipelines.get(device) ?? new Map<string, GPURenderPipeline>();
  pipelines.set(device, known);
  const key = `${format} ${channels} ${height} ${width}`;
  let pipeline = known.get(key);
  if (!pipeline) {
    const module = device.createShaderModule({ label: 'toCanvas', code: SHADER });
    pipeline = device.createRenderPipeline({
      label: 'toCanvas',
      layout: 'auto',
      vertex: { module },
      fragment: {
        module,
        targets: [{ format }],
        constants: { width, plane: height * width, channels },
      },
    });
    known.set(key, pipeline);
  }
  return pipeline;
}

/**
 * Draws a float32 tensor of 0…1 to a canvas, of which it becomes the size: [height, width] or [1, height, width] in grey, [3, height, width] as
 * RGB, [4, height, width] as RGBA (not premultiplied). Other values are clamped. The values do not leave the GPU. Resolves when the drawing
 * is submitted; the browser shows it with the page's next frame.
 *
 * @param canvas without a context of another kind. Style its size with CSS; `image-rendering: pixelated` shows the pixels.
 * @throws ShapeError, DTypeError, DeviceError (a device without WebGPU; a canvas with another context), and what computing the tensor throws.
 */
export async function toCanvas(tensor: Tensor, canvas: HTMLCanvasElement | OffscreenCanvas): Promise<void> {
  const shape = tensor.shape.length === 2 ? [1, ...tensor.shape] : tensor.shape;
  const [channels, height, width] = shape;
  if (shape.length !== 3 || ![1, 3, 4].includes(channels) || height === 0 || width === 0)
    throw new ShapeError(
      `toCanvas: expected [height, width] or [1, 3 or 4, height, width], got [${tensor.shape.join(', ')}]`,
    );
  if (tensor.dtype !== 'float32') throw new DTypeError(`toCanvas: expected float32, got ${tensor.dtype}`);
  await withDeviceBuffer(tensor, (held, on) => {
    const gpu = gpuBackendOf('toCanvas', on);
    const { device, counters } = gpu;
    const context = canvas.getContext('webgpu') as GPUCanvasContext | null;
    if (!context) throw new DeviceError('toCanvas: the canvas has a context of another kind');
    const format = navigator.gpu.getPreferredCanvasFormat();
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    context.configure({ device, format, alphaMode: channels === 4 ? 'premultiplied' : 'opaque' });
    gpu.after('toCanvas', () => {
      const pipeline = pipelineFor(device, format, shape);
      const size = channels * height * width * 4;
      const group = device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: [
          { binding: 0, resource: { buffer: gpuOf(held), offset: (held as GpuBuffer).offset, size } },
        ],
      });
      const encoder = device.createCommandEncoder();
      const view = context.getCurrentTexture().createView();
      const pass = encoder.beginRenderPass({
        label: 'toCanvas',
        colorAttachments: [{ view, loadOp: 'clear', storeOp: 'store' }],
      });
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.draw(3);
      pass.end();
      device.queue.submit([encoder.finish()]);
      counters.submits++;
      counters.passes++;
    });
  });
}

/** Images, video frames and canvases of a page. */
import { arange, type Device, type Tensor, tensor, use } from '@neurite/tensor';
import {
  fromGPUBuffer,
  fromImage,
  type GpuBackend,
  type ImageSource,
  toCanvas,
  toGPUBuffer,
  webgpu,
} from '../../src/index.js';

const WIDTH = 5;
const HEIGHT = 3;

/** Opaque pixels of different colours. */
function picture(): ImageData {
  const image = new ImageData(WIDTH, HEIGHT);
  for (let i = 0; i < WIDTH * HEIGHT; i++)
    image.data.set([(i * 37) % 256, (i * 91 + 40) % 256, (i * 53 + 90) % 256, 255], 4 * i);
  return image;
}

function drawn(): OffscreenCanvas {
  const canvas = new OffscreenCanvas(WIDTH, HEIGHT);
  canvas.getContext('2d')!.putImageData(picture(), 0, 0);
  return canvas;
}

async function imageElement(): Promise<HTMLImageElement> {
  const image = new Image();
  image.src = URL.createObjectURL(await drawn().convertToBlob({ type: 'image/png' }));
  await image.decode();
  return image;
}

/** Plays what is drawn to a canvas: no file, and so no codec, is needed. */
async function videoElement(): Promise<HTMLVideoElement> {
  const canvas = document.createElement('canvas');
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const context = canvas.getContext('2d')!;
  const video = document.createElement('video');
  video.muted = true;
  video.srcObject = canvas.captureStream();
  const shown = new Promise((resolve) => video.requestVideoFrameCallback(resolve));
  context.putImageData(picture(), 0, 0);
  await video.play();
  await shown;
  return video;
}

/** As a 2D canvas sees it: colours of what plays have a lower resolution than the picture's. */
function shownBy(video: HTMLVideoElement): ImageData {
  const context = new OffscreenCanvas(WIDTH, HEIGHT).getContext('2d')!;
  context.drawImage(video, 0, 0);
  return context.getImageData(0, 0, WIDTH, HEIGHT);
}

const SOURCES = {
  bitmap: () => createImageBitmap(picture()),
  imageData: picture,
  videoFrame: () => new VideoFrame(drawn(), { timestamp: 0 }),
  canvas: drawn,
  imageElement,
  videoElement,
};

const counters = (device: Device) => (device.backend as GpuBackend).counters;

export async function fromSource(kind: keyof typeof SOURCES) {
  const device = await use(webgpu(), { log: false });
  const source: ImageSource = await SOURCES[kind]();
  const before = { ...counters(device) };
  const image = fromImage(source, { channels: 'rgba' });
  if ('close' in source) source.close();
  await device.backend.synchronize();
  const written = counters(device).bytesWritten - before.bytesWritten;
  const read = counters(device).bytesRead - before.bytesRead;
  const values = [...(await image.data())];
  const { data } = source instanceof HTMLVideoElement ? shownBy(source) : picture();
  const expected = [0, 1, 2, 3].flatMap((c) =>
    Array.from({ length: WIDTH * HEIGHT }, (_, i) => data[4 * i + c] / 255),
  );
  await device.destroy();
  return { values, shape: image.shape, expected, written, read };
}

/** Tensors of 4 × 7 pixels: [h, w], [1, h, w], [3, h, w], [4, h, w], with values beyond 0…1. */
export async function toCanvasAndBack(kind: number) {
  const device = await use(webgpu(), { log: false });
  const channels = kind === 2 ? 1 : kind;
  const shape = kind === 1 ? [4, 7] : [channels, 4, 7];
  const value = (i: number) => ((i * 29) % 101) / 80 - 0.1;
  const x: Tensor = arange(channels * 28)
    .mul(29)
    .remainder(101)
    .div(80)
    .sub(0.1)
    .reshape(...shape);
  const canvas = document.createElement('canvas');
  // What it takes to make the values is on the device.
  await x.data();
  const before = { ...counters(device) };
  await toCanvas(x, canvas);
  await device.backend.synchronize();
  const written = counters(device).bytesWritten - before.bytesWritten;
  const read = counters(device).bytesRead - before.bytesRead;
  const copy = new OffscreenCanvas(canvas.width, canvas.height);
  const context = copy.getContext('2d')!;
  // Drawn again: after the page's frame a canvas is empty.
  await toCanvas(x, canvas);
  context.drawImage(canvas, 0, 0);
  const pixels = [...context.getImageData(0, 0, canvas.width, canvas.height).data];
  const byte = (i: number) => Math.round(255 * Math.min(1, Math.max(0, value(i))));
  const expected = Array.from({ length: 28 }, (_, i) => {
    const colour = channels === 1 ? [i, i, i] : [i, i + 28, i + 56];
    const alpha = channels === 4 ? byte(i + 84) : 255;
    return [...colour.map((c) => (alpha === 0 ? 0 : byte(c))), alpha];
  }).flat();
  await device.destroy();
  return { pixels, expected, size: [canvas.width, canvas.height], written, read };
}

export async function refused(): Promise<string[]> {
  const device = await use(webgpu(), { log: false });
  const taken = document.createElement('canvas');
  taken.getContext('2d');
  const errors: string[] = [];
  for (const [x, canvas] of [
    [arange(56).reshape(2, 4, 7).to('float32'), document.createElement('canvas')],
    [arange(28).reshape(4, 7).to('int32'), document.createElement('canvas')],
    [arange(28).reshape(4, 7).to('float32'), taken],
  ] as const)
    await toCanvas(x as Tensor, canvas).catch((e: Error) => errors.push(`${e.name}: ${e.message}`));
  await device.destroy();
  return errors;
}

/** The page has a device, computes with tensors on it, and goes on with it. */
export async function sharedDevice() {
  const adapter = await navigator.gpu.requestAdapter();
  const own = await adapter!.requestDevice();
  const buffer = own.createBuffer({ size: 24, usage: 0x80 | 0x4 | 0x8, mappedAtCreation: true });
  new Float32Array(buffer.getMappedRange()).set([1, 2, 3, 4, 5, 6]);
  buffer.unmap();
  const device = await use(webgpu({ device: own }), { log: false });
  const x = fromGPUBuffer(buffer, [2, 3]);
  const sum = await x.sum().item();
  const doubled = await toGPUBuffer(x.add(x).mul(tensor([1])));
  await device.destroy();
  const staging = own.createBuffer({ size: 24, usage: 0x1 | 0x8 });
  const encoder = own.createCommandEncoder();
  encoder.copyBufferToBuffer(doubled, 0, staging, 0, 24);
  own.queue.submit([encoder.finish()]);
  await staging.mapAsync(1);
  const alive = [...new Float32Array(staging.getMappedRange())];
  own.destroy();
  return { sum, alive };
}

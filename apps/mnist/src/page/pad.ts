/** The drawing pad: strokes by mouse, pen or finger, and the image that the network gets of them. */
import { IMAGE_SIZE } from '../models.js';
import { element } from './elements.js';
import { normalizeDigit } from './normalize.js';

/** Share of the pad's width: in a digit that fills most of the pad it comes out as wide as MNIST's strokes. */
const STROKE = 0.075;

export interface Pad {
  /** uint8 [28, 28] of what is on the pad now; undefined for an empty pad. */
  image(): Uint8Array | undefined;
  /** Puts an image of MNIST on the pad. */
  show(image: Uint8Array): void;
}

/** @param onChange is called after each stroke that was drawn or continued, and when the pad was cleared. */
export function createPad(onChange: () => void): Pad {
  const canvas = element('pad', HTMLCanvasElement);
  const context = canvas.getContext('2d', { willReadFrequently: true }) as CanvasRenderingContext2D;
  /** An image that was shown as it is, until something is drawn. */
  let shown: Uint8Array | undefined;
  let last: { x: number; y: number } | null = null;

  const ink = (): string => getComputedStyle(canvas).color;
  const place = ({ clientX, clientY }: PointerEvent): { x: number; y: number } => {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    return { x: ((clientX - left) / width) * canvas.width, y: ((clientY - top) / height) * canvas.height };
  };
  const wipe = (): void => {
    shown = undefined;
    context.clearRect(0, 0, canvas.width, canvas.height);
  };

  function strokeTo(to: { x: number; y: number }): void {
    const from = last ?? to;
    Object.assign(context, { lineWidth: STROKE * canvas.width, lineCap: 'round', lineJoin: 'round' });
    context.strokeStyle = ink();
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
    context.stroke();
    last = to;
  }

  canvas.addEventListener('pointerdown', (event) => {
    if (!event.isPrimary || event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    // An image that was shown is read as it is; a drawing on top of it would be a digit of two hands.
    if (shown) wipe();
    last = null;
    strokeTo(place(event));
    onChange();
  });
  canvas.addEventListener('pointermove', (event) => {
    if (!last || !event.isPrimary) return;
    // All positions since the last event: a fast stroke stays round.
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length > 0 ? events : [event]) strokeTo(place(each));
    onChange();
  });
  for (const type of ['pointerup', 'pointercancel'] as const) {
    canvas.addEventListener(type, () => {
      last = null;
    });
  }
  element('clear', HTMLButtonElement).addEventListener('click', () => {
    wipe();
    onChange();
  });
  // What has been drawn takes the ink of the new scheme.
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    context.globalCompositeOperation = 'source-in';
    context.fillStyle = ink();
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.globalCompositeOperation = 'source-over';
  });

  return {
    image() {
      if (shown) return shown;
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
      const opacity = Uint8Array.from({ length: data.length / 4 }, (_, i) => data[4 * i + 3]);
      return normalizeDigit({ data: opacity, width: canvas.width, height: canvas.height });
    },
    show(image) {
      wipe();
      shown = image;
      context.imageSmoothingEnabled = false;
      const small = picture(image, ink());
      context.drawImage(small, 0, 0, canvas.width, canvas.height);
      onChange();
    },
  };
}

/** An image of 28 × 28 grey levels in a colour, on nothing. */
function picture(image: Uint8Array, color: string): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = IMAGE_SIZE;
  canvas.height = IMAGE_SIZE;
  const context = canvas.getContext('2d') as CanvasRenderingContext2D;
  const pixels = new ImageData(IMAGE_SIZE, IMAGE_SIZE);
  image.forEach((value, i) => {
    pixels.data[4 * i + 3] = value;
  });
  context.putImageData(pixels, 0, 0);
  context.globalCompositeOperation = 'source-in';
  context.fillStyle = color;
  context.fillRect(0, 0, IMAGE_SIZE, IMAGE_SIZE);
  return canvas;
}

/** Shows what the network gets: white on black, as the files have it. */
export function showSeen(image: Uint8Array | undefined): void {
  const canvas = element('seen', HTMLCanvasElement);
  const context = canvas.getContext('2d') as CanvasRenderingContext2D;
  context.fillStyle = '#000';
  context.fillRect(0, 0, canvas.width, canvas.height);
  if (image) context.drawImage(picture(image, '#fff'), 0, 0);
}

/** Copies a strip of a matrix, whatever its strides, into a panel: `width` elements for each k, one k after another. */
import type { FunctionBuilder, ModuleBuilder } from '../wasm/encoder.js';
import { type Emitter, emitter, type I32 } from './emit.js';
import type { Element } from './microKernel.js';

/** Bytes between neighbours of the source: across the strip, and along k. */
export interface StripStrides {
  readonly across: number;
  readonly along: number;
}

/**
 * `(target, source, count, k)`: packs `count` ≤ width rows of length k ≥ 1; what is missing to `width` becomes 0.
 */
export function packStrip(
  module: ModuleBuilder,
  element: Element,
  width: number,
  strides: StripStrides,
): FunctionBuilder {
  const name = `pack.${element.shape}.${width}.${strides.across}.${strides.along}`;
  return module.helper(name, ['i32', 'i32', 'i32', 'i32'], [], (f) => {
    const e = emitter(f);
    const [target, source, count, k] = [0, 1, 2, 3].map((i) => () => f.get(i)) as [I32, I32, I32, I32];
    const panel: Panel = { e, element, width, strides };
    e.when(
      e.less(count, width),
      () => packPartly(panel, target, source, count, k),
      () => {
        const { bytes } = element;
        const inVectors = (width * bytes) % 16 === 0;
        if (inVectors && strides.across === bytes) packRows(panel, target, source, k);
        else if (inVectors && strides.along === bytes && bytes === 4)
          packTransposed(panel, target, source, k);
        else packElements(panel, target, source, 0, k);
      },
    );
  });
}

/** How many panels are filled at once where neighbours lie together, so that whole cache lines are read. */
const WIDE = 4;

/** What is packed: `count` rows or columns of length `k`, from the address `source`, to panels at `to`. */
export interface PanelRun {
  readonly to: I32;
  readonly source: I32;
  readonly count: I32;
  readonly k: I32;
}

/** Writes code that fills panels of `width` one after another; the last one is filled up with zeros. */
export function emitPanels(
  e: Emitter,
  module: ModuleBuilder,
  element: Element,
  width: number,
  strides: StripStrides,
  { to, source, count, k }: PanelRun,
): void {
  const { bytes } = element;
  const group = WIDE * width;
  const rowBytes = e.hold(e.mul(k, bytes));
  const pack = (f: FunctionBuilder, i: I32, own: I32) => {
    e.push(e.add(to, e.mul(i, rowBytes)));
    e.push(e.add(source, e.mul(i, strides.across)));
    e.push(own);
    e.push(k);
    e.f.call(f);
  };
  const isWide = strides.across === bytes && (width * bytes) % 16 === 0;
  const whole = isWide ? e.hold(e.mul(e.div(count, group), group)) : 0;
  if (whole !== 0) {
    const wide = packWide(module, element, width, strides);
    e.loop(0, whole, group, (i) => pack(wide, i, group));
  }
  const strip = packStrip(module, element, width, strides);
  e.loop(whole, count, width, (i) => pack(strip, i, e.min(width, e.sub(count, i))));
}

/** As `packStrip`, for `WIDE` whole panels of neighbours. */
function packWide(
  module: ModuleBuilder,
  element: Element,
  width: number,
  strides: StripStrides,
): FunctionBuilder {
  const name = `packWide.${element.shape}.${width}.${strides.along}`;
  return module.helper(name, ['i32', 'i32', 'i32', 'i32'], [], (f) => {
    const e = emitter(f);
    const [target, source, , k] = [0, 1, 2, 3].map((i) => () => f.get(i)) as [I32, I32, I32, I32];
    const rowBytes = width * element.bytes;
    const panelBytes = e.hold(e.mul(k, rowBytes));
    const panels = [e.variable(target)];
    for (let i = 1; i < WIDE; i += 1) panels.push(e.variable(e.add(panels[i - 1]!.get, panelBytes)));
    const from = e.variable(source);
    const end = e.hold(e.add(target, panelBytes));
    e.walk(target, end, rowBytes, () => {
      panels.forEach((panel, i) => {
        for (let offset = 0; offset < rowBytes; offset += 16) {
          panel.get();
          from.get();
          f.memory('v128.load', i * rowBytes + offset, element.bytes);
          f.memory('v128.store', offset);
        }
        panel.advance(rowBytes);
      });
      from.advance(strides.along);
    });
  });
}

interface Panel {
  readonly e: Emitter;
  readonly element: Element;
  readonly width: number;
  readonly strides: StripStrides;
}

function packPartly(
  { e, element, width, strides }: Panel,
  target: I32,
  source: I32,
  count: I32,
  k: I32,
): void {
  const { f } = e;
  const { bytes } = element;
  e.push(target);
  e.push(0);
  e.push(e.mul(k, width * bytes));
  f.memoryFill();
  e.loop(0, count, 1, (j) => {
    const from = e.variable(e.add(source, e.mul(j, strides.across)));
    const to = e.variable(e.add(target, e.mul(j, bytes)));
    const end = e.hold(e.add(to.get, e.mul(k, width * bytes)));
    e.walk(to.get, end, width * bytes, (at) => {
      e.push(at);
      from.get();
      f.memory(bytes === 4 ? 'i32.load' : 'i64.load');
      f.memory(bytes === 4 ? 'i32.store' : 'i64.store');
      from.advance(strides.along);
    });
  });
}

/** Neighbours across the strip are neighbours in memory. */
function packRows({ e, element, width, strides }: Panel, target: I32, source: I32, k: I32): void {
  const { f } = e;
  const from = e.variable(source);
  const rowBytes = width * element.bytes;
  const end = e.hold(e.add(target, e.mul(k, rowBytes)));
  e.walk(target, end, rowBytes, (at) => {
    for (let offset = 0; offset < rowBytes; offset += 16) {
      e.push(at);
      from.get();
      f.memory('v128.load', offset, element.bytes);
      f.memory('v128.store', offset);
    }
    from.advance(strides.along);
  });
}

/** Any strides, element by element, from k = `first` on. */
function packElements(
  { e, element, width, strides }: Panel,
  target: I32,
  source: I32,
  first: I32,
  k: I32,
): void {
  const { f } = e;
  const { bytes } = element;
  // Offsets of memory instructions cannot be negative.
  const lowest = Math.min(0, strides.across * (width - 1));
  const from = e.variable(e.add(source, e.mul(first, strides.along), lowest));
  const rowBytes = width * bytes;
  const end = e.hold(e.add(target, e.mul(k, rowBytes)));
  e.walk(e.add(target, e.mul(first, rowBytes)), end, rowBytes, (at) => {
    for (let j = 0; j < width; j += 1) {
      e.push(at);
      from.get();
      f.memory(bytes === 4 ? 'i32.load' : 'i64.load', strides.across * j - lowest);
      f.memory(bytes === 4 ? 'i32.store' : 'i64.store', bytes * j);
    }
    from.advance(strides.along);
  });
}

const lanes = (...words: number[]): number[] =>
  words.flatMap((w) => [4 * w, 4 * w + 1, 4 * w + 2, 4 * w + 3]);
const LOW_PAIRS = lanes(0, 4, 1, 5);
const HIGH_PAIRS = lanes(2, 6, 3, 7);

/** Transposes the 4×4 words in four locals, in place. */
export function transpose4(f: FunctionBuilder, rows: readonly number[]): void {
  const [a, b, c, d] = rows as [number, number, number, number];
  const made = [
    [a, c, LOW_PAIRS],
    [b, d, LOW_PAIRS],
    [a, c, HIGH_PAIRS],
    [b, d, HIGH_PAIRS],
  ] as const;
  const zipped = made.map(([x, y, shuffle]) => {
    const local = f.local('v128');
    f.get(x);
    f.get(y);
    f.shuffle(shuffle);
    f.set(local);
    return local;
  });
  // zipped: a0c0a1c1, b0d0b1d1, a2c2a3c3, b2d2b3d3
  [a, b, c, d].forEach((row, i) => {
    const pair = i < 2 ? 0 : 2;
    f.get(zipped[pair]!);
    f.get(zipped[pair + 1]!);
    f.shuffle(i % 2 === 0 ? LOW_PAIRS : HIGH_PAIRS);
    f.set(row);
  });
}

/** Neighbours along k are neighbours in memory (float32): blocks of 4×4 are transposed in registers. */
function packTransposed(panel: Panel, target: I32, source: I32, k: I32): void {
  const { e, width, strides } = panel;
  const { f } = e;
  const whole = e.hold(e.mul(e.div(k, 4), 4));
  const rows = [0, 1, 2, 3].map(() => f.local('v128'));
  for (let group = 0; group < width; group += 4) {
    const lowest = Math.min(0, strides.across * 3);
    const from = e.variable(e.add(source, strides.across * group + lowest));
    const to = e.variable(e.add(target, 4 * group));
    e.loop(0, whole, 4, () => {
      rows.forEach((row, i) => {
        from.get();
        f.memory('v128.load', strides.across * i - lowest, 4);
        f.set(row);
      });
      transpose4(f, rows);
      rows.forEach((row, i) => {
        to.get();
        f.get(row);
        f.memory('v128.store', 4 * width * i);
      });
      from.advance(16);
      to.advance(16 * width);
    });
  }
  e.when(e.less(whole, k), () => packElements(panel, target, source, whole, k));
}

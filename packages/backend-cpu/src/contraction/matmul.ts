/**
 * Matrix product by packed panels (Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008).
 *
 * A unit of work is a block of C of one batch entry: for each stretch of k the block's rows of A are packed once, then one
 * panel of B after another is packed and multiplied by all of them while it is in the first-level cache. Sums go to working
 * memory; the epilogue reads them there. Units share nothing.
 */
import type { MatmulContraction } from '@neurite/tensor';
import { emitter, type I32 } from './emit.js';
import { columnsOf, type Element, microKernel, ROWS } from './microKernel.js';
import { packStrip } from './pack.js';
import type { BlockProgram, BlockTarget } from './program.js';

/** Block sizes, measured: packed A (m·k) stays in the second-level cache, a panel of B in the first. */
const BLOCK = { m: 128, n: 512, k: 384 } as const;

const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;

/** Cuts `total` into equal parts of at most `most`, each a multiple of `multiple`. */
export function evenBlock(total: number, most: number, multiple: number): number {
  const parts = Math.ceil(total / most);
  return roundUp(Math.ceil(total / parts), multiple);
}

/** Plans the product; nothing is written yet. */
export function matmulProgram(contraction: MatmulContraction, element: Element): BlockProgram {
  const { m, n, k, lhs, rhs } = contraction;
  const { bytes } = element;
  const width = columnsOf(element);
  const block = {
    m: evenBlock(m, BLOCK.m, ROWS),
    n: evenBlock(n, BLOCK.n, width),
    k: evenBlock(k, BLOCK.k, 4),
  };
  const count = { m: Math.ceil(m / block.m), n: Math.ceil(n / block.n) };
  const batch = contraction.batch.reduce((product, size) => product * size, 1);
  const packedA = block.m * block.k * bytes;
  const packedB = width * block.k * bytes;
  const sumRow = block.n * bytes;

  function emitUnit({ module, f, unit, scratch, buffer, epilogue }: BlockTarget): void {
    const e = emitter(f);
    const kernel = microKernel(module, element);
    const strips = {
      a: packStrip(module, element, ROWS, { across: lhs.strides.m * bytes, along: lhs.strides.k * bytes }),
      b: packStrip(module, element, width, { across: rhs.strides.n * bytes, along: rhs.strides.k * bytes }),
    };
    const i0 = e.hold(e.mul(e.rem(e.div(unit, count.n), count.m), block.m));
    const j0 = e.hold(e.mul(e.rem(unit, count.n), block.n));
    const points: I32[] = [];
    let rest = e.hold(e.div(unit, count.n * count.m));
    for (const size of [...contraction.batch].reverse()) {
      points.unshift(e.hold(e.rem(rest, size)));
      rest = e.hold(e.div(rest, size));
    }
    const rows = e.hold(e.min(block.m, e.sub(m, i0)));
    const columns = e.hold(e.min(block.n, e.sub(n, j0)));
    const start = (operand: typeof lhs | typeof rhs, at: I32, stride: number) =>
      e.hold(
        e.add(
          buffer(operand.buffer),
          operand.offset * bytes,
          ...points.map((p, i) => e.mul(p, operand.strides.batch[i]! * bytes)),
          e.mul(at, stride * bytes),
        ),
      );
    const a = start(lhs, i0, lhs.strides.m);
    const b = start(rhs, j0, rhs.strides.n);
    const panels = e.hold(scratch);
    const panelB = e.hold(e.add(panels, packedA));
    const sums = e.hold(e.add(panelB, packedB));

    e.loop(0, k, block.k, (k0) => {
      const depth = e.hold(e.min(block.k, e.sub(k, k0)));
      const stripBytes = e.hold(e.mul(depth, ROWS * bytes));
      const fromA = e.hold(e.add(a, e.mul(k0, lhs.strides.k * bytes)));
      const fromB = e.hold(e.add(b, e.mul(k0, rhs.strides.k * bytes)));
      const to = e.variable(panels);
      e.loop(0, rows, ROWS, (i) => {
        to.get();
        e.push(e.add(fromA, e.mul(i, lhs.strides.m * bytes)));
        e.push(e.min(ROWS, e.sub(rows, i)));
        e.push(depth);
        f.call(strips.a);
        to.advance(stripBytes);
      });
      e.loop(0, columns, width, (j) => {
        e.push(panelB);
        e.push(e.add(fromB, e.mul(j, rhs.strides.n * bytes)));
        e.push(e.min(width, e.sub(columns, j)));
        e.push(depth);
        f.call(strips.b);
        const strip = e.variable(panels);
        const sum = e.variable(e.add(sums, e.mul(j, bytes)));
        e.loop(0, rows, ROWS, () => {
          strip.get();
          e.push(panelB);
          e.push(depth);
          sum.get();
          e.push(sumRow);
          e.push(k0);
          f.call(kernel);
          strip.advance(stripBytes);
          sum.advance(ROWS * sumRow);
        });
      });
    });
    e.loop(0, rows, 1, (i) => {
      epilogue([...points, e.hold(e.add(i0, i))], j0, columns, e.add(sums, e.mul(i, sumRow)));
    });
  }

  return {
    units: batch * count.m * count.n,
    scratchBytes: packedA + packedB + block.m * sumRow,
    places: null,
    mergeable: 1,
    emitUnit,
  };
}

/** The curves of loss and accuracy: every step as a thin line, and their moving average as a bold one. */
import uPlot from 'uplot';
import { type LogRange, logRange, logTicks, movingAverage } from '../plot.js';
import { element, percent } from './elements.js';
import type { RunView } from './protocol.js';

const HEIGHT = 190;

export interface Curves {
  /** Draws the run, with the next frame. */
  draw(run: Pick<RunView, 'losses' | 'accuracies' | 'totalSteps' | 'stepsPerEpoch'>): void;
}

export function createCurves(): Curves {
  let range: LogRange = logRange([0.1, 2.5]);
  const loss = createPlot('loss-curve', '--loss', {
    scale: { distr: 3, range: () => [range.low, range.high] },
    ticks: () => logTicks(range),
    label: String,
  });
  const accuracy = createPlot('accuracy-curve', '--accuracy', {
    scale: { range: () => [0, 1] },
    ticks: () => [0, 0.25, 0.5, 0.75, 1],
    label: (value) => percent(value, 0),
  });
  let next: Parameters<Curves['draw']>[0] | null = null;

  function draw(): void {
    if (!next) return;
    const { losses, accuracies, totalSteps, stepsPerEpoch } = next;
    next = null;
    if (losses.length > 0) range = logRange(losses);
    // The logarithm of a loss of 0 is nowhere.
    const visible = losses.map((value) => Math.max(value, range.low));
    loss.draw(visible, totalSteps, stepsPerEpoch);
    accuracy.draw(accuracies, totalSteps, stepsPerEpoch);
  }

  return {
    draw(run) {
      if (!next) requestAnimationFrame(draw);
      next = run;
    },
  };
}

interface Axis {
  readonly scale: uPlot.Scale;
  readonly ticks: () => number[];
  readonly label: (value: number) => string;
}

/** A plot in an element, in the colour of a custom property. It follows the element's width and the colour scheme. */
function createPlot(id: string, color: string, { scale, ticks, label }: Axis) {
  const parent = element(id, HTMLElement);
  const style = getComputedStyle(parent);
  const pen = (name: string) => () => style.getPropertyValue(name);
  const font = () => `12px ${style.fontFamily}`;
  let stepsPerEpoch = Number.POSITIVE_INFINITY;
  let totalSteps = 1;
  const plot = new uPlot(
    {
      width: parent.clientWidth,
      height: HEIGHT,
      padding: [8, 18, 0, 0],
      cursor: { show: false },
      legend: { show: false },
      scales: { x: { time: false, range: () => [0, totalSteps] }, y: { auto: true, ...scale } },
      axes: [
        {
          stroke: pen('--muted'),
          font: font(),
          grid: { show: false },
          ticks: { stroke: pen('--line'), size: 4 },
          size: 28,
          values: (_, values) => values.map((value) => (Number.isInteger(value) ? String(value) : '')),
        },
        {
          stroke: pen('--muted'),
          font: font(),
          grid: { stroke: pen('--line'), width: 1 },
          ticks: { show: false },
          size: 52,
          splits: ticks,
          // On a logarithmic axis uPlot would keep the powers of ten alone.
          filter: (_, splits) => splits,
          values: (_, values) => values.map(label),
        },
      ],
      series: [
        {},
        { stroke: pen(`${color}-thin`), width: 1, points: { show: false } },
        { stroke: pen(color), width: 2.25, points: { show: false } },
      ],
      hooks: { drawAxes: [drawEpochs] },
    },
    [[], [], []],
    parent,
  );

  /** A dashed line at the end of each epoch but the last; none where they would be a hatching. */
  function drawEpochs({ ctx, bbox, valToPos }: uPlot): void {
    if (totalSteps > 40 * stepsPerEpoch) return;
    ctx.save();
    ctx.strokeStyle = style.getPropertyValue('--line-strong');
    ctx.setLineDash([4, 4].map((length) => length * devicePixelRatio));
    for (let step = stepsPerEpoch; step < totalSteps; step += stepsPerEpoch) {
      const x = valToPos(step, 'x', true);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.restore();
  }

  new ResizeObserver(() => plot.setSize({ width: parent.clientWidth, height: HEIGHT })).observe(parent);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => plot.redraw());

  return {
    draw(values: readonly number[], total: number, perEpoch: number): void {
      totalSteps = total;
      stepsPerEpoch = perEpoch;
      const smooth = movingAverage(values, Math.max(1, Math.round(values.length / 40)));
      const steps = values.map((_, i) => i + 1);
      plot.setData([steps, [...values], smooth]);
      const now = smooth.at(-1);
      parent.ariaLabel = `${id === 'loss-curve' ? 'Loss' : 'Accuracy'} by step: ${
        now === undefined
          ? 'nothing yet'
          : `${label(Number(now.toPrecision(2)))} after ${values.length} of ${total} steps`
      }`;
    },
  };
}

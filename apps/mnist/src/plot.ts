/** The loss curve as an SVG picture. */

export interface CurveOptions {
  readonly title: string;
  /** A second line below the title. */
  readonly caption: string;
  /** Where to draw the borders between epochs. */
  readonly stepsPerEpoch: number;
}

const WIDTH = 880;
const HEIGHT = 480;
const LEFT = 76;
const RIGHT = WIDTH - 28;
const TOP = 84;
const BOTTOM = HEIGHT - 62;

const STYLE = `
  text { font-family: 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif; font-size: 13px; fill: #475569 }
  .title { font-size: 19px; font-weight: 600; fill: #0f172a }
  .grid { stroke: #e2e8f0; stroke-width: 1 }
  .axis { stroke: #64748b; stroke-width: 1.2 }
  .epoch { stroke: #94a3b8; stroke-width: 1; stroke-dasharray: 4 4 }
  .raw { fill: none; stroke: #93c5fd; stroke-width: 1; stroke-linejoin: round }
  .smooth { fill: none; stroke: #1d4ed8; stroke-width: 2.4; stroke-linejoin: round; stroke-linecap: round }`;

/**
 * Loss against step, on a logarithmic axis: every step as a thin line, and their moving average as a bold one.
 *
 * @param losses loss of each step, at least one; all finite. Zeros are drawn at the lower edge.
 */
export function lossCurve(
  losses: readonly number[],
  { title, caption, stepsPerEpoch }: CurveOptions,
): string {
  const smooth = movingAverage(losses, Math.max(1, Math.round(losses.length / 40)));
  const yRange = logRange(losses);
  const x = (step: number): number => LEFT + ((step - 1) / Math.max(1, losses.length - 1)) * (RIGHT - LEFT);
  const y = (loss: number): number => {
    const share = (Math.log10(Math.max(loss, yRange.low)) - Math.log10(yRange.low)) / yRange.decades;
    return BOTTOM - share * (BOTTOM - TOP);
  };
  const borders = epochBorders(losses.length, stepsPerEpoch);
  const parts = [
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    text(LEFT, 34, title, { class: 'title' }),
    text(LEFT, 56, caption),
    ...logTicks(yRange).flatMap((loss) => [
      line('grid', LEFT, y(loss), RIGHT, y(loss)),
      text(LEFT - 10, y(loss) + 4.5, String(loss), { 'text-anchor': 'end' }),
    ]),
    ...stepTicks(losses.length).flatMap((step) => [
      line('axis', x(step), BOTTOM, x(step), BOTTOM + 5),
      text(x(step), BOTTOM + 21, step.toLocaleString('en'), { 'text-anchor': 'middle' }),
    ]),
    ...borders.map((step) => line('epoch', x(step), TOP, x(step), BOTTOM)),
    curve('raw', losses, x, y),
    curve('smooth', smooth, x, y),
    line('axis', LEFT, TOP, LEFT, BOTTOM),
    line('axis', LEFT, BOTTOM, RIGHT, BOTTOM),
    text((LEFT + RIGHT) / 2, HEIGHT - 16, 'step', { 'text-anchor': 'middle' }),
    text(-(TOP + BOTTOM) / 2, 22, 'loss', { 'text-anchor': 'middle', transform: 'rotate(-90)' }),
    ...legend(borders.length > 0),
  ];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="${escapeXml(title)}">`,
    `<style>${STYLE}\n</style>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

function legend(withEpochs: boolean): string[] {
  const entries = [
    ['smooth', 'moving average'],
    ['raw', 'each step'],
    ...(withEpochs ? [['epoch', 'end of an epoch']] : []),
  ];
  // Letters are 7 pixels wide or a little less.
  const widths = entries.map(([, label]) => 31 + 7 * label.length);
  const gap = 22;
  let left = RIGHT + gap - widths.reduce((sum, width) => sum + width + gap, 0);
  return entries.flatMap(([style, label], i) => {
    const start = left;
    left += widths[i] + gap;
    return [line(style, start, 52, start + 24, 52), text(start + 31, 56, label)];
  });
}

/**
 * The mean over `radius` neighbours on either side; fewer before the first ones, as many on both sides, so that a steep
 * beginning keeps its place. At the end those that are there.
 */
export function movingAverage(values: readonly number[], radius: number): number[] {
  const sums = [0];
  for (const value of values) sums.push(sums[sums.length - 1] + value);
  return values.map((_, i) => {
    const reach = Math.min(radius, i);
    const end = Math.min(values.length, i + reach + 1);
    return (sums[end] - sums[i - reach]) / (end - i + reach);
  });
}

export interface LogRange {
  readonly low: number;
  readonly high: number;
  readonly decades: number;
}

/**
 * From a 1, 2 or 5 below the smallest loss to a little above the largest. Single steps far below all others are cut off, because
 * a logarithm would give them most of the picture.
 */
export function logRange(losses: readonly number[]): LogRange {
  const sorted = losses.filter((loss) => loss > 0).sort((a, b) => a - b);
  const floor = sorted[Math.floor(sorted.length / 50)] ?? 0.1;
  const low = niceBelow(floor);
  // Room above the curve, and for a second tick where all losses are alike.
  const high = Math.max(1.15 * (sorted[sorted.length - 1] ?? 1), 2.3 * low);
  return { low, high, decades: Math.log10(high) - Math.log10(low) };
}

const STEPS = [1, 2, 5] as const;

/** Number k of the row … 0.1, 0.2, 0.5, 1, 2, 5, 10 …, in which number 0 is 1. */
function oneTwoFive(k: number): number {
  const decade = Math.floor(k / 3);
  return Number(`${STEPS[k - 3 * decade]}e${decade}`);
}

/** The largest of these numbers that is not above a positive value. */
function niceBelow(value: number): number {
  let k = 3 * Math.floor(Math.log10(value));
  while (oneTwoFive(k + 1) <= value) k++;
  return oneTwoFive(k);
}

/** The smallest of these numbers that is not below a positive value. */
function niceAbove(value: number): number {
  let k = 3 * Math.floor(Math.log10(value));
  while (oneTwoFive(k) < value) k++;
  return oneTwoFive(k);
}

/** Each 1, 2 and 5 of the range; only powers of ten over more than four decades. */
export function logTicks({ low, high, decades }: LogRange): number[] {
  const ticks: number[] = [];
  for (let k = 3 * Math.floor(Math.log10(low)); oneTwoFive(k) <= high; k++) {
    const tick = oneTwoFive(k);
    if (tick >= low && (decades <= 4 || k % 3 === 0)) ticks.push(tick);
  }
  return ticks;
}

/** Step 1, then round numbers, about eight of them. */
function stepTicks(steps: number): number[] {
  const gap = Math.max(1, niceAbove(steps / 8));
  const ticks = [1];
  for (let step = gap; step <= steps; step += gap) if (step > gap / 2 && step > 1) ticks.push(step);
  return ticks;
}

/** The last step of every epoch but the last; none where they would be a hatching. */
function epochBorders(steps: number, stepsPerEpoch: number): number[] {
  const borders: number[] = [];
  if (steps > 40 * stepsPerEpoch) return borders;
  for (let step = stepsPerEpoch; step < steps; step += stepsPerEpoch) borders.push(step);
  return borders;
}

/** The step numbers 1, 2, … drawn from left to right; more than three to a pixel become their lowest and highest. */
function curve(
  style: string,
  values: readonly number[],
  x: (step: number) => number,
  y: (loss: number) => number,
): string {
  const width = Math.ceil(values.length / (RIGHT - LEFT));
  const points: string[] = [];
  for (let start = 0; start < values.length; start += width) {
    const group = values.slice(start, start + width);
    const drawn = width <= 3 ? group : [Math.min(...group), Math.max(...group)];
    drawn.forEach((value, i) => {
      points.push(`${x(start + 1 + i).toFixed(1)},${y(value).toFixed(1)}`);
    });
  }
  return points.length === 1
    ? `<path class="${style}" d="M${points[0]}h0.1"/>`
    : `<polyline class="${style}" points="${points.join(' ')}"/>`;
}

function line(style: string, x1: number, y1: number, x2: number, y2: number): string {
  const [a, b, c, d] = [x1, y1, x2, y2].map((value) => value.toFixed(1));
  return `<line class="${style}" x1="${a}" y1="${b}" x2="${c}" y2="${d}"/>`;
}

function text(x: number, y: number, content: string, attributes: Record<string, string> = {}): string {
  const extra = Object.entries(attributes).map(([name, value]) => ` ${name}="${value}"`);
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}"${extra.join('')}>${escapeXml(content)}</text>`;
}

const escapeXml = (content: string): string =>
  content.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c] as string);

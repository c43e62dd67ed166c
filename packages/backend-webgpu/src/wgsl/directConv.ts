/**
 * Convolutions with so few output channels in a group that tiles would be empty, as depthwise ones: each invocation has a position of its
 * own, and reads its patch once for all of the group's channels.
 */
import type { ConvContraction, Nest } from '@neurite/tensor';
import { isGuarded } from './convProduct.js';
import type { ModuleScope } from './expressions.js';
import { finishFunction } from './finish.js';
import type { ModulePart } from './module.js';
import { indent } from './nest.js';
import { atom, linear, product, unravel } from './positions.js';
import type { Product } from './product.js';

/** Output channels of a group, and taps that are written out, at most. */
const FEW_CHANNELS = 3;
const MOST_TAPS = 64;
/** Fewer positions leave most of a device idle when each has an invocation. */
const MANY_POINTS = 4096;
const LONG = 64;

export const DIRECT_GROUP = 64;

const pointsOf = ({ batch, groups, outputSize }: ConvContraction): number =>
  batch * groups * product(outputSize);

export function isDirect(conv: ConvContraction): boolean {
  const taps = product(conv.kernelSize);
  const isLong = conv.inChannels * taps >= LONG;
  return conv.outChannels <= FEW_CHANNELS && taps <= MOST_TAPS && (!isLong || pointsOf(conv) >= MANY_POINTS);
}

export function directConvPart(
  name: string,
  nest: Nest,
  conv: ConvContraction,
  matrices: Product,
  scope: ModuleScope,
): ModulePart {
  const { groups, outChannels, inChannels, outputSize, kernelSize, input, weight } = conv;
  const points = pointsOf(conv);
  const area = product(outputSize);
  const channels = Array.from({ length: outChannels }, (_, o) => o);
  const places = unravel('place', outputSize);
  const isSeveral = inChannels > 1;
  const plane = linear(input.offset, [
    ['sample', input.strides.batch],
    ['batch', input.strides.group],
    ['c', input.strides.channel],
  ]);
  const filter = linear(weight.offset, [
    ['batch', weight.strides.group],
    ['c', weight.strides.channel],
  ]);
  const finish = finishFunction(nest, matrices, scope);
  const body = [`let plane = ${plane};`, `let weights = ${filter};`, ...taps(conv, scope)];
  const lines = [
    `let point = block * ${DIRECT_GROUP} + local;`,
    ...(points % DIRECT_GROUP ? [`if (point >= ${points}) { return; }`] : []),
    `let place = point % ${area};`,
    `let batch = ${groups === 1 ? '0' : `point / ${area} % ${groups}`};`,
    `let sample = point / ${groups * area};`,
    ...kernelSize.flatMap((_, d) => [
      `let corner${d} = ${linear(-conv.padding[d], [[atom(places[d]), conv.stride[d]]])};`,
      ...steps(conv, d),
    ]),
    ...channels.map((o) => `var sum${o} = 0.0f;`),
    ...(isSeveral
      ? [`for (var c = 0; c < ${inChannels}; c++) {`, ...indent(body), '}']
      : ['const c = 0;', ...body]),
    ...channels.map((o) => `${finish}(batch, ${o}, sample * ${area} + place, sum${o});`),
  ];
  const text = [`fn ${name}(block: i32, local: i32) {`, ...indent(lines), '}'].join('\n');
  return { name, text, workgroups: Math.ceil(points / DIRECT_GROUP) };
}

/** Along one dimension: where each tap is, and whether the input is there. */
function steps(conv: ConvContraction, d: number): string[] {
  const { dilation, inputDilation, inputSize, input } = conv;
  const gap = inputDilation[d];
  const reach = Math.max(0, (inputSize[d] - 1) * gap + 1);
  return Array.from({ length: conv.kernelSize[d] }, (_, t) => {
    const [at, address] = [`at${d}_${t}`, gap === 1 ? `at${d}_${t}` : `(at${d}_${t} / ${gap})`];
    const inside = [`bitcast<u32>(${at}) < ${reach}u`, ...(gap === 1 ? [] : [`${at} % ${gap} == 0`])].join(
      ' && ',
    );
    return [
      `let ${at} = corner${d} + ${t * dilation[d]};`,
      `let step${d}_${t} = ${linear(0, [[address, input.strides.spatial[d]]])};`,
      ...(isGuarded(conv, d) ? [`let inside${d}_${t} = ${inside};`] : []),
    ];
  }).flat();
}

/** All taps of a filter's plane, one after the other. */
function taps(conv: ConvContraction, { buffers }: ModuleScope): string[] {
  const { kernelSize, outChannels, input, weight } = conv;
  return Array.from({ length: product(kernelSize) }, (_, tap) => {
    let rest = tap;
    const at = kernelSize.map(() => 0);
    for (let d = kernelSize.length - 1; d >= 0; d--) {
      at[d] = rest % kernelSize[d];
      rest = Math.floor(rest / kernelSize[d]);
    }
    const guards = at.flatMap((t, d) => (isGuarded(conv, d) ? [`inside${d}_${t}`] : []));
    const index = ['plane', ...at.map((t, d) => `step${d}_${t}`)].join(' + ');
    const offset = at.reduce((sum, t, d) => sum + t * weight.strides.kernel[d], 0);
    return [
      `let x${tap} = ${buffers[input.buffer].loadWide(index, guards.join(' && ') || null)};`,
      ...Array.from({ length: outChannels }, (_, o) => {
        const place = linear(offset + o * weight.strides.out, [['weights', 1]]);
        return `sum${o} += x${tap} * ${buffers[weight.buffer].loadWide(place, null)};`;
      }),
    ];
  }).flat();
}

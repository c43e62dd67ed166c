import type { Tensor } from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';
import { calculateFanInAndFanOut, calculateGain, type FanMode, fanOf, type Nonlinearity } from './fan.js';
import type { RandomOptions } from './fill.js';
import { normal_, uniform_ } from './simple.js';

/** Initialisers whose variance follows from the number of a unit's inputs and outputs. */

export interface XavierOptions extends RandomOptions {
  gain?: number;
}

/** Uniform within ±gain·√(6 / (fanIn + fanOut)). Glorot & Bengio 2010. */
export function xavierUniform_<T extends Tensor>(tensor: T, ...rest: Arguments<XavierOptions, ['gain']>): T {
  const { gain = 1, ...options } = readArguments<XavierOptions>(
    'xavierUniform_',
    ['gain'],
    ['generator'],
    rest,
  );
  const { fanIn, fanOut } = calculateFanInAndFanOut(tensor);
  const bound = gain * Math.sqrt(6 / (fanIn + fanOut));
  return uniform_(tensor, -bound, bound, options);
}

/** Normal with standard deviation gain·√(2 / (fanIn + fanOut)). Glorot & Bengio 2010. */
export function xavierNormal_<T extends Tensor>(tensor: T, ...rest: Arguments<XavierOptions, ['gain']>): T {
  const { gain = 1, ...options } = readArguments<XavierOptions>(
    'xavierNormal_',
    ['gain'],
    ['generator'],
    rest,
  );
  const { fanIn, fanOut } = calculateFanInAndFanOut(tensor);
  return normal_(tensor, 0, gain * Math.sqrt(2 / (fanIn + fanOut)), options);
}

export interface KaimingOptions extends RandomOptions {
  /** Slope of the leaky ReLU that follows. */
  a?: number;
  /** 'fanIn' keeps the variance of the forward pass, 'fanOut' that of the gradients. */
  mode?: FanMode;
  nonlinearity?: Nonlinearity;
}

type KaimingArguments = Arguments<KaimingOptions, ['a', 'mode', 'nonlinearity']>;

function kaimingStd(name: string, tensor: Tensor, rest: KaimingArguments): [number, RandomOptions] {
  const order = ['a', 'mode', 'nonlinearity'] as const;
  const options = readArguments<KaimingOptions>(name, order, ['generator'], rest);
  const { a = 0, mode = 'fanIn', nonlinearity = 'leakyRelu', generator } = options;
  return [calculateGain(nonlinearity, a) / Math.sqrt(fanOf(name, tensor, mode)), { generator }];
}

/** Uniform within ±gain·√(3 / fan). He et al. 2015. */
export function kaimingUniform_<T extends Tensor>(tensor: T, ...rest: KaimingArguments): T {
  const [std, options] = kaimingStd('kaimingUniform_', tensor, rest);
  const bound = Math.sqrt(3) * std;
  return tensor.numel === 0 ? tensor : uniform_(tensor, -bound, bound, options);
}

/** Normal with standard deviation gain / √fan. He et al. 2015. */
export function kaimingNormal_<T extends Tensor>(tensor: T, ...rest: KaimingArguments): T {
  const [std, options] = kaimingStd('kaimingNormal_', tensor, rest);
  return tensor.numel === 0 ? tensor : normal_(tensor, 0, std, options);
}

/** Uniform within ±√(3 / fanIn): what SELU networks need. LeCun et al. 1998, Klambauer et al. 2017. */
export function lecunUniform_<T extends Tensor>(tensor: T, options: RandomOptions = {}): T {
  const bound = Math.sqrt(3 / calculateFanInAndFanOut(tensor).fanIn);
  return uniform_(tensor, -bound, bound, options);
}

/**
 * Normal with standard deviation 1/√fanIn: what SELU networks need. LeCun et al. 1998, Klambauer et al. 2017.
 */
export function lecunNormal_<T extends Tensor>(tensor: T, options: RandomOptions = {}): T {
  return normal_(tensor, 0, 1 / Math.sqrt(calculateFanInAndFanOut(tensor).fanIn), options);
}

import type { Tensor } from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';
import * as F from '../functional/activation.js';
import { constant_ } from '../init/simple.js';
import { Layer } from '../module/module.js';
import { pythonFloat, pythonic } from '../module/repr.js';
import type { Parameter } from '../parameter.js';
import type { SameShape } from '../types/shape-fn.js';
import { FACTORY, type FactoryOptions, newParameter } from './factory.js';
import { checkSizes } from './sizes.js';

/**
 * The elementwise activations as modules: any shape, kept. Formulas and gradients stand with the functions in
 * `functional/activation.ts`; see
 * https://pytorch.org/docs/1.13/nn.html#non-linear-activations-weighted-sum-nonlinearity.
 */

/** 1 / (1 + e⁻ˣ). */
export class Sigmoid extends Layer<SameShape> {
  forward(input: Tensor): Tensor {
    return F.sigmoid(input);
  }
}

/** The hyperbolic tangent. */
export class Tanh extends Layer<SameShape> {
  forward(input: Tensor): Tensor {
    return F.tanh(input);
  }
}

/** max(0, x). */
export class ReLU extends Layer<SameShape> {
  forward(input: Tensor): Tensor {
    return F.relu(input);
  }
}

/** min(max(0, x), 6). */
export class ReLU6 extends Layer<SameShape> {
  forward(input: Tensor): Tensor {
    return F.relu6(input);
  }
}

/** x for x > 0, negativeSlope·x otherwise (0.01). */
export class LeakyReLU extends Layer<SameShape> {
  readonly negativeSlope: number;

  constructor(...rest: Arguments<F.LeakyReluOptions, ['negativeSlope']>) {
    super();
    this.negativeSlope =
      readArguments<F.LeakyReluOptions>('LeakyReLU', ['negativeSlope'], [], rest).negativeSlope ?? 0.01;
  }

  forward(input: Tensor): Tensor {
    return F.leakyRelu(input, this.negativeSlope);
  }

  override extraRepr(): string {
    return `negative_slope=${this.negativeSlope}`;
  }
}

export interface PReLUOptions extends FactoryOptions {
  /** 1, or the number of channels (dimension 1). */
  numParameters?: number;
  /** Slope at first. */
  init?: number;
}

/**
 * x for x > 0, weight·x otherwise, with a learned weight of [numParameters] that starts at 0.25. He et al.
 * 2015.
 */
export class PReLU extends Layer<SameShape> {
  readonly numParameters: number;
  weight: Parameter;

  constructor(...rest: Arguments<PReLUOptions, ['numParameters', 'init']>) {
    super();
    const {
      numParameters = 1,
      init = 0.25,
      ...factory
    } = readArguments<PReLUOptions>('PReLU', ['numParameters', 'init'], FACTORY, rest);
    checkSizes('PReLU', { numParameters });
    this.numParameters = numParameters;
    this.weight = constant_(newParameter([numParameters], factory), init);
  }

  forward(input: Tensor): Tensor {
    return F.prelu(input, this.weight);
  }

  override extraRepr(): string {
    return `num_parameters=${this.numParameters}`;
  }
}

/** x for x > 0, α(eˣ − 1) otherwise. Clevert et al. 2015. */
export class ELU extends Layer<SameShape> {
  readonly alpha: number;

  constructor(...rest: Arguments<F.EluOptions, ['alpha']>) {
    super();
    this.alpha = readArguments<F.EluOptions>('ELU', ['alpha'], [], rest).alpha ?? 1;
  }

  forward(input: Tensor): Tensor {
    return F.elu(input, this.alpha);
  }

  override extraRepr(): string {
    return `alpha=${pythonFloat(this.alpha)}`;
  }
}

/** λ·x for x > 0, λα(eˣ − 1) otherwise: self-normalising with `init.lecunNormal_`. Klambauer et al. 2017. */
export class SELU extends Layer<SameShape> {
  forward(input: Tensor): Tensor {
    return F.selu(input);
  }
}

/** x for x > 0, α(e^(x/α) − 1) otherwise. */
export class CELU extends Layer<SameShape> {
  readonly alpha: number;

  constructor(...rest: Arguments<F.EluOptions, ['alpha']>) {
    super();
    this.alpha = readArguments<F.EluOptions>('CELU', ['alpha'], [], rest).alpha ?? 1;
  }

  forward(input: Tensor): Tensor {
    return F.celu(input, this.alpha);
  }

  override extraRepr(): string {
    return `alpha=${pythonFloat(this.alpha)}`;
  }
}

/** x·Φ(x). Hendrycks & Gimpel 2016. */
export class GELU extends Layer<SameShape> {
  readonly approximate: 'none' | 'tanh';

  constructor(...rest: Arguments<F.GeluOptions, ['approximate']>) {
    super();
    this.approximate = readArguments<F.GeluOptions>('GELU', ['approximate'], [], rest).approximate ?? 'none';
  }

  forward(input: Tensor): Tensor {
    return F.gelu(input, this.approximate);
  }

  override extraRepr(): string {
    return `approximate=${pythonic(this.approximate)}`;
  }
}

/** x·σ(x). */
export class SiLU extends Layer<SameShape> {
  forward(input: Tensor): Tensor {
    return F.silu(input);
  }
}

/** x·tanh(softplus(x)). */
export class Mish extends Layer<SameShape> {
  forward(input: Tensor): Tensor {
    return F.mish(input);
  }
}

/** log(1 + e^(βx)) / β. */
export class Softplus extends Layer<SameShape> {
  readonly beta: number;
  readonly threshold: number;

  constructor(...rest: Arguments<F.SoftplusOptions, ['beta', 'threshold']>) {
    super();
    const options = readArguments<F.SoftplusOptions>('Softplus', ['beta', 'threshold'], [], rest);
    this.beta = options.beta ?? 1;
    this.threshold = options.threshold ?? 20;
  }

  forward(input: Tensor): Tensor {
    return F.softplus(input, this.beta, this.threshold);
  }

  override extraRepr(): string {
    return `beta=${this.beta}, threshold=${this.threshold}`;
  }
}

/** x / (1 + |x|). */
export class Softsign extends Layer<SameShape> {
  forward(input: Tensor): Tensor {
    return F.softsign(input);
  }
}

/** x limited to [minVal, maxVal] = [−1, 1]. */
export class Hardtanh extends Layer<SameShape> {
  readonly minVal: number;
  readonly maxVal: number;

  constructor(...rest: Arguments<F.HardtanhOptions, ['minVal', 'maxVal']>) {
    super();
    const options = readArguments<F.HardtanhOptions>('Hardtanh', ['minVal', 'maxVal'], [], rest);
    this.minVal = options.minVal ?? -1;
    this.maxVal = options.maxVal ?? 1;
  }

  forward(input: Tensor): Tensor {
    return F.hardtanh(input, this.minVal, this.maxVal);
  }

  override extraRepr(): string {
    return `min_val=${pythonFloat(this.minVal)}, max_val=${pythonFloat(this.maxVal)}`;
  }
}

/** relu6(x + 3) / 6. */
export class Hardsigmoid extends Layer<SameShape> {
  forward(input: Tensor): Tensor {
    return F.hardsigmoid(input);
  }
}

/** x·relu6(x + 3) / 6. */
export class Hardswish extends Layer<SameShape> {
  forward(input: Tensor): Tensor {
    return F.hardswish(input);
  }
}

/** log σ(x). */
export class LogSigmoid extends Layer<SameShape> {
  forward(input: Tensor): Tensor {
    return F.logsigmoid(input);
  }
}

/** x for x > threshold, `value` otherwise. */
export class Threshold extends Layer<SameShape> {
  constructor(
    readonly threshold: number,
    readonly value: number,
  ) {
    super();
  }

  forward(input: Tensor): Tensor {
    return F.threshold(input, this.threshold, this.value);
  }

  override extraRepr(): string {
    return `threshold=${this.threshold}, value=${this.value}`;
  }
}

/** x − tanh(x). */
export class Tanhshrink extends Layer<SameShape> {
  forward(input: Tensor): Tensor {
    return F.tanhshrink(input);
  }
}

/** x − λ above λ, x + λ below −λ, 0 between. */
export class Softshrink extends Layer<SameShape> {
  readonly lambd: number;

  constructor(...rest: Arguments<F.ShrinkOptions, ['lambd']>) {
    super();
    this.lambd = readArguments<F.ShrinkOptions>('Softshrink', ['lambd'], [], rest).lambd ?? 0.5;
  }

  forward(input: Tensor): Tensor {
    return F.softshrink(input, this.lambd);
  }

  override extraRepr(): string {
    return String(this.lambd);
  }
}

/** x outside [−λ, λ], 0 inside. */
export class Hardshrink extends Layer<SameShape> {
  readonly lambd: number;

  constructor(...rest: Arguments<F.ShrinkOptions, ['lambd']>) {
    super();
    this.lambd = readArguments<F.ShrinkOptions>('Hardshrink', ['lambd'], [], rest).lambd ?? 0.5;
  }

  forward(input: Tensor): Tensor {
    return F.hardshrink(input, this.lambd);
  }

  override extraRepr(): string {
    return String(this.lambd);
  }
}

import {
  NeuriteError,
  noGrad,
  StateDictError,
  settle,
  Tensor,
  tensor,
  ValueError,
  where,
} from '@neurite/tensor';
import type { Optimizer } from './optimizer.js';

export interface GradScalerOptions {
  /** Default 65536. */
  readonly initScale?: number;
  /** The scale times this after `growthInterval` steps without an infinite gradient. Default 2. */
  readonly growthFactor?: number;
  /** The scale times this after a step that was skipped. Default 0.5. */
  readonly backoffFactor?: number;
  /** Default 2000. */
  readonly growthInterval?: number;
  /** `false` makes `scale` return its argument and `step` a plain step. Default true. */
  readonly enabled?: boolean;
}

/** PyTorch's `GradScaler.state_dict()`; empty where the scaler is not enabled. Tensors are the live ones. */
export interface GradScalerStateDict {
  readonly scale?: Tensor | number;
  readonly growth_factor?: number;
  readonly backoff_factor?: number;
  readonly growth_interval?: number;
  readonly _growth_tracker?: Tensor | number;
}

// biome-ignore lint/suspicious/noExplicitAny: options are invariant, and a scaler takes optimizers with any.
type AnyOptimizer = Optimizer<any>;
type Stage = 'unscaled' | 'stepped';

/**
 * Keeps small gradients of float16 from becoming 0: the loss is multiplied by a scale, the gradients are divided by it before the step,
 * and a step with an infinite or NaN gradient is skipped. The scale falls after a skipped step and grows after many that were not.
 * PyTorch's `torch.cuda.amp.GradScaler` (https://pytorch.org/docs/stable/amp.html#gradient-scaling).
 *
 *     optimizer.zeroGrad();
 *     const loss = autocast(() => F.crossEntropy(model(x), y));
 *     scaler.scale(loss).backward();
 *     scaler.unscale(optimizer);                     // only if gradients are looked at or clipped
 *     clipGradNorm(model.parameters(), 1);
 *     await scaler.step(optimizer);
 *     scaler.update();
 *
 * Scale and checks live on the device: forward, backward, check and update are one plan, in which a skipped step leaves parameters and
 * state as they are, bit for bit. The one thing that comes to the host is whether a step was skipped, if the optimizer counts its steps
 * (Adam); it is read after the plan and not in its middle. The new scale is computed in the next step's plan.
 *
 * In a compiled function `step` and `update` belong into the same one.
 */
export class GradScaler {
  /** May be changed at any time; the next `update` takes the new value. */
  growthFactor: number;
  backoffFactor: number;
  growthInterval: number;
  readonly #enabled: boolean;
  readonly #scale: Tensor;
  /** Steps since the scale changed. */
  readonly #tracker: Tensor;
  readonly #stages = new Map<AnyOptimizer, Stage>();
  /** Whether the latest gradients of an optimizer had one that was not finite. */
  readonly #flags = new WeakMap<AnyOptimizer, Tensor>();

  /** @throws ValueError for a factor or an interval that makes no sense. */
  constructor(options: GradScalerOptions = {}) {
    const {
      initScale = 65536,
      growthFactor = 2,
      backoffFactor = 0.5,
      growthInterval = 2000,
      enabled = true,
    } = options;
    if (!(initScale > 0)) throw new ValueError(`GradScaler: initScale must be above 0, got ${initScale}`);
    if (!(growthFactor > 1))
      throw new ValueError(`GradScaler: growthFactor must be above 1, got ${growthFactor}`);
    if (!(backoffFactor < 1))
      throw new ValueError(`GradScaler: backoffFactor must be below 1, got ${backoffFactor}`);
    if (!Number.isInteger(growthInterval) || growthInterval < 1)
      throw new ValueError(`GradScaler: growthInterval must be an integer above 0, got ${growthInterval}`);
    this.growthFactor = growthFactor;
    this.backoffFactor = backoffFactor;
    this.growthInterval = growthInterval;
    this.#enabled = enabled;
    this.#scale = tensor(initScale);
    this.#tracker = tensor(0, { dtype: 'int32' });
  }

  isEnabled(): boolean {
    return this.#enabled;
  }

  /** A loss, or several, times the scale. */
  scale(loss: Tensor): Tensor;
  scale(losses: readonly Tensor[]): Tensor[];
  scale(loss: Tensor | readonly Tensor[]): Tensor | Tensor[] {
    const one = (t: Tensor): Tensor => (this.#enabled ? t.mul(this.#scale) : t);
    return loss instanceof Tensor ? one(loss) : loss.map(one);
  }

  /**
   * Divides the gradients of an optimizer's parameters by the scale, so that they can be clipped; `step` does it otherwise.
   *
   * @throws NeuriteError when it was called before, since the last `update`; ValueError for gradients of float16: parameters stay float32.
   */
  unscale(optimizer: AnyOptimizer): void {
    if (!this.#enabled) return;
    const stage = this.#stages.get(optimizer);
    if (stage)
      throw new NeuriteError(
        stage === 'unscaled'
          ? 'GradScaler.unscale: it was already called for this optimizer since the last update()'
          : 'GradScaler.unscale: it is called after step()',
      );
    const groups: readonly { readonly params: readonly Tensor[] }[] = optimizer.paramGroups;
    const gradients = groups.flatMap(({ params }) => params.flatMap(({ grad }) => grad ?? []));
    if (gradients.length === 0)
      throw new ValueError(`GradScaler.unscale: no parameter of ${optimizer.name} has a gradient`);
    if (gradients.some(({ dtype }) => dtype === 'float16'))
      throw new ValueError(
        'GradScaler.unscale: gradients are float16, which leaves no room for a scale; keep the parameters in float32 and use autocast',
      );
    noGrad(() => {
      const finite = gradients.map((gradient) => gradient.isfinite().all()).reduce((a, b) => a.logicalAnd(b));
      this.#flag(optimizer).copy_(finite.logicalNot());
      const inverse = this.#scale.reciprocal();
      for (const gradient of gradients) gradient.mul_(inverse);
    });
    this.#stages.set(optimizer, 'unscaled');
  }

  /**
   * The optimizer's step, unless a gradient is infinite or NaN: then parameters, state and the count of steps stay as they are.
   *
   * @throws NeuriteError when it was called for this optimizer since the last `update`.
   */
  async step(optimizer: AnyOptimizer): Promise<void> {
    if (!this.#enabled) {
      await optimizer.step();
      return;
    }
    if (this.#stages.get(optimizer) === 'stepped')
      throw new NeuriteError(
        'GradScaler.step: it was already called for this optimizer since the last update()',
      );
    if (!this.#stages.has(optimizer)) this.unscale(optimizer);
    this.#stages.set(optimizer, 'stepped');
    try {
      await optimizer.step(undefined, { unless: this.#flag(optimizer) });
    } catch (error) {
      this.#stages.set(optimizer, 'unscaled');
      throw error;
    }
  }

  /**
   * Adjusts the scale, once after all steps: down if one was skipped, up if it was the `growthInterval`th in a row that was not.
   *
   * @param newScale sets the scale instead.
   * @throws NeuriteError when neither `unscale` nor `step` was called since the last one.
   */
  update(newScale?: number | Tensor): void {
    if (!this.#enabled) return;
    const flags = [...this.#stages.keys()].map((optimizer) => this.#flag(optimizer));
    this.#stages.clear();
    noGrad(() => {
      const [scale, tracker] = [this.#scale, this.#tracker];
      if (newScale !== undefined) scale.copy_(newScale);
      else if (flags.length === 0)
        throw new NeuriteError(
          'GradScaler.update: no gradients were checked since the last one; call step() before',
        );
      else {
        const skipped = flags.reduce((a, b) => a.logicalOr(b)) as Tensor<readonly [], 'bool'>;
        const grown = tracker.add(1);
        const due = grown.ge(this.growthInterval) as Tensor<readonly [], 'bool'>;
        const larger = scale.mul(this.growthFactor);
        const next = where(due.logicalAnd(larger.isfinite()), larger, scale);
        scale.copy_(where(skipped, scale.mul(this.backoffFactor), next));
        tracker.copy_(where(skipped.logicalOr(due), 0, grown));
      }
    });
    settle(this.#scale, this.#tracker);
  }

  /** The scale of the moment; 1 where the scaler is not enabled. */
  async getScale(): Promise<number> {
    return this.#enabled ? this.#scale.item() : 1;
  }

  /** PyTorch's layout. Save the tensors before the next `update`. */
  stateDict(): GradScalerStateDict {
    if (!this.#enabled) return {};
    return {
      scale: this.#scale.detach(),
      growth_factor: this.growthFactor,
      backoff_factor: this.backoffFactor,
      growth_interval: this.growthInterval,
      _growth_tracker: this.#tracker.detach(),
    };
  }

  /** @throws StateDictError when a member is missing: all are in the state of a scaler that was not enabled. Nothing has changed then. */
  loadStateDict(state: GradScalerStateDict): void {
    if (!this.#enabled) return;
    const { scale, growth_factor, backoff_factor, growth_interval, _growth_tracker } = state;
    if (
      scale === undefined ||
      growth_factor === undefined ||
      backoff_factor === undefined ||
      growth_interval === undefined ||
      _growth_tracker === undefined
    )
      throw new StateDictError(
        `GradScaler.loadStateDict: expected scale, growth_factor, backoff_factor, growth_interval and _growth_tracker, got ${Object.keys(state).join(', ') || 'the empty state of a scaler that was not enabled'}`,
      );
    this.growthFactor = growth_factor;
    this.backoffFactor = backoff_factor;
    this.growthInterval = growth_interval;
    noGrad(() => {
      this.#scale.copy_(scale);
      this.#tracker.copy_(_growth_tracker);
    });
    settle(this.#scale, this.#tracker);
  }

  #flag(optimizer: AnyOptimizer): Tensor<readonly [], 'bool'> {
    let flag = this.#flags.get(optimizer);
    if (!flag) {
      flag = tensor(false, { dtype: 'bool' }) as Tensor;
      this.#flags.set(optimizer, flag);
    }
    return flag as Tensor<readonly [], 'bool'>;
  }
}

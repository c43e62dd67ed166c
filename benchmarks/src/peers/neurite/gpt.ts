/** A small GPT: learned positions, layer norm before each part, causal attention, tanh GELU. */
import { Embedding, functional, LayerNorm, Linear, Module, ModuleList } from '@neurite/nn';
import { AdamW } from '@neurite/optim';
import { arange, type Tensor } from '@neurite/tensor';
import type { Case } from '../../case.js';
import type { Inputs } from '../../inputs.js';
import { GPT, TRAINING } from '../../rows/training.js';
import { setParameters, training } from './cases.js';
import { load } from './forward.js';

const { layers, width, heads, length, batch, vocabulary } = GPT;

class Block extends Module {
  ln1 = new LayerNorm(width);
  qkv = new Linear(width, 3 * width);
  projection = new Linear(width, width);
  ln2 = new LayerNorm(width);
  up = new Linear(width, 4 * width);
  down = new Linear(4 * width, width);

  attention(x: Tensor): Tensor {
    const [q, k, v] = this.qkv(x)
      .chunk(3, 2)
      .map((t) => t.reshape([batch, length, heads, width / heads]).transpose(1, 2));
    const attended = functional.scaledDotProductAttention(q, k, v, { isCausal: true });
    return this.projection(attended.transpose(1, 2).reshape([batch, length, width]));
  }

  forward(x: Tensor): Tensor {
    const attended = x.add(this.attention(this.ln1(x)));
    const wide = functional.gelu(this.up(this.ln2(attended)), { approximate: 'tanh' });
    return attended.add(this.down(wide));
  }
}

class Gpt extends Module {
  token = new Embedding(vocabulary, width);
  position = new Embedding(length, width);
  blocks = new ModuleList(Array.from({ length: layers }, () => new Block()));
  ln = new LayerNorm(width);
  head = new Linear(width, vocabulary);
  private readonly positions = arange(length);

  forward(tokens: Tensor): Tensor {
    let x: Tensor = this.token(tokens).add(this.position(this.positions));
    for (const block of this.blocks) x = (block as Block)(x);
    return this.head(this.ln(x));
  }
}

export function gptStep(inputs: Inputs): Case {
  const model = new Gpt();
  const tokens = load(inputs.tokens);
  const targets = load(inputs.targets).reshape(-1);
  const { lr, beta1, beta2, eps, weightDecay } = TRAINING.adamw;
  return training({
    optimizer: new AdamW(setParameters(model, inputs), { lr, betas: [beta1, beta2], eps, weightDecay }),
    loss: () => functional.crossEntropy(model(tokens).reshape([-1, vocabulary]), targets),
    output: () => model(tokens),
  });
}

import { CrossEntropyLoss, Linear, ReLU, Sequential } from '@neurite/nn';
import { manualSeed, randn, tensor, use } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';

await use(reference(), { log: false });
manualSeed(0);

const model = new Sequential(new Linear(8, 16), new ReLU(), new Linear(16, 3));
const names = Object.keys(model.stateDict()).join();
if (names !== '0.weight,0.bias,2.weight,2.bias') throw new Error(`stateDict has the keys ${names}`);

const logits = model(randn([4, 8]));
if (logits.shape.join() !== '4,3') throw new Error(`the model gave shape [${logits.shape}]`);
const loss = await new CrossEntropyLoss()(logits, tensor([0, 1, 2, 0], { dtype: 'int32' })).item();
if (!(loss > 0 && loss < 10)) throw new Error(`cross entropy is ${loss}`);

// @ts-expect-error 128 features do not fit a layer of 64
new Sequential(new Linear(784, 128), new Linear(64, 10));

/** A page that trains an MLP with jax-js. */
import {
  defaultDevice,
  init,
  type Array as JaxArray,
  jit,
  nn,
  numpy as np,
  random,
  valueAndGrad,
} from '@jax-js/jax';

await init('wasm');
defaultDevice('wasm');
type Arrays = Record<string, JaxArray>;
const map = (arrays: Arrays, f: (a: JaxArray, name: string) => JaxArray): Arrays =>
  Object.fromEntries(Object.entries(arrays).map(([name, a]) => [name, f(a, name)]));
const draw = (seed: number, shape: number[]): JaxArray => random.normal(random.key(seed), shape).mul(0.05);
const x = draw(0, [32, 784]);
const y = nn.oneHot(np.array(Int32Array.from({ length: 32 }, (_, i) => i % 10)), 10);
const loss = (p: Arrays): JaxArray => {
  const hidden = nn.relu(np.matmul(x.ref, p.w1).add(p.b1));
  const logits = np.matmul(hidden, p.w2).add(p.b2);
  return np.mean(np.sum(nn.logSoftmax(logits, -1).mul(y.ref), -1)).neg();
};
let p: Arrays = {
  w1: draw(1, [784, 128]),
  b1: np.zeros([128]),
  w2: draw(2, [128, 10]),
  b2: np.zeros([10]),
};
let m = map(p, (a) => np.zeros(a.shape));
let v = map(p, (a) => np.zeros(a.shape));
const step = jit((p: Arrays, m: Arrays, v: Arrays, t: JaxArray): [JaxArray, Arrays, Arrays, Arrays] => {
  const [value, g] = valueAndGrad(loss)(map(p, (a) => a.ref)) as [JaxArray, Arrays];
  const mean = map(m, (a, name) => a.mul(0.9).add(g[name].ref.mul(0.1)));
  const square = map(v, (a, name) => a.mul(0.999).add(np.square(g[name]).mul(1e-3)));
  const c1 = np
    .exp(t.ref.mul(Math.log(0.9)))
    .neg()
    .add(1);
  const c2 = np
    .exp(t.mul(Math.log(0.999)))
    .neg()
    .add(1);
  const next = map(p, (a, name) => {
    const denominator = np.sqrt(square[name].ref.div(c2.ref)).add(1e-8);
    return a.sub(mean[name].ref.div(c1.ref).div(denominator).mul(1e-3));
  });
  c1.dispose();
  c2.dispose();
  return [value, next, mean, square];
});
for (let t = 1; t <= 100; t++) {
  const [value, ...state] = step(p, m, v, np.array([t], { shape: [] })) as [JaxArray, Arrays, Arrays, Arrays];
  [p, m, v] = state;
  console.log(t, (await value.data())[0]);
}

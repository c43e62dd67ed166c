/** A backend in one file: each kernel becomes a JavaScript function. `docs/backends.md` builds it up. */
import type * as neurite from '@neurite/tensor';
import { COMBINING_OP, childrenOf, DTYPES, OutOfMemoryError, reductionIdentity } from '@neurite/tensor';

type Held = neurite.DeviceBuffer & { data: ArrayBuffer };
function createMemory(budget: number): Pick<neurite.Backend, 'allocate' | 'free' | 'write' | 'read'> {
  let live = 0;
  return {
    allocate(bytes) {
      if (live + bytes > budget) throw new OutOfMemoryError(`mine: ${bytes} bytes asked for, ${live} in use`);
      live += bytes;
      return { bytes, data: new ArrayBuffer(bytes) } as Held;
    },
    free(buffer) {
      live -= buffer.bytes;
      (buffer as Held).data = new ArrayBuffer(0);
    },
    write: (buffer, at, bytes) => new Uint8Array((buffer as Held).data).set(bytes, at),
    read: async (buffer, at, length) => new Uint8Array((buffer as Held).data.slice(at, at + length)),
  };
}

/** How ops read in JavaScript; what they make is rounded afterwards. */
const SPELLINGS: Partial<Record<neurite.ScalarOp, string>> = {
  exp: 'Math.exp(a)',
  log: 'Math.log(a)',
  sqrt: 'Math.sqrt(a)',
  add: 'a + b',
  sub: 'a - b',
  mul: 'a * b',
  div: 'a / b',
  max: 'Math.max(a, b)',
  min: 'Math.min(a, b)',
  le: '+(a <= b)',
  and: 'a & b',
  or: 'a | b',
  shl: 'a << b',
  shr: 'Math.floor(a / 2 ** b)',
  where: 'a ? b : c',
};
/** Integer products wrap, and what is divided by 0 is 0. */
const OF_INTEGERS: typeof SPELLINGS = { ...SPELLINGS, mul: 'Math.imul(a, b)', div: 'b === 0 ? 0 : a / b' };

/** A number as a value of each dtype. */
const ROUNDINGS: Partial<Record<neurite.DType, string>> = {
  float32: 'Math.fround(a)',
  float64: 'a',
  int32: 'a | 0',
  uint32: 'a >>> 0',
  int8: 'a << 24 >> 24',
  uint8: 'a & 255',
  bool: 'a',
};

/** A template with values in the places of a, b and c. */
const fill = (template: string, values: readonly string[]): string =>
  `(${template.replace(/\b[abc]\b/g, (name) => values['abc'.indexOf(name)])})`;
const round = (dtype: neurite.DType, x: string): string => fill(ROUNDINGS[dtype]!, [x]);
const apply = (op: neurite.ScalarOp, from: neurite.DType, to: neurite.DType, values: readonly string[]) =>
  round(to, fill((DTYPES[from].float ? SPELLINGS : OF_INTEGERS)[op]!, values));

function convert({ op, dtype, args }: neurite.OpExpr, x: string): string {
  const from = DTYPES[args[0].dtype];
  if (op === 'bitcast') return `new ${DTYPES[dtype].array.name}(${from.array.name}.of(${x}).buffer)[0]`;
  if (dtype === 'bool') return `+(${x} !== 0)`;
  if (!from.float || DTYPES[dtype].float) return round(dtype, x);
  // Rounding does the rest: it truncates, and makes 0 of NaN.
  const [least, greatest] = [reductionIdentity('max', dtype), reductionIdentity('min', dtype)];
  return round(dtype, `Math.min(Math.max(${x}, ${least}), ${greatest})`);
}

/** An expression, `parts` being the names of those that it is made of. */
function formula(e: neurite.Expr, parts: readonly string[]): string {
  if (e.kind === 'const') return Object.is(e.value, -0) ? '(-0)' : `(${e.value})`;
  if (e.kind === 'var') return `v${e.id}`;
  if (e.kind === 'scalar') return `s${e.slot}`;
  if (e.kind === 'acc') return round(e.dtype, `acc${e.acc}`);
  const [x, guard] = parts;
  if (e.kind === 'load') return guard ? `${guard} ? b${e.buffer}[${x}] : 0` : `b${e.buffer}[${x}]`;
  if (e.op === 'cast' || e.op === 'bitcast') return convert(e, x);
  return apply(e.op, e.args[0].dtype, e.dtype, parts);
}

const head = ({ variable: { id }, size }: neurite.Loop) =>
  `for (let v${id} = 0; v${id} < ${size}; v${id}++) `;
const around = (loops: readonly neurite.Loop[], body: string) => `${loops.map(head).join('')}{\n${body}\n}`;

function phaseSource({ loops, reductions, stores }: neurite.Phase): string {
  const lines = new Map<string, string>();
  const nameOf = (e: neurite.Expr): string => {
    if (e.kind !== 'op' && e.kind !== 'load') return formula(e, []);
    const name = `e${e.id}`;
    if (!lines.has(name)) lines.set(name, `const ${name} = ${formula(e, childrenOf(e).map(nameOf))};`);
    return name;
  };
  for (const { acc, op, dtype, value } of reductions) {
    const wide = DTYPES[dtype].float ? 'float64' : dtype;
    lines.set(`${acc}`, `acc${acc} = ${apply(COMBINING_OP[op], wide, wide, [`acc${acc}`, nameOf(value)])};`);
  }
  // All values of a point are known before its first store.
  const writes = stores.map(({ buffer, index, value, guard, mode }) => {
    const element = `b${buffer}[${nameOf(index)}]`;
    const stored = nameOf(value);
    const result = mode === 'set' ? stored : apply(mode, value.dtype, value.dtype, [element, stored]);
    return `${guard ? `if (${nameOf(guard)}) ` : ''}${element} = ${result};`;
  });
  const starts = reductions.map(({ acc, op, dtype }) => `let acc${acc} = ${reductionIdentity(op, dtype)};`);
  return [...starts, around(loops, [...lines.values(), ...writes].join('\n'))].join('\n');
}

type Compiled = neurite.Program & { run(command: neurite.Command): void };
function compile(kernel: neurite.Kernel): Compiled {
  const buffers = kernel.buffers.map(({ dtype, size }, i) => {
    const slice = `buffers[${i}].buffer.data, buffers[${i}].byteOffset`;
    return `const b${i} = new ${DTYPES[dtype].array.name}(${slice}, ${size});`;
  });
  const scalars = kernel.scalars.map((dtype, i) => `const s${i} = ${round(dtype, `scalars[${i}]`)};`);
  const nests = kernel.nests.map(({ outer, phases }) => around(outer, phases.map(phaseSource).join('\n')));
  const source = [...buffers, ...scalars, ...nests].join('\n');
  return { kernel, source, run: new Function('{ buffers, scalars }', source) as Compiled['run'] };
}

function createBackend(memoryBudget: number): neurite.Backend {
  return {
    name: 'mine',
    capabilities: {
      dtypes: Object.keys(ROUNDINGS) as neurite.DType[],
      scalarOps: new Set([...(Object.keys(SPELLINGS) as neurite.ScalarOp[]), 'cast', 'bitcast']),
      maxBuffers: 64,
      maxBufferBytes: memoryBudget,
      memoryBudget,
      arena: true,
      alignment: 8,
    },
    ...createMemory(memoryBudget),
    compile,
    submit: (commands) => commands.forEach((command) => (command.program as Compiled).run(command)),
    synchronize: async () => {},
    destroy() {},
  };
}

/** The backend, for `use(mine())`. */
export const mine = (memoryBudget = 2 ** 28): neurite.BackendFactory => ({
  name: 'mine',
  start: () => ({ backend: createBackend(memoryBudget), notes: ['plain JavaScript'] }),
});

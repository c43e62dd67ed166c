/**
 * A backend in one file, as anybody may write one: each kernel becomes a JavaScript function. It needs nothing but the
 * public names of `@neurite/tensor`, and spells only some scalar ops: what it lacks is lowered for it.
 */
import {
  type Backend,
  type BackendFactory,
  COMBINING_OP,
  type Command,
  type DeviceBuffer,
  DTYPES,
  type DType,
  type Expr,
  isFloat,
  type Kernel,
  type LoadExpr,
  type Loop,
  type Nest,
  type OpExpr,
  OutOfMemoryError,
  type Phase,
  type Program,
  reductionIdentity,
  type ScalarOp,
  type TypedArray,
} from '@neurite/tensor';

/** How ops read in JavaScript; results are rounded afterwards. */
const SPELLINGS: Partial<Record<ScalarOp, string>> = {
  neg: '-a',
  exp: 'Math.exp(a)',
  log: 'Math.log(a)',
  sin: 'Math.sin(a)',
  sqrt: 'Math.sqrt(a)',
  trunc: 'Math.trunc(a)',
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
const OF_INTEGERS: Partial<Record<ScalarOp, string>> = {
  mul: 'Math.imul(a, b)',
  div: 'b === 0 ? 0 : a / b',
};

function spelled(op: ScalarOp, dtype: DType, args: readonly string[]): string {
  const text = (isFloat(dtype) ? undefined : OF_INTEGERS[op]) ?? SPELLINGS[op]!;
  return text.replace(/\b[abc]\b/g, (name) => args['abc'.indexOf(name)]);
}

/** A number as a value of the dtype. */
const ROUNDINGS: Partial<Record<DType, (x: string) => string>> = {
  float32: (x) => `Math.fround(${x})`,
  float64: (x) => `(${x})`,
  int32: (x) => `((${x}) | 0)`,
  uint32: (x) => `((${x}) >>> 0)`,
  int8: (x) => `((${x}) << 24 >> 24)`,
  uint8: (x) => `((${x}) & 255)`,
  bool: (x) => `(${x})`,
};
const round = (dtype: DType, x: string): string => ROUNDINGS[dtype]!(x);

function cast(x: string, from: DType, to: DType): string {
  if (to === 'bool') return `+(${x} !== 0)`;
  if (!isFloat(from) || isFloat(to)) return round(to, x);
  const [least, greatest] = [reductionIdentity('max', to), reductionIdentity('min', to)];
  return `(${x} !== ${x} ? 0 : Math.min(Math.max(Math.trunc(${x}), ${least}), ${greatest}))`;
}

const bits = new DataView(new ArrayBuffer(8));
const VIEWS: Partial<Record<DType, string>> = { float32: 'Float32', int32: 'Int32', uint32: 'Uint32' };

function bitcast(x: string, from: DType, to: DType): string {
  if (!VIEWS[from] || !VIEWS[to]) return round(to, x);
  return `(bits.set${VIEWS[from]}(0, ${x}), bits.get${VIEWS[to]}(0))`;
}

function source({ buffers, scalars, nests }: Kernel): string {
  const bind = (_: unknown, i: number) => `const b${i} = buffers[${i}];`;
  const scalar = (dtype: DType, i: number) => `const s${i} = ${round(dtype, `scalars[${i}]`)};`;
  return [...buffers.map(bind), ...scalars.map(scalar), ...nests.map(nestSource)].join('\n');
}

const loopsSource = (loops: readonly Loop[], body: string): string =>
  loops.reduceRight((inner, { variable: { id }, size }) => {
    return `for (let v${id} = 0; v${id} < ${size}; v${id}++) {\n${inner}\n}`;
  }, body);

const nestSource = ({ outer, phases }: Nest): string =>
  `{\n${loopsSource(outer, phases.map(phaseSource).join('\n'))}\n}`;

function phaseSource({ loops, reductions, stores }: Phase): string {
  const lines: string[] = [];
  const names = new Map<Expr, string>();
  const spell = (e: Expr): string => {
    if (e.kind === 'const') return numeral(e.value);
    if (e.kind === 'var') return `v${e.id}`;
    if (e.kind === 'scalar') return `s${e.slot}`;
    // Sums run in float64 and are rounded where they are read.
    if (e.kind === 'acc') return round(e.dtype, `acc${e.acc}`);
    const known = names.get(e);
    if (known) return known;
    const value = e.kind === 'load' ? loaded(e) : operation(e);
    const name = `e${names.size}`;
    names.set(e, name);
    lines.push(`const ${name} = ${value};`);
    return name;
  };
  const loaded = ({ buffer, index, guard }: LoadExpr): string => {
    const element = `b${buffer}[${spell(index)}]`;
    return guard ? `${spell(guard)} ? ${element} : 0` : element;
  };
  const operation = (e: OpExpr): string => {
    const args = e.args.map(spell);
    const from = e.args[0].dtype;
    if (e.op === 'cast') return cast(args[0], from, e.dtype);
    if (e.op === 'bitcast') return bitcast(args[0], from, e.dtype);
    return round(e.dtype, spelled(e.op, e.op === 'where' ? e.dtype : from, args));
  };

  for (const r of reductions) {
    const value = spell(r.value);
    const wide = isFloat(r.dtype) ? 'float64' : r.dtype;
    lines.push(`acc${r.acc} = ${round(wide, spelled(COMBINING_OP[r.op], wide, [`acc${r.acc}`, value]))};`);
  }
  // All values of a point are known before its first store.
  const writes = stores.map(({ buffer, index, value, guard, mode }) => {
    const at = `b${buffer}[${spell(index)}]`;
    const stored = spell(value);
    const dtype = value.dtype;
    const combined = mode === 'set' ? stored : round(dtype, spelled(mode, dtype, [at, stored]));
    return `${guard ? `if (${spell(guard)}) ` : ''}${at} = ${combined};`;
  });
  const starts = reductions.map((r) => `let acc${r.acc} = ${numeral(reductionIdentity(r.op, r.dtype))};`);
  return [...starts, loopsSource(loops, `{\n${[...lines, ...writes].join('\n')}\n}`)].join('\n');
}

/** In parentheses, for `a - -1`. */
const numeral = (x: number): string => (Object.is(x, -0) ? '(-0)' : `(${x})`);

type Run = (buffers: readonly TypedArray[], scalars: readonly number[], view: DataView) => void;
type Held = DeviceBuffer & { data: ArrayBuffer | null };

function compile(kernel: Kernel): Program & { run: Run } {
  const code = source(kernel);
  return { kernel, source: code, run: new Function('buffers', 'scalars', 'bits', code) as Run };
}

function execute({ program, buffers, scalars }: Command): void {
  const views = program.kernel.buffers.map(({ dtype, size }, i) => {
    return new DTYPES[dtype].array((buffers[i].buffer as Held).data!, buffers[i].byteOffset, size);
  });
  (program as Program & { run: Run }).run(views, scalars, bits);
}

/** The backend, for `use(mine())`. */
export const mine = (): BackendFactory => ({ name: 'mine', start: () => ({ backend: start(), notes: [] }) });

function start(): Backend {
  const memoryBudget = 2 ** 28;
  let live = 0;
  return {
    name: 'mine',
    capabilities: {
      dtypes: Object.keys(ROUNDINGS) as DType[],
      scalarOps: new Set([...(Object.keys(SPELLINGS) as ScalarOp[]), 'cast', 'bitcast']),
      maxBuffers: 64,
      maxBufferBytes: memoryBudget,
      memoryBudget,
      arena: true,
      alignment: 8,
    },
    allocate(bytes) {
      if (live + bytes > memoryBudget)
        throw new OutOfMemoryError(`mine: ${bytes} bytes asked for, ${live} in use`);
      live += bytes;
      return { bytes, data: new ArrayBuffer(bytes) } as Held;
    },
    free(buffer) {
      live -= buffer.bytes;
      (buffer as Held).data = null;
    },
    write: (buffer, offset, bytes) => new Uint8Array((buffer as Held).data!).set(bytes, offset),
    read: async (buffer, offset, length) =>
      new Uint8Array((buffer as Held).data!.slice(offset, offset + length)),
    compile,
    submit: (commands) => commands.forEach(execute),
    synchronize: async () => {},
    destroy() {},
  };
}

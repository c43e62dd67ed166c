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
  type Loop,
  type Nest,
  OutOfMemoryError,
  type Phase,
  type Program,
  reductionIdentity,
  type ScalarOp,
  type TypedArray,
} from '@neurite/tensor';

type Spelling = (args: readonly string[], dtype: DType) => string;

const call =
  (name: string): Spelling =>
  (args) =>
    `Math.${name}(${args})`;
const infix =
  (symbol: string): Spelling =>
  ([a, b]) =>
    `${a} ${symbol} ${b}`;
const compare =
  (symbol: string): Spelling =>
  ([a, b]) =>
    `+(${a} ${symbol} ${b})`;
/** Integers divided by 0 are 0. */
const divide =
  (symbol: string): Spelling =>
  ([a, b], dtype) =>
    isFloat(dtype) ? `${a} ${symbol} ${b}` : `${b} === 0 ? 0 : ${a} ${symbol} ${b}`;

/** How ops read in JavaScript, given their arguments and the arguments' dtype; results are rounded afterwards. */
const SPELLINGS: Partial<Record<ScalarOp, Spelling>> = {
  neg: ([a]) => `-${a}`,
  abs: call('abs'),
  exp: call('exp'),
  log: call('log'),
  sin: call('sin'),
  cos: call('cos'),
  sqrt: call('sqrt'),
  floor: call('floor'),
  trunc: call('trunc'),
  not: ([a], dtype) => (dtype === 'bool' ? `1 - ${a}` : `~${a}`),
  add: infix('+'),
  sub: infix('-'),
  mul: (args, dtype) => (isFloat(dtype) ? args.join(' * ') : `Math.imul(${args})`),
  div: divide('/'),
  rem: divide('%'),
  max: call('max'),
  min: call('min'),
  eq: compare('==='),
  lt: compare('<'),
  le: compare('<='),
  and: infix('&'),
  or: infix('|'),
  xor: infix('^'),
  shl: infix('<<'),
  shr: (args, dtype) => args.join(dtype === 'uint32' ? ' >>> ' : ' >> '),
  where: ([c, a, b]) => `${c} ? ${a} : ${b}`,
};

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
    if (e.kind === 'const')
      return e.value < 0 || Object.is(e.value, -0) ? `(${numeral(e.value)})` : numeral(e.value);
    if (e.kind === 'var') return `v${e.id}`;
    if (e.kind === 'scalar') return `s${e.slot}`;
    // Sums run in float64 and are rounded where they are read.
    if (e.kind === 'acc') return round(e.dtype, `acc${e.acc}`);
    const name = names.get(e) ?? `e${names.size}`;
    if (names.has(e)) return name;
    const value =
      e.kind === 'load' ? loadSource(e.buffer, spell(e.index), e.guard && spell(e.guard)) : operation(e);
    const fresh = `e${names.size}`;
    names.set(e, fresh);
    lines.push(`const ${fresh} = ${value};`);
    return fresh;
  };
  const operation = (e: Extract<Expr, { kind: 'op' }>): string => {
    const args = e.args.map(spell);
    const from = e.args[0].dtype;
    if (e.op === 'cast') return cast(args[0], from, e.dtype);
    if (e.op === 'bitcast') return bitcast(args[0], from, e.dtype);
    return round(e.dtype, SPELLINGS[e.op]!(args, e.op === 'where' ? e.dtype : from));
  };

  for (const r of reductions) {
    const value = spell(r.value);
    const wide = isFloat(r.dtype) ? 'float64' : r.dtype;
    const combined = SPELLINGS[COMBINING_OP[r.op]]!([`acc${r.acc}`, value], wide);
    lines.push(`acc${r.acc} = ${round(wide, combined)};`);
  }
  // All values of a point are known before its first store.
  const writes = stores.map(({ buffer, index, value, guard, mode }) => {
    const at = `b${buffer}[${spell(index)}]`;
    const stored = spell(value);
    const combined =
      mode === 'set' ? stored : round(value.dtype, SPELLINGS[mode]!([at, stored], value.dtype));
    return `${guard ? `if (${spell(guard)}) ` : ''}${at} = ${combined};`;
  });
  const starts = reductions.map((r) => `let acc${r.acc} = ${numeral(reductionIdentity(r.op, r.dtype))};`);
  return [...starts, loopsSource(loops, `{\n${[...lines, ...writes].join('\n')}\n}`)].join('\n');
}

const numeral = (x: number): string => (Object.is(x, -0) ? '-0' : String(x));
const loadSource = (buffer: number, index: string, guard: string | null): string =>
  guard ? `${guard} ? b${buffer}[${index}] : 0` : `b${buffer}[${index}]`;

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

import { expect, test } from 'vitest';
import wabtFactory from 'wabt';
import { ModuleBuilder, type PlainOp } from '../src/wasm/encoder.js';
import { ModuleListing } from '../src/wasm/listing.js';
import { OPCODES } from '../src/wasm/opcodes.js';

const MEMORY = { module: 'env', name: 'memory', minPages: 1 };

test('a function that sums an array runs and its text assembles to the same bytes', async () => {
  const module = new ModuleListing(MEMORY);
  const f = module.func('sum', ['i32', 'i32'], ['f32']);
  const total = f.local('v128');
  const done = f.block();
  const next = f.loop();
  f.get(0);
  f.get(1);
  f.op('i32.ge_u');
  f.brIf(done);
  f.get(total);
  f.get(0);
  f.memory('v128.load', 0, 4);
  f.op('f32x4.add');
  f.set(total);
  f.get(0);
  f.i32(16);
  f.op('i32.add');
  f.set(0);
  f.br(next);
  f.end();
  f.end();
  for (let lane = 0; lane < 4; lane++) {
    f.get(total);
    f.lane('f32x4.extract_lane', lane);
    if (lane) f.op('f32.add');
  }
  module.exportFunction(f);
  const bytes = module.encode();
  const memory = new WebAssembly.Memory({ initial: 1 });
  new Float32Array(memory.buffer).set(Array.from({ length: 64 }, (_, i) => i));
  const { sum } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } }).exports;
  expect((sum as (begin: number, end: number) => number)(0, 256)).toBe(2016);
  const wabt = await wabtFactory();
  const assembled = wabt.parseWat('sum.wat', module.text(), { simd: true }).toBinary({}).buffer;
  expect([...assembled]).toEqual([...bytes]);
});

test('every opcode disassembles to its own name', async () => {
  const wabt = await wabtFactory();
  for (const [name] of OPCODES) {
    const module = new ModuleBuilder(MEMORY);
    const f = module.func('f', []);
    if (/(load|store)\d+_lane/.test(name)) f.laneMemory(name as 'v128.load8_lane', 0);
    else if (/\.(load|store)/.test(name)) f.memory(name as 'v128.load', 8);
    else if (/_lane/.test(name)) f.lane(name as 'f32x4.extract_lane', 1);
    else f.op(name as PlainOp);
    const read = wabt.readWasm(module.encode(), { readDebugNames: false, check: false, simd: true } as never);
    const text = read.toText({ foldExprs: false, inlineExport: false });
    expect(text.split(/[\s()]+/), name).toContain(name);
  }
});

test('constants, shuffles, memory.copy, if and nested labels validate and compute', () => {
  const module = new ModuleBuilder({ ...MEMORY, maxPages: 10 });
  const helper = module.helper('twice', ['i64'], ['i64'], (f) => {
    f.get(0);
    f.i64(-(2n ** 63n));
    f.op('i64.xor');
    f.i64(-1n);
    f.op('i64.mul');
  });
  const f = module.func('run', ['i32'], ['i32']);
  f.get(0);
  f.if_('i32');
  f.i64(0x1234567890n);
  f.call(helper);
  f.op('i32.wrap_i64');
  f.else_();
  f.i32x4(1, 2, 3, -2147483648);
  f.f32x4(1.5);
  f.shuffle([12, 13, 14, 15, 16, 17, 18, 19, 0, 1, 2, 3, 4, 5, 6, 7]);
  f.lane('i32x4.extract_lane', 0);
  f.end();
  f.i32(64);
  f.i32(0);
  f.i32(200);
  f.memoryCopy();
  f.i32(128);
  f.i32(7);
  f.i32(3);
  f.memoryFill();
  module.exportFunction(f);
  const bytes = module.encode();
  expect(WebAssembly.validate(bytes)).toBe(true);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 10 });
  const { run } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } }).exports;
  expect((run as (x: number) => number)(0)).toBe(-2147483648);
  expect((run as (x: number) => number)(1)).toBe(-0x34567890);
  expect([...new Uint8Array(memory.buffer, 127, 5)]).toEqual([0, 7, 7, 7, 0]);
});

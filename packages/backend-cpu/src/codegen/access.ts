/**
 * Loads and stores of vectors. Neighbouring elements go in one instruction, a shared element is splat, anything else goes
 * lane by lane. Where a guard differs by lane, a load of neighbours reads all lanes if any is wanted and clears the
 * others. Like what lies between and behind every second element, those are within 32 bytes of a valid element, which the
 * memory's margins keep inside the memory.
 */
import { DTYPES, type DType, type Expr, type LoadExpr, type Store } from '@neurite/tensor';
import type { LaneMemoryOp, MemoryOp } from '../wasm/encoder.js';
import { pushAddress } from './address.js';
import { type Context, isPaired, isShuffled, laneStride, varies } from './context.js';
import { pack, unpack, widenMask } from './convert.js';
import { combineLanes } from './operations.js';

const SPLAT: Record<number, MemoryOp> = {
  1: 'v128.load8_splat',
  2: 'v128.load16_splat',
  4: 'v128.load32_splat',
  8: 'v128.load64_splat',
};
/** Loads of neighbours, by their bytes together. */
const NEIGHBOURS: Record<number, MemoryOp> = {
  2: 'v128.load16_splat',
  4: 'v128.load32_zero',
  8: 'v128.load64_zero',
  16: 'v128.load',
};

const laneLoad = (bytes: number) => `v128.load${bytes * 8}_lane` as LaneMemoryOp;
const laneStore = (bytes: number) => `v128.store${bytes * 8}_lane` as LaneMemoryOp;

/** Bytes of a shuffle that reverses the first `lanes` 32-bit lanes. */
const reversed = (lanes: number) =>
  Array.from({ length: 16 }, (_, i) => (i < 4 * lanes ? 4 * (lanes - 1 - (i >> 2)) + (i & 3) : i));

/** Bytes of a shuffle that takes every second 32-bit lane of two vectors. */
const EVEN = [0, 8, 16, 24].flatMap((byte) => [byte, byte + 1, byte + 2, byte + 3]);

/** Bytes of a shuffle of a vector with itself that doubles its first elements: one machine instruction. */
const inPairs = (bytes: number) =>
  Array.from({ length: 16 }, (_, i) => {
    const element = Math.floor(i / bytes);
    return 16 * (element % 2) + bytes * (element >> 1) + (i % bytes);
  });

/** Pushes the lanes of a load. */
export function pushLoad(c: Context, e: LoadExpr, copy: number): void {
  const { f } = c;
  const { bytes } = DTYPES[e.dtype];
  const first = varies(c, e) ? copy * c.lanes : 0;
  const maskVaries = e.guard !== null && varies(c, e.guard) && c.lanes > 1;
  const stride = c.lanes > 1 && varies(c, e.index) ? laneStride(c, e.index) : 0;
  const exact = e.guard !== null;
  // Vectors of four start at even points: whole ones come first, then single points.
  const paired = stride === undefined && c.lanes === 4 && isPaired(e.index, c.lane!);
  const gathered =
    stride === undefined ? !paired : stride !== 0 && stride !== 1 && !isShuffled(stride, bytes, c.lanes);
  if (gathered) {
    pushGather(c, e, first, maskVaries);
    return;
  }

  const backward = stride === -1 ? c.lanes - 1 : 0;
  const op = stride === 0 ? SPLAT[bytes] : NEIGHBOURS[bytes * (paired ? 2 : c.lanes)];
  const added = pushAddress(c, e.buffer, e.index, first + backward, { exact });
  const address = e.guard || stride === 2 ? f.local('i32') : -1;
  const read = () => {
    f.memory(op, added, bytes);
    if (backward) {
      f.i32x4(0);
      f.shuffle(reversed(c.lanes));
    }
    if (paired) {
      const own = f.local('v128');
      f.tee(own);
      f.get(own);
      f.shuffle(inPairs(bytes));
    }
    if (stride === 2) {
      f.get(address);
      f.memory(op, added + 16, bytes);
      f.shuffle(EVEN);
    }
    unpack(c, e.dtype);
  };
  if (!e.guard) {
    if (stride === 2) f.tee(address);
    read();
    return;
  }
  f.set(address);
  let mask = 0;
  if (maskVaries) {
    mask = f.local('v128');
    c.pushVector(c, e.guard, copy);
    f.tee(mask);
    f.op('v128.any_true');
  } else c.pushScalar(c, e.guard, first);
  f.if_('v128');
  f.get(address);
  read();
  f.else_();
  f.i32x4(0);
  f.end();
  if (maskVaries) clearLanes(c, mask, e.dtype);
}

function clearLanes(c: Context, mask: number, dtype: DType): void {
  c.f.get(mask);
  if (dtype === 'float64') widenMask(c);
  c.f.op('v128.and');
}

/** One load per lane. */
function pushGather(c: Context, e: LoadExpr, first: number, maskVaries: boolean): void {
  const { f } = c;
  const { bytes } = DTYPES[e.dtype];
  const lanes = f.local('v128');
  const whole = e.guard && !maskVaries ? e.guard : null;
  const addresses = Array.from({ length: c.lanes }, (_, lane) => {
    const added = pushAddress(c, e.buffer, e.index, first + lane, { exact: e.guard !== null });
    const local = f.local('i32');
    f.set(local);
    return { local, added };
  });
  f.i32x4(0);
  f.set(lanes);
  if (whole) {
    c.pushScalar(c, whole, first);
    f.if_();
  }
  addresses.forEach(({ local, added }, lane) => {
    if (e.guard && maskVaries) {
      c.pushScalar(c, e.guard, first + lane);
      f.if_();
    }
    f.get(local);
    f.get(lanes);
    f.laneMemory(laneLoad(bytes), lane, added);
    f.set(lanes);
    if (maskVaries) f.end();
  });
  if (whole) f.end();
  f.get(lanes);
  unpack(c, e.dtype);
}

/**
 * Evaluates what a store writes, and where, for one copy of the vector. Returns the function that writes the store itself:
 * it may wait until other stores of the same point are evaluated.
 */
export function prepareStore(
  c: Context,
  store: Store,
  copy: number,
  pushUnrounded: Context['pushVector'],
): () => void {
  const { f } = c;
  const { guard } = store;
  const { dtype } = c.kernel.buffers[store.buffer];
  const first = copy * c.lanes;
  const value = f.local('v128');
  if (store.mode === 'set') {
    pushUnrounded(c, store.value, copy);
    pack(c, dtype);
  } else c.pushVector(c, store.value, copy);
  f.set(value);
  const maskVaries = guard !== null && c.lanes > 1 && varies(c, guard);
  const neighbours = c.lanes > 1 && varies(c, store.index) && laneStride(c, store.index) === 1;
  const together = c.lanes === 1 || (neighbours && !maskVaries);
  const places = Array.from({ length: together ? 1 : c.lanes }, (_, lane) => {
    const added = pushAddress(c, store.buffer, store.index, first + lane, { exact: guard !== null });
    const address = f.local('i32');
    f.set(address);
    return { address, added, guard: guard && maskVaries ? hold(c, guard, first + lane) : -1 };
  });
  const whole = guard && !maskVaries ? hold(c, guard, first) : -1;
  const guarded = (condition: number, write: () => void) => {
    if (condition >= 0) {
      f.get(condition);
      f.if_();
    }
    write();
    if (condition >= 0) f.end();
  };
  return () => {
    guarded(whole, () => {
      for (const [lane, place] of places.entries()) {
        guarded(place.guard, () => {
          if (together) writeLanes(c, store, place.address, place.added, value);
          else writeLane(c, store, place.address, place.added, value, lane);
        });
      }
    });
  };
}

function hold(c: Context, e: Expr, offset: number): number {
  const local = c.f.local('i32');
  c.pushScalar(c, e, offset);
  c.f.set(local);
  return local;
}

/** Stores all lanes to neighbouring elements. */
function writeLanes(c: Context, store: Store, address: number, added: number, value: number): void {
  const { f } = c;
  const { dtype } = c.kernel.buffers[store.buffer];
  const { bytes } = DTYPES[dtype];
  f.get(address);
  if (store.mode === 'set') f.get(value);
  else {
    f.get(address);
    f.memory(c.lanes === 1 ? SPLAT[bytes] : NEIGHBOURS[bytes * c.lanes], added, bytes);
    unpack(c, dtype);
    f.get(value);
    combineLanes(c, store.mode, dtype);
    pack(c, dtype);
  }
  if (bytes * c.lanes === 16) f.memory('v128.store', added, bytes);
  else f.laneMemory(laneStore(bytes * c.lanes), 0, added, bytes);
}

/** Stores one lane; lanes that meet at one element combine in their order. */
function writeLane(
  c: Context,
  store: Store,
  address: number,
  added: number,
  value: number,
  lane: number,
): void {
  const { f } = c;
  const { dtype } = c.kernel.buffers[store.buffer];
  const { bytes } = DTYPES[dtype];
  f.get(address);
  if (store.mode === 'set') {
    f.get(value);
    f.laneMemory(laneStore(bytes), lane, added);
    return;
  }
  const size = dtype === 'float64' ? 8 : 4;
  f.get(address);
  f.memory(SPLAT[bytes], added, bytes);
  unpack(c, dtype);
  f.get(value);
  if (lane) {
    f.get(value);
    f.shuffle(Array.from({ length: 16 }, (_, i) => lane * size + (i % size)));
  }
  combineLanes(c, store.mode, dtype);
  pack(c, dtype);
  f.laneMemory(laneStore(bytes), 0, added);
}

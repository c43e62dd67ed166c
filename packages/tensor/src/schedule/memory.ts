/** Where the intermediates of a plan live: from first and last use to places that never overlap in time and space. */

export interface Lifetime {
  readonly bytes: number;
  /** First and last step that uses it, inclusive. */
  readonly first: number;
  readonly last: number;
}

export interface Placement {
  /** Which of the plan's scratch buffers. */
  readonly slot: number;
  readonly byteOffset: number;
}

export interface MemoryPlan {
  readonly places: readonly Placement[];
  /** Size of each scratch buffer. */
  readonly slots: readonly number[];
}

const overlap = (a: Lifetime, b: Lifetime): boolean => a.first <= b.last && b.first <= a.last;

/** One arena with offsets: largest values first, each at the lowest offset that is free during its life. */
export function planArena(values: readonly Lifetime[], alignment: number): MemoryPlan {
  const align = (n: number) => Math.ceil(n / alignment) * alignment;
  const places: Placement[] = new Array(values.length);
  const placed: number[] = [];
  let total = 0;
  const bySize = values.map((_, i) => i).sort((x, y) => values[y].bytes - values[x].bytes || x - y);
  for (const i of bySize) {
    const rivals = placed
      .filter((p) => overlap(values[p], values[i]))
      .sort((x, y) => places[x].byteOffset - places[y].byteOffset);
    let offset = 0;
    for (const r of rivals) {
      if (offset + values[i].bytes <= places[r].byteOffset) break;
      offset = Math.max(offset, align(places[r].byteOffset + values[r].bytes));
    }
    places[i] = { slot: 0, byteOffset: offset };
    placed.push(i);
    total = Math.max(total, align(offset + values[i].bytes));
  }
  return { places, slots: total > 0 ? [total] : [] };
}

/** Separate buffers, each used again when its value is dead: for devices that cannot bind parts of one buffer at once. */
export function planSlots(values: readonly Lifetime[]): MemoryPlan {
  const places: Placement[] = new Array(values.length);
  const slots: number[] = [];
  const busyUntil: number[] = [];
  const byStart = values
    .map((_, i) => i)
    .sort((x, y) => values[x].first - values[y].first || values[y].bytes - values[x].bytes);
  for (const i of byStart) {
    let best = -1;
    for (let s = 0; s < slots.length; s++) {
      if (busyUntil[s] >= values[i].first) continue;
      const waste = Math.abs(slots[s] - values[i].bytes);
      if (best < 0 || waste < Math.abs(slots[best] - values[i].bytes)) best = s;
    }
    if (best < 0 || slots[best] > 4 * values[i].bytes) {
      best = slots.length;
      slots.push(0);
    }
    slots[best] = Math.max(slots[best], values[i].bytes);
    busyUntil[best] = values[i].last;
    places[i] = { slot: best, byteOffset: 0 };
  }
  return { places, slots };
}

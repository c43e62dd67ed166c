/** Measures a row: all peers' processes side by side, timed in turns, so that what disturbs the machine disturbs them alike. */
import { differences, sameBits } from './compare.js';
import { writeInputs } from './draw.js';
import type { Effort } from './effort.js';
import { readResults } from './files.js';
import type { StepCounts } from './gpu/counts.js';
import { type PeerSpec, resultPath } from './peers.js';
import { ROWS, type RowName } from './rows.js';
import type { Session } from './session.js';
import { summarize } from './statistics.js';

export interface Measurement {
  readonly row: string;
  readonly peer: string;
  /** Median milliseconds; null when the peer has none. */
  readonly ms: number | null;
  /** Distance of the quartiles divided by the median. */
  readonly spread: number | null;
  /** `ok`, the largest relative difference from the other peers, `alone` where there are none, or why there is no time. */
  readonly check: string | number;
  /** Time of the roof with as many threads, divided by `ms`; null where the row has none. */
  readonly share: number | null;
  /** For what has a size and no time. */
  readonly bytes?: number;
  /** On a GPU, what its steps ask for. */
  readonly counts?: StepCounts;
}

/** Few enough that training steps do not run away, many enough for the fastest row. */
const CALLS_PER_ROUND = 40;
/** More than there is time for. */
const WARM_UP_CALLS = 100_000;
/** A call that takes longer is measured alone and in fewer rounds. */
const SLOW_MS = 1000;
const SLOW_ROUNDS = 3;
/** Of a call that takes longer, the first one after the checked ones is all that is measured. */
const VERY_SLOW_MS = 5000;

const reasonOf = (e: unknown): string => (e instanceof Error ? e.message.split('\n')[0] : String(e));

/** What a peer has come to in a row. */
interface Contestant {
  readonly peer: PeerSpec;
  readonly times: number[];
  session?: Session;
  results?: Float32Array[];
  /** Why there is no time. */
  reason?: string;
}

/** Does something with each peer that is still in the race, one after the other. */
async function takeTurn(
  contestants: readonly Contestant[],
  act: (contestant: Contestant) => Promise<void>,
): Promise<void> {
  for (const contestant of contestants) {
    if (contestant.reason !== undefined) continue;
    try {
      await act(contestant);
    } catch (e) {
      contestant.reason = reasonOf(e);
      await contestant.session?.end();
    }
  }
}

async function measureWarm(contestants: readonly Contestant[], effort: Effort, open: Open): Promise<void> {
  await takeTurn(contestants, open);
  await takeTurn(contestants, async ({ session }) => {
    if (session!.firstMs <= SLOW_MS && effort.warmUpMs > 0)
      await session!.measure({ ms: effort.warmUpMs, calls: WARM_UP_CALLS });
  });
  for (let round = 0; round < effort.rounds; round++) {
    await takeTurn(contestants, async ({ session, times }) => {
      const { firstMs } = session!;
      if (firstMs > VERY_SLOW_MS) {
        if (times.length === 0) times.push(firstMs);
        return;
      }
      const slow = firstMs > SLOW_MS;
      if (slow && times.length >= SLOW_ROUNDS) return;
      times.push(...(await session!.measure({ ms: effort.roundMs, calls: slow ? 1 : CALLS_PER_ROUND })));
    });
  }
}

/** Each time a process of its own. The first ones find the disk's cache cold and are not counted. */
async function measureOnce(contestants: readonly Contestant[], effort: Effort, open: Open): Promise<void> {
  for (let turn = -1; turn < effort.processes; turn++) {
    await takeTurn(contestants, async (contestant) => {
      await open(contestant);
      if (turn >= 0) contestant.times.push(contestant.session!.firstMs);
      await contestant.session!.end();
    });
  }
}

type Open = (contestant: Contestant) => Promise<void>;

/** `ok`, `alone`, or what does not agree. Ours must have the same bits with any number of threads. */
function checksOf(row: RowName, contestants: readonly Contestant[]): Map<PeerSpec, string | number> {
  const finished = contestants.filter(({ peer, reason }) => peer.kind !== 'roof' && reason === undefined);
  const off = differences(new Map(finished.map(({ peer, results }) => [peer.name, results!])));
  const first = finished.find(({ peer }) => peer.kind === 'ours');
  return new Map(
    finished.map(({ peer, results }): [PeerSpec, string | number] => {
      const difference = off.get(peer.name)!;
      if (difference > ROWS[row].tolerance) return [peer, difference];
      const differs = first && peer.kind === 'ours' && !sameBits(results!, first.results!);
      if (differs) return [peer, `not the bits of ${first.peer.name}`];
      return [peer, finished.length === 1 ? 'alone' : 'ok'];
    }),
  );
}

/** Measures one row with all peers and roofs; those that cannot run it say why in `check`. */
export async function measureRow(
  row: RowName,
  peers: readonly PeerSpec[],
  directory: string,
  effort: Effort,
): Promise<Measurement[]> {
  writeInputs(directory, row);
  const contestants = peers
    .filter((peer) => peer.kind !== 'roof' || ROWS[row].work)
    .map((peer): Contestant => ({ peer, times: [], reason: peer.unavailable() ?? undefined }));
  const open: Open = async (contestant) => {
    const resultFile = resultPath(directory, row, contestant.peer.name);
    contestant.session = await contestant.peer.open({ row, directory, resultFile });
    contestant.results = readResults(resultFile, contestant.session.lengths);
  };
  try {
    const measure = ROWS[row].timing === 'warm' ? measureWarm : measureOnce;
    await measure(contestants, effort, open);
  } finally {
    for (const { session } of contestants) await session?.end();
  }
  return summarizeRow(row, contestants);
}

/** The median; of a roof the lower quartile, for its two threads lose much when one of them is held up, and it says what can be reached. */
function timeOf({ peer, times, reason }: Contestant): number | null {
  if (reason !== undefined) return null;
  const { lowerQuartile, median } = summarize(times);
  return peer.kind === 'roof' ? lowerQuartile : median;
}

function summarizeRow(row: RowName, contestants: readonly Contestant[]): Measurement[] {
  const checks = checksOf(row, contestants);
  const roofOf = (threads: number): number | null => {
    const roof = contestants.find(({ peer }) => peer.kind === 'roof' && peer.threads === threads);
    return roof ? timeOf(roof) : null;
  };
  return contestants.map((contestant) => {
    const { peer, times, reason } = contestant;
    const ms = timeOf(contestant);
    if (ms === null) return { row, peer: peer.name, ms, spread: null, check: reason!, share: null };
    const roof = roofOf(peer.threads);
    const share = roof === null ? null : roof / ms;
    const { spread } = summarize(times);
    const { counts } = contestant.session!;
    return { row, peer: peer.name, ms, spread, check: checks.get(peer) ?? 'roof', share, counts };
  });
}

/** Measures a row: all peers' processes side by side, timed in turns, so that what disturbs the machine disturbs them alike. */
import { readFileSync } from 'node:fs';
import { differences } from './compare.js';
import { writeInputs } from './draw.js';
import { type PeerSpec, resultPath } from './peers.js';
import { ROWS, type RowName } from './rows.js';
import { openSession, type Session } from './session.js';
import { summarize } from './statistics.js';

export interface Measurement {
  readonly row: RowName;
  readonly peer: string;
  /** Median milliseconds; null when the peer has none. */
  readonly ms: number | null;
  /** Distance of the quartiles divided by the median. */
  readonly spread: number | null;
  /** `ok`, the largest relative difference from the other peers, `alone` where there are none, or why there is no time. */
  readonly check: string | number;
}

const ROUNDS = 9;
/** Measured in each round, at least one call. */
const ROUND_MS = 80;
/** Few enough that training steps do not run away, many enough for the fastest row. */
const CALLS_PER_ROUND = 40;
/** A call that takes longer is measured alone and in fewer rounds. */
const SLOW_MS = 1000;
const SLOW_ROUNDS = 3;
/** Rounds that warm up: engines compile hot code again after it has run for a while. */
const WARM_UP_ROUNDS = 2;

const reasonOf = (e: unknown): string => (e instanceof Error ? e.message.split('\n')[0] : String(e));

interface Contestant {
  readonly session: Session;
  readonly times: number[];
}

/** Times all sessions in turns; one that fails is left out from then on and its reason goes to `failed`. */
async function takeTurns(
  contestants: Map<string, Contestant>,
  failed: (peer: string, reason: string) => void,
) {
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    for (const [peer, { session, times }] of contestants) {
      const slow = session.firstMs > SLOW_MS;
      if (slow && (round < 0 || times.length >= SLOW_ROUNDS)) continue;
      try {
        const measured = await session.measure({ ms: ROUND_MS, calls: slow ? 1 : CALLS_PER_ROUND });
        if (round >= 0) times.push(...measured);
      } catch (e) {
        failed(peer, reasonOf(e));
        session.end();
        contestants.delete(peer);
      }
    }
  }
}

function readResult(path: string): Float32Array {
  const bytes = new Uint8Array(readFileSync(path));
  return new Float32Array(bytes.buffer, 0, bytes.length / 4);
}

/** Measures one row with all peers; those that cannot run it say why in `check`. */
export async function measureRow(
  row: RowName,
  peers: readonly PeerSpec[],
  directory: string,
): Promise<Measurement[]> {
  writeInputs(directory, row);
  const reasons = new Map<string, string>();
  const contestants = new Map<string, Contestant>();
  try {
    for (const peer of peers) {
      const unavailable = peer.unavailable();
      if (unavailable) {
        reasons.set(peer.name, unavailable);
        continue;
      }
      try {
        const work = { row, directory, resultFile: resultPath(directory, row, peer.name) };
        contestants.set(peer.name, { session: await openSession(peer, work), times: [] });
      } catch (e) {
        reasons.set(peer.name, reasonOf(e));
      }
    }
    await takeTurns(contestants, (peer, reason) => reasons.set(peer, reason));
  } finally {
    for (const { session } of contestants.values()) session.end();
  }
  const off = differences(
    new Map([...contestants.keys()].map((peer) => [peer, readResult(resultPath(directory, row, peer))])),
  );
  const checkOf = (peer: string): string | number => {
    if (off.size === 1) return 'alone';
    const difference = off.get(peer)!;
    return difference <= ROWS[row].tolerance ? 'ok' : difference;
  };
  return peers.map(({ name: peer }) => {
    const times = contestants.get(peer)?.times;
    if (!times) return { row, peer, ms: null, spread: null, check: reasons.get(peer)! };
    const { median, spread } = summarize(times);
    return { row, peer, ms: median, spread, check: checkOf(peer) };
  });
}

/** The bench's end of a peer's process: asks, waits with a limit, and ends it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Answer, MeasureRequest } from './case.js';
import type { PeerSpec, Work } from './peers.js';

/** A peer that hangs is ended after this long without an answer; the slowest known one needs a sixth of it. */
const ANSWER_LIMIT_MS = 300_000;

export interface Session {
  /** Milliseconds of the first call. */
  readonly firstMs: number;
  /** Times of calls. Throws when the peer fails. */
  measure(request: MeasureRequest): Promise<readonly number[]>;
  end(): void;
}

/** The next answer, or an error that says what became of the process. */
function nextAnswer(
  child: ChildProcess,
  lines: AsyncIterator<string>,
  complaint: () => string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`ended after ${ANSWER_LIMIT_MS / 1000} s without an answer`));
    }, ANSWER_LIMIT_MS);
    lines.next().then(({ value, done }) => {
      clearTimeout(timer);
      if (!done) return resolve(JSON.parse(value) as Answer);
      const how = child.signalCode ? `killed by ${child.signalCode}` : `exit code ${child.exitCode}`;
      reject(new Error(complaint() || how));
    }, reject);
  });
}

/** Starts a peer on a row and waits until it has its results checked in and one call timed. */
export async function openSession(peer: PeerSpec, work: Work): Promise<Session> {
  const { file, args, env } = peer.command(work);
  const child = spawn(file, args, {
    stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let stderr = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-10_000);
  });
  // A write to a process that has just died is answered by its end.
  child.stdin!.on('error', () => {});
  const failed = new Promise<never>((_, reject) => child.once('error', reject));
  failed.catch(() => {});
  const lines = createInterface({ input: child.stdio[3] as Readable })[Symbol.asyncIterator]();
  const complaint = () =>
    stderr
      .trim()
      .split('\n')
      .findLast((line) => /^\S*Error\b/.test(line)) ?? '';
  const answer = async (): Promise<Answer> => {
    const got = await Promise.race([nextAnswer(child, lines, complaint), failed]);
    if ('error' in got) throw new Error(got.error);
    return got;
  };
  const end = (): void => {
    child.stdin!.end();
    child.kill();
  };
  try {
    const first = await answer();
    if (!('ready' in first)) throw new Error('answered before it was asked');
    return {
      firstMs: first.ready.firstMs,
      async measure(request) {
        child.stdin!.write(`${JSON.stringify(request)}\n`);
        const got = await answer();
        if (!('times' in got)) throw new Error('answered something else');
        return got.times;
      },
      end,
    };
  } catch (e) {
    end();
    throw e;
  }
}

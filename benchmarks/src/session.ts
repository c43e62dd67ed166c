/** The bench's end of a peer's process: asks, waits with a limit, and ends it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Answer, MeasureRequest, Ready } from './case.js';

/** A peer that hangs is ended after this long without an answer; the slowest known one needs a third of it. */
const ANSWER_LIMIT_MS = 600_000;

/** How a process is started. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface Session extends Ready {
  /** Times of calls. Throws when the peer fails. */
  measure(request: MeasureRequest): Promise<readonly number[]>;
  end(): void | Promise<void>;
}

/** The next answer, or an error: the peer's own, or what became of its process. */
async function nextAnswer(
  child: ChildProcess,
  lines: AsyncIterator<string>,
  ended: Promise<string>,
): Promise<Answer> {
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, ANSWER_LIMIT_MS);
  try {
    const { value, done } = await lines.next();
    if (done) throw new Error(late ? `no answer in ${ANSWER_LIMIT_MS / 1000} s` : await ended);
    const answer = JSON.parse(value) as Answer;
    if ('error' in answer) throw new Error(answer.error);
    return answer;
  } finally {
    clearTimeout(timer);
  }
}

/** Starts a peer's process on a row, and waits until its results are written and one call is timed. */
export async function openProcess({ file, args, env }: Command): Promise<Session> {
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
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => {
      const complaint = stderr.split('\n').findLast((line) => /^\S*Error\b/.test(line));
      resolve(complaint ?? (signal ? `ended by ${signal}` : `exit code ${code}`));
    });
  });
  const lines = createInterface({ input: child.stdio[3] as Readable })[Symbol.asyncIterator]();
  const answer = () => nextAnswer(child, lines, ended);
  const end = (): void => {
    child.stdin!.end();
    child.kill();
  };
  try {
    const first = await answer();
    if (!('ready' in first)) throw new Error('answered before it was asked');
    return {
      ...first.ready,
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

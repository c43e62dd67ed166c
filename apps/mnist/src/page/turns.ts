/** Jobs that need the network while it is trained: they get their turn between two steps. */

export interface Turns {
  /** Runs a job: now, or when the work that goes on lets others have their turn. Settles as the job does. */
  ask<T>(job: () => Promise<T>): Promise<T>;
  /** Runs a longer piece of work, one at a time, which calls `between` where others may have their turn. */
  hold(work: () => Promise<void>): Promise<void>;
  /** Lets all who wait have their turn, and the worker hear what was said to it. */
  between(): Promise<void>;
}

/** Milliseconds of work after which a worker looks for messages. */
const HEARING = 10;

export function createTurns(): Turns {
  const waiting: (() => Promise<void>)[] = [];
  let held = false;
  let last: Promise<unknown> = Promise.resolve();
  let heard = performance.now();

  async function serve(): Promise<void> {
    for (let job = waiting.shift(); job; job = waiting.shift()) await job();
  }
  function hold(work: () => Promise<void>): Promise<void> {
    const whole = last.then(async () => {
      held = true;
      try {
        await work();
      } finally {
        await serve();
        held = false;
      }
    });
    last = whole.catch(() => {});
    return whole;
  }
  return {
    hold,
    ask<T>(job: () => Promise<T>) {
      const answer = new Promise<T>((resolve, reject) => {
        waiting.push(() => job().then(resolve, reject));
      });
      if (!held) hold(serve);
      return answer;
    },
    async between() {
      // Steps on the CPU await nothing but microtasks, and messages are tasks.
      if (performance.now() - heard > HEARING) {
        await nextTask();
        heard = performance.now();
      }
      await serve();
    },
  };
}

/** A turn of the event loop. Unlike a timeout it does not wait for 4 ms. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

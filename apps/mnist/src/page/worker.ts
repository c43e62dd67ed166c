/** The worker of the page: a session that hears the page's requests, one after the other. */
import type { Event, Request } from './protocol.js';
import { Session } from './session.js';

const scope = globalThis as unknown as Worker;
const tell = (event: Event): void => scope.postMessage(event);
const session = new Session(tell);

function handle(request: Request): Promise<void> {
  switch (request.type) {
    case 'open':
      return session.open();
    case 'start':
      return session.start(request.settings, request.testLimit);
    case 'continue':
      return session.continue();
    case 'pause':
      return session.pause();
    case 'test':
      return session.test();
    case 'device':
      return session.moveTo(request.device);
    case 'load':
      return session.load(request.name, request.bytes, request.testLimit);
    case 'save':
      return session.save();
    case 'keep':
      return session.keep();
    case 'classify':
      return session.classify(request.image);
    case 'sample':
      return session.sample();
  }
}

let last: Promise<void> = Promise.resolve();
scope.onmessage = ({ data }: MessageEvent<Request>) => {
  last = last
    .then(() => handle(data))
    .catch((error: unknown) => {
      tell({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
    });
};

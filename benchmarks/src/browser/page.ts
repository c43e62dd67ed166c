/** A peer in a page: prepares one row, then times it as often as it is told to. */
import type { Case, MeasureRequest, PeerRows, Ready } from '../case.js';
import { watchGpu } from '../gpu/watch.js';
import { type IndexEntry, type Inputs, inputsFrom } from '../inputs.js';
import { measure, prepare } from '../prepare.js';
import type { RowName } from '../rows.js';

/** Where the page finds the rows' inputs. */
export const INPUTS = '/inputs';

export interface ReadyPage extends Ready {
  /** The results' bytes, one array after the other, in base64. */
  readonly results: string;
}

/** The functions that an entry exports. */
export interface PeerPage {
  start(row: RowName, threads: number): Promise<ReadyPage>;
  measureAgain(request: MeasureRequest): Promise<number[]>;
}

async function fetchInputs(row: RowName): Promise<Inputs> {
  const [index, numbers] = await Promise.all(
    ['json', 'bin'].map(async (kind) => {
      const response = await fetch(`${INPUTS}/${row}.${kind}`);
      if (!response.ok) throw new Error(`${response.url}: ${response.status}`);
      return response.arrayBuffer();
    }),
  );
  return inputsFrom(JSON.parse(new TextDecoder().decode(index)) as IndexEntry[], numbers);
}

/** Few enough arguments for one call. */
const CHUNK = 0x8000;

function base64(arrays: readonly Float32Array[]): string {
  const pieces: string[] = [];
  for (const array of arrays) {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    for (let at = 0; at < bytes.length; at += CHUNK)
      pieces.push(String.fromCharCode(...bytes.subarray(at, at + CHUNK)));
  }
  return btoa(pieces.join(''));
}

/** `gpu`: whether what it asks of the GPU is counted. */
export function peerPage(open: (threads: number) => Promise<PeerRows>, { gpu = false } = {}): PeerPage {
  const watch = gpu ? watchGpu(globalThis) : undefined;
  let ready: Case;
  return {
    async start(row, threads) {
      const inputs = await fetchInputs(row);
      const { measured, firstMs, results, counts } = await prepare(
        () => open(threads),
        row,
        () => inputs,
        watch,
      );
      ready = measured;
      return { firstMs, lengths: results.map((r) => r.length), counts, results: base64(results) };
    },
    measureAgain: (request) => measure(ready, request),
  };
}

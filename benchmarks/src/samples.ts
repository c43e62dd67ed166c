/** A few numbers of each result: enough to tell whether a row is computed right, little enough to be kept in a file. */
import { writeInputs } from './draw.js';
import { readResults } from './files.js';
import { type PeerSpec, resultPath } from './peers.js';
import type { RowName } from './rows.js';

/** Of one array: how many numbers it has, and some of them. */
export interface Sample {
  readonly length: number;
  readonly numbers: readonly number[];
}

const COUNT = 12;

/** All of a short array; of a long one numbers from all over it. */
export function sampleOf(array: Float32Array): Sample {
  const { length } = array;
  const count = Math.min(COUNT, length);
  const numbers = Array.from({ length: count }, (_, i) => array[Math.floor(((i + 0.5) * length) / count)]);
  return { length, numbers: numbers.map((x) => Number(x.toPrecision(8))) };
}

/** Samples of a peer's results in a row, whose inputs are drawn into `directory`. */
export async function sampleRow(peer: PeerSpec, row: RowName, directory: string): Promise<Sample[]> {
  writeInputs(directory, row);
  const resultFile = resultPath(directory, row, peer.name);
  const session = await peer.open({ row, directory, resultFile });
  await session.end();
  return readResults(resultFile, session.lengths).map(sampleOf);
}

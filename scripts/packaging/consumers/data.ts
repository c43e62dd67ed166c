import { DataLoader, parseCsv, TensorDataset } from '@neurite/data';
import { arange, Generator, use } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';

await use(reference(), { log: false });

const generator = new Generator(7);
const loader = new DataLoader(new TensorDataset(arange(10)), { batchSize: 4, shuffle: true, generator });
const seen: number[] = [];
const sizes: number[] = [];
for await (const [batch] of loader) {
  const values = await batch.data();
  sizes.push(values.length);
  seen.push(...Array.from(values, Number));
}
if (sizes.join() !== '4,4,2') throw new Error(`batches of ${sizes}`);
if (seen.sort((a, b) => a - b).join() !== '0,1,2,3,4,5,6,7,8,9') throw new Error(`the epoch held ${seen}`);

const table = parseCsv('a,b\n1,2\n3,4\n');
if (table.rows !== 2) throw new Error(`the table has ${table.rows} rows`);

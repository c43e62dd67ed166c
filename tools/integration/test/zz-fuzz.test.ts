import '@neurite/autograd';
import { cpu } from '@neurite/backend-cpu';
import { reference } from '@neurite/tensor/reference';
import { createGraphChecker } from '@neurite/tensor/testkit';
import { it } from 'vitest';
import { writeFileSync } from 'node:fs';
it('x', async () => {
  const c = await createGraphChecker({
      'reference, fused': [reference()],
      'reference of 8 buffers, no arena': [reference({ maxBuffers: 8, arena: false })],
      'reference of 4 buffers': [reference({ maxBuffers: 4 })],
      'cpu, fused': [cpu()],
      'cpu, unfused': [cpu(), { fusion: false }],
  });
  const fails: string[] = [];
  let s = Number(process.env.S ?? 1);
  const t0 = Date.now();
  let n = 0;
  for (; n < Number(process.env.N ?? 1000); n++) {
    let a = (s * 1000003 + n) | 0;
    const rnd = () => { a = (a + 0x6d2b79f5) | 0; let t = Math.imul(a ^ (a >>> 15), 1 | a); t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t; return ((t ^ (t >>> 14)) >>> 0) / 4294967296; };
    let m = '';
    try { m = await c.check((k) => Math.floor(rnd() * k)); } catch (e) { m = (e as Error).message + '\n' + ((e as Error).cause as Error)?.stack?.split('\n').slice(0, 5).join('\n'); }
    if (m) fails.push(`#${n} ` + m);
  }
  fails.sort((x, y) => x.split('\n').length - y.split('\n').length);
  writeFileSync(`/tmp/fuzz-${s}.txt`, `${n} graphs, ${fails.length} failures, ${Date.now() - t0} ms\n\n` + fails.join('\n\n'));
});

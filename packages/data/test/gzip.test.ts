import { gzipSync } from 'node:zlib';
import { FormatError } from '@neurite/tensor';
import { expect, test } from 'vitest';
import { contentChunks, gunzip } from '../src/formats/gzip.js';

test('gunzip passes plain bytes and unpacks packed ones, several members included', async () => {
  const plain = new TextEncoder().encode('plain');
  expect(await gunzip({ bytes: plain, name: 'x' })).toBe(plain);
  const twice = Buffer.concat([gzipSync('one '), gzipSync('two')]);
  expect(new TextDecoder().decode(await gunzip({ bytes: twice, name: 'x' }))).toBe('one two');
});

test('gunzip stops at its limit instead of filling memory', async () => {
  const bomb = gzipSync(new Uint8Array(20_000_000));
  const unpacking = gunzip({ bytes: bomb, name: 'bomb.gz' }, { maxBytes: 1_000_000 });
  await expect(unpacking).rejects.toThrow(FormatError);
  await expect(unpacking).rejects.toThrow(
    /^bomb\.gz: gzip stream of \d+ bytes decompresses to more than 1000000 bytes$/,
  );
});

test('a consumer may stop in the middle', async () => {
  const bytes = gzipSync(new Uint8Array(5_000_000));
  let seen = 0;
  for await (const chunk of contentChunks({ bytes, name: 'x' })) {
    seen += chunk.length;
    break;
  }
  expect(seen).toBeGreaterThan(0);
  expect(seen).toBeLessThan(5_000_000);
});

import { Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createProgress } from '../src/progress.js';
import { duration } from '../src/speed.js';

function recorder(isTTY: boolean, columns = 200): { stream: NodeJS.WriteStream; text(): string } {
  let written = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      written += chunk;
      done();
    },
  });
  const terminal = { isTTY, columns, rows: 40, cursorTo() {}, clearLine() {}, moveCursor() {} };
  // Colours depend on the environment (CI has them).
  const text = () => stripVTControlCharacters(written);
  return { stream: Object.assign(stream, terminal) as unknown as NodeJS.WriteStream, text };
}

describe('progress', () => {
  const options = { totalSteps: 200, stepsPerEpoch: 100, batchSize: 64, firstStep: 0 };

  it('is a line every five percent where there is no terminal', () => {
    const { stream, text } = recorder(false);
    const progress = createProgress({ ...options, stream });
    for (let step = 1; step <= 200; step++) progress.update({ step, loss: 2 / step, accuracy: step / 200 });
    progress.stop();
    const lines = text().trimEnd().split('\n');
    expect(lines).toHaveLength(20);
    expect(lines[0]).toMatch(
      /^ {2}5% {2}epoch 1\/2 {2}loss 0\.2000 {2}accuracy {3}5\.0% {2}\d+ images\/s {2}\d+:\d\d left$/,
    );
    expect(lines[19]).toMatch(/^100% {2}epoch 2\/2 {2}loss 0\.0100 {2}accuracy 100\.0% .* 0:00 left$/);
  });

  it('goes on where a resumed run was', () => {
    const { stream, text } = recorder(false);
    const progress = createProgress({ ...options, firstStep: 190, stream });
    for (let step = 191; step <= 200; step++) progress.update({ step, loss: 1, accuracy: 0 });
    expect(text().match(/^ *\d+%/gm)).toEqual(['100%']);
  });

  it('is a bar on a terminal', () => {
    const { stream, text } = recorder(true);
    const progress = createProgress({ ...options, stream });
    progress.update({ step: 1, loss: 2, accuracy: 0.1 });
    progress.update({ step: 100, loss: 0.5, accuracy: 0.9 });
    progress.stop();
    expect(text()).toContain('█'.repeat(12) + '░'.repeat(12));
    expect(text()).toMatch(/50% {2}epoch 1\/2 {2}loss 0\.5000 {2}accuracy {2}90\.0% {2}\d+ images\/s/);
  });

  it('shrinks the bar where the terminal is narrow', () => {
    const { stream, text } = recorder(true, 80);
    const progress = createProgress({ ...options, stream });
    for (let step = 1; step <= 200; step++) progress.update({ step, loss: 0.1234, accuracy: 1 });
    progress.stop();
    expect(text()).toMatch(/[^█]█{4} 100% {2}epoch 2\/2 {2}loss 0\.1234 {2}accuracy 100\.0%/);
  });

  it.each([
    [0, '0:00'],
    [59.6, '1:00'],
    [75, '1:15'],
    [3675, '1:01:15'],
    [36_000, '10:00:00'],
  ])('writes %d seconds as %s', (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });
});

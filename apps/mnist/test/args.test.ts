import { describe, expect, it } from 'vitest';
import { parseArguments, USAGE, UsageError } from '../src/args.js';
import { settingsOf } from '../src/settings.js';

describe('the command line', () => {
  it('trains the conv net on everything by default', () => {
    const { given, save, resume, help, saveEvery } = parseArguments([]);
    expect(given).toEqual({});
    expect({ save, resume, help, saveEvery }).toEqual({
      save: undefined,
      resume: undefined,
      help: false,
      saveEvery: 100,
    });
    expect(settingsOf(given)).toMatchObject({ model: 'cnn', device: 'cpu', seed: 0, limit: 60_000 });
  });

  it('reads every option', () => {
    const line =
      '--model mlp --epochs 5 --batch-size 32 --lr 1e-2 --device reference --seed 7 --limit 100 --test-limit 10 --save a.ckpt --save-every 3 --resume b.ckpt';
    expect(parseArguments(line.split(' '))).toEqual({
      given: { model: 'mlp', epochs: 5, batchSize: 32, lr: 0.01, device: 'reference', seed: 7, limit: 100 },
      testLimit: 10,
      save: 'a.ckpt',
      saveEvery: 3,
      resume: 'b.ckpt',
      browser: undefined,
      help: false,
    });
  });

  it('asks for the page, at a port', () => {
    expect(parseArguments([]).browser).toBeUndefined();
    expect(parseArguments(['--browser']).browser).toBe(8028);
    expect(parseArguments(['--browser', '--port', '9000']).browser).toBe(9000);
  });

  it('keeps the defaults of the chosen model where nothing else is said', () => {
    const mlp = settingsOf({ model: 'mlp' });
    expect(settingsOf({ model: 'mlp', lr: 1 })).toEqual({ ...mlp, lr: 1 });
    expect(mlp.epochs).toBeGreaterThan(settingsOf({}).epochs);
  });

  it('names every option in the usage', () => {
    for (const option of [
      'model',
      'epochs',
      'batch-size',
      'lr',
      'device',
      'seed',
      'limit',
      'test-limit',
      'save',
      'resume',
      'browser',
      'port',
      'help',
    ]) {
      expect(USAGE).toContain(`--${option} `);
    }
  });

  it.each([
    ['--port 9000', '--port goes with --browser'],
    ['--browser --port 65536', "--port is '65536', expected an integer from 1 to 65535"],
    ['--browser --model mlp', '--model does not go with --browser: set it in the page'],
    ['--model resnet', "--model is 'resnet', expected cnn or mlp"],
    ['--device gpu', "--device is 'gpu', expected cpu or webgpu or reference"],
    ['--epochs 0', "--epochs is '0', expected an integer from 1 to 10000"],
    ['--epochs 1.5', "--epochs is '1.5', expected an integer from 1 to 10000"],
    ['--batch-size many', "--batch-size is 'many', expected an integer from 1 to 60000"],
    ['--limit 60001', "--limit is '60001', expected an integer from 1 to 60000"],
    ['--test-limit 0', "--test-limit is '0', expected an integer from 1 to 10000"],
    ['--seed=-1', "--seed is '-1', expected an integer from 0 to 9007199254740991"],
    ['--lr 0', "--lr is '0', expected a number above 0"],
    ['--lr=', "--lr is '', expected a number above 0"],
    ['--lr NaN', "--lr is 'NaN', expected a number above 0"],
    ['--save=', "--save is '', expected a file name"],
    ['--learning-rate 1', "Unknown option '--learning-rate'"],
    ['extra', "Unexpected argument 'extra'"],
    ['--epochs', "Option '--epochs <value>' argument missing"],
  ])('refuses %s in one line', (line, message) => {
    expect(() => parseArguments(line.split(' '))).toThrow(UsageError);
    expect(() => parseArguments(line.split(' '))).toThrow(
      new RegExp(`^${message.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`),
    );
  });
});

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkLayers } from '../check-layers.mjs';

let base;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'neurite-layers-'));
  write('package.json', { devDependencies: { vitest: '4.0.0' } });
  write('packages/tensor/package.json', {
    name: '@neurite/tensor',
    exports: { '.': './dist/index.js', './testkit': './dist/testkit/index.js' },
  });
  write('packages/tensor/src/index.ts', `export { shape } from './shape.js';\n`);
  write('packages/tensor/src/shape.ts', 'export const shape = [1];\n');
  write('packages/nn/package.json', {
    name: '@neurite/nn',
    exports: { '.': './dist/index.js' },
    peerDependencies: { '@neurite/tensor': 'workspace:^' },
    devDependencies: {
      '@neurite/tensor': 'workspace:^',
      '@neurite/optim': 'workspace:^',
      papaparse: '5.7.1',
    },
  });
  write('packages/nn/src/index.ts', `export { shape } from '@neurite/tensor';\nimport 'node:fs';\n`);
  write('packages/optim/package.json', {
    name: '@neurite/optim',
    exports: { '.': './dist/index.js' },
    peerDependencies: { '@neurite/tensor': 'workspace:^' },
  });
  write('apps/demo/package.json', {
    name: '@neurite/demo',
    private: true,
    dependencies: { '@neurite/nn': 'workspace:^', '@neurite/tensor': 'workspace:^' },
  });
  write('apps/demo/src/main.ts', `import '@neurite/nn';\nimport '@neurite/tensor/testkit';\n`);
});

afterEach(() => rmSync(base, { recursive: true }));

function write(path, content) {
  const file = join(base, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
}

describe('checkLayers', () => {
  it('accepts a workspace that keeps the rules', () => {
    expect(checkLayers(base)).toEqual([]);
  });

  it('rejects an import that points up a layer, even of types', () => {
    write(
      'packages/tensor/src/shape.ts',
      `import type { Module } from '@neurite/nn';\nexport const shape = [1];\n`,
    );
    expect(checkLayers(base)).toEqual([
      "packages/tensor/src/shape.ts:1: '@neurite/nn' points up a layer: @neurite/tensor may import no other package",
    ]);
  });

  it('rejects an import between packages of one layer', () => {
    write(
      'packages/nn/src/index.ts',
      `\nconst loaded = await import('@neurite/optim');\nexport { loaded };\n`,
    );
    expect(checkLayers(base)).toEqual([
      "packages/nn/src/index.ts:2: '@neurite/optim' points up a layer: @neurite/nn may import @neurite/tensor",
    ]);
  });

  it('rejects a dependency in package.json that points up a layer', () => {
    write('packages/optim/package.json', {
      name: '@neurite/optim',
      dependencies: { '@neurite/nn': 'workspace:^' },
    });
    expect(checkLayers(base)).toEqual([
      'packages/optim/package.json: @neurite/optim may not depend on @neurite/nn',
    ]);
  });

  it('rejects tensor as a plain dependency', () => {
    write('packages/optim/package.json', {
      name: '@neurite/optim',
      dependencies: { '@neurite/tensor': 'workspace:^' },
    });
    expect(checkLayers(base)).toEqual([
      'packages/optim/package.json: @neurite/tensor must be a peer dependency, so that a program has one copy of it',
    ]);
  });

  it('rejects a package that the table does not know', () => {
    write('packages/extra/package.json', { name: '@neurite/extra' });
    expect(checkLayers(base)).toEqual([
      'packages/extra/package.json: @neurite/extra has no row in the layer table of scripts/check-layers.mjs',
    ]);
  });

  it("rejects another package's src by relative path", () => {
    write('packages/nn/src/index.ts', `export * from '../../tensor/src/shape.js';\n`);
    expect(checkLayers(base)).toEqual([
      "packages/nn/src/index.ts:1: '../../tensor/src/shape.js' reaches outside @neurite/nn: " +
        'import the other package by its public name',
    ]);
  });

  it('rejects a deep path that is no entry point, in apps and tests too', () => {
    write(
      'apps/demo/src/main.ts',
      `import { shape } from '@neurite/tensor/src/shape.js';\nexport { shape };\n`,
    );
    write('packages/nn/test/nn.test.ts', `import '@neurite/tensor/dist/shape.js';\n`);
    expect(checkLayers(base)).toEqual([
      "packages/nn/test/nn.test.ts:1: '@neurite/tensor/dist/shape.js' is no entry point of @neurite/tensor: " +
        'see "exports" in its package.json',
      "apps/demo/src/main.ts:1: '@neurite/tensor/src/shape.js' is no entry point of @neurite/tensor: " +
        'see "exports" in its package.json',
    ]);
  });

  it('rejects what package.json does not declare', () => {
    write('apps/demo/src/main.ts', `import '@neurite/optim';\nexport type P = import('left-pad').Options;\n`);
    expect(checkLayers(base)).toEqual([
      "apps/demo/src/main.ts:1: '@neurite/optim' is not declared in apps/demo/package.json",
      "apps/demo/src/main.ts:2: 'left-pad' is not declared in apps/demo/package.json",
    ]);
  });

  it('lets tests use development dependencies, and published sources not', () => {
    write('packages/nn/test/nn.test.ts', `import 'papaparse';\nimport 'vitest';\nimport '@neurite/optim';\n`);
    write('packages/nn/src/index.ts', `import 'papaparse';\n`);
    expect(checkLayers(base)).toEqual([
      "packages/nn/src/index.ts:1: 'papaparse' is not declared in packages/nn/package.json",
    ]);
  });

  it('rejects a self-import, a missing file and a built-in without its prefix', () => {
    write('packages/nn/src/index.ts', `import '@neurite/nn';\nimport './lost.js';\nimport 'fs';\n`);
    expect(checkLayers(base)).toEqual([
      "packages/nn/src/index.ts:1: '@neurite/nn' is the package itself: import its files by relative paths",
      "packages/nn/src/index.ts:2: './lost.js' is no file of this package",
      "packages/nn/src/index.ts:3: 'fs' is built into Node: write 'node:fs'",
    ]);
  });

  it('rejects an import cycle and shows a shortest one', () => {
    write('packages/tensor/src/a.ts', `import './b.js';\n`);
    write('packages/tensor/src/b.ts', `export * from './c.js';\nimport './d.js';\n`);
    write('packages/tensor/src/c.ts', `import { type a } from './a.js';\n`);
    write('packages/tensor/src/d.ts', `import './c.js';\n`);
    expect(checkLayers(base)).toEqual(['packages/tensor/src: import cycle a.ts -> b.ts -> c.ts -> a.ts']);
  });

  it('counts a file that imports itself as a cycle', () => {
    write('packages/tensor/src/a.ts', `export * from './a.js';\n`);
    expect(checkLayers(base)).toEqual(['packages/tensor/src: import cycle a.ts -> a.ts']);
  });

  it('allows a cycle of types alone', () => {
    write('packages/tensor/src/a.ts', `import type { B } from './b.js';\nexport type A = B;\n`);
    write(
      'packages/tensor/src/b.ts',
      `export type { A } from './a.js';\nexport type B = import('./a.js').A;\n`,
    );
    expect(checkLayers(base)).toEqual([]);
  });
});

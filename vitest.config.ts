import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('.', import.meta.url));

/** Every workspace folder that has tests is a vitest project named like its package. */
function projectsUnder(folder: string, namePrefix: string) {
  return readdirSync(join(root, folder))
    .filter((name) => existsSync(join(root, folder, name, 'test')))
    .map((name) => project(`${namePrefix}${name}`, join(root, folder, name)));
}

function project(name: string, directory: string) {
  return {
    extends: true as const,
    test: { name, root: directory, include: ['test/**/*.test.{ts,mjs}'] },
  };
}

// Tests run the packages' sources, not their bundles: the condition picks `./src/*.ts` out of each `exports` map.
const conditions = ['neurite-source', 'module', 'node'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ['neurite-source', 'node'] } },
  test: {
    environment: 'node',
    setupFiles: [join(root, 'vitest.fuzz.ts')],
    maxWorkers: 2,
    // A time limit makes a slow machine look like a bug.
    testTimeout: 0,
    hookTimeout: 0,
    projects: [
      ...projectsUnder('packages', '@neurite/'),
      ...projectsUnder('apps', '@neurite/'),
      ...projectsUnder('tools', '@neurite/'),
      ...(existsSync(join(root, 'benchmarks/test'))
        ? [project('@neurite/benchmarks', join(root, 'benchmarks'))]
        : []),
      project('scripts', join(root, 'scripts')),
    ],
  },
});

import { describeKernels } from '@neurite/tensor/testkit';
import { describe, expect, it } from 'vitest';
import { startGpu } from './start.js';

await describeKernels('webgpu', () => startGpu(), { describe, it, expect }, { flushesSubnormals: true });
await describeKernels(
  'webgpu on the default limits',
  () => startGpu({ limits: 'default' }),
  { describe, it, expect },
  { flushesSubnormals: true },
);

import { onAnyGpu } from '@neurite/browser';
import { parkMiller } from '@neurite/browser/kit';
import { describeGraphs } from '@neurite/tensor/testkit';
import { describe, expect, it } from 'vitest';
import { webgpu } from '../src/index.js';

describeGraphs('webgpu', onAnyGpu(webgpu()), { describe, it, expect }, { random: parkMiller(5), runs: 60 });
describeGraphs(
  'webgpu on the default limits',
  onAnyGpu(webgpu({ limits: 'default' })),
  { describe, it, expect },
  { random: parkMiller(11), runs: 30 },
);

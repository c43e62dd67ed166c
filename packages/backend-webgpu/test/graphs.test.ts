import { onAnyGpu } from '@neurite/browser';
import { parkMiller } from '@neurite/browser/kit';
import { describeGraphs } from '@neurite/tensor/testkit';
import { describe, expect, it } from 'vitest';
import { webgpu } from '../src/index.js';

describeGraphs('webgpu', onAnyGpu(webgpu()), { describe, it, expect }, { random: parkMiller(5), runs: 60 });

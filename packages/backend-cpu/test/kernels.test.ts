import { describeKernels } from '@neurite/tensor/testkit';
import { describe, expect, it } from 'vitest';
import { cpu } from '../src/index.js';

await describeKernels('cpu', async () => (await cpu().start()).backend, { describe, it, expect });

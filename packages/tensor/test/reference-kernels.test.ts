import { describe, expect, it } from 'vitest';
import { reference } from '../src/backend/reference.js';
import { describeKernels } from '../src/testkit/kernels.js';

await describeKernels('reference', async () => (await reference().start()).backend, { describe, it, expect });

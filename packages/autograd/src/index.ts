/**
 * Reverse-mode differentiation. Importing this package makes `tensor.backward()` work.
 */
import { registerDifferentiator } from '@neurite/tensor';
import { backward } from './backward.js';

registerDifferentiator({ backward });

export { enableGrad, isGradEnabled, noGrad, setGradEnabled } from '@neurite/tensor';
export type { GradOptions } from './backward.js';
export { checkpoint } from './checkpoint.js';
export { customFunction, type FunctionContext, type FunctionDefinition } from './custom-function.js';
export { hessian, jacobian, jvp, vjp } from './functional.js';
export { type ArgumentOptions, grad, type Selected, valueAndGrad } from './grad.js';
export { type GradcheckOptions, gradcheck, gradgradcheck } from './gradcheck.js';
export type { TensorTree } from './tree.js';

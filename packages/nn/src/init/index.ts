/** Initialisers: PyTorch's `torch.nn.init` in camelCase, and LeCun's for SELU networks. */
export { calculateFanInAndFanOut, calculateGain, type FanMode, type Fans, type Nonlinearity } from './fan.js';
export type { RandomOptions } from './fill.js';
export { type OrthogonalOptions, orthogonal_ } from './orthogonal.js';
export * from './simple.js';
export { type TruncNormalOptions, truncNormal_ } from './trunc-normal.js';
export * from './variance-scaling.js';

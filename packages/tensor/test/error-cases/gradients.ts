/** Wrong use of gradients and in-place methods. */
import { AutogradError, DTypeError, ones, ShapeError } from '../../src/index.js';
import { type Case, i, x } from './case.js';

export const gradients: Case[] = [
  [
    'backward',
    () => ones([]).requiresGrad_().mul(2).backward(),
    AutogradError,
    "backward: no differentiator; import '@neurite/autograd'",
  ],
  [
    'in place on a leaf',
    () => ones([2]).requiresGrad_().add_(1),
    AutogradError,
    'add_: a leaf tensor that requires grad is being used in an in-place operation; do it inside noGrad',
  ],
  [
    'in place shape',
    () => ones([2]).add_(ones([3, 2])),
    ShapeError,
    'add_: a result of shape [3, 2] does not fit in place of [2]',
  ],
  [
    'copy_',
    () => ones([2]).copy_(ones([3])),
    ShapeError,
    'copy_: shape [3] does not expand to [2] (only dimensions of size 1 can be repeated)',
  ],
  [
    'requiresGrad of integers',
    () => i.requiresGrad_(),
    DTypeError,
    'requiresGrad: only float tensors can require gradients, got int32',
  ],
  [
    'requiresGrad of a result',
    () => ones([2]).requiresGrad_().mul(2).requiresGrad_(false),
    AutogradError,
    'requiresGrad: only leaf tensors can change it; detach() gives a leaf without history',
  ],
  [
    'registerHook',
    () => x.registerHook(() => undefined),
    AutogradError,
    'registerHook: the tensor does not require gradients',
  ],
  ['retainGrad', () => x.retainGrad(), AutogradError, 'retainGrad: the tensor does not require gradients'],
];

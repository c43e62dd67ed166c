import type { Tensor } from '@neurite/tensor';

/**
 * int32 rows with a single 1: [...] → [..., numClasses]; without `numClasses` (or with −1) the greatest index of host data decides.
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.one_hot.html
 */
export const oneHot = (index: Tensor, numClasses = -1): Tensor => index.oneHot(numClasses);

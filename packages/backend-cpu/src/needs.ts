/** Which parts of the code generator a kernel needs that are loaded late. */
import { type Kernel, phaseRoots, visitExprs } from '@neurite/tensor';
import { convolutions } from './contraction/index.js';
import { isRare, rareFunctions } from './math/index.js';

const hasConvolution = ({ nests }: Kernel): boolean => nests.some((nest) => nest.contraction?.op === 'conv');

function hasRareFunction({ nests }: Kernel): boolean {
  let found = false;
  visitExprs(
    nests.flatMap((nest) => nest.phases.flatMap(phaseRoots)),
    (e) => {
      if (e.kind === 'op' && isRare(e.op)) found = true;
    },
  );
  return found;
}

/** Loads what a kernel needs; null where everything is here already. */
export function loadFor(kernel: Kernel): Promise<unknown> | null {
  const missing = [
    ...(!convolutions.isHere() && hasConvolution(kernel) ? [convolutions] : []),
    ...(!rareFunctions.isHere() && hasRareFunction(kernel) ? [rareFunctions] : []),
  ];
  return missing.length > 0 ? Promise.all(missing.map((part) => part.load())) : null;
}

import type { Schedulable, ScheduledGroup } from './scheduler.js';

/** Whether an optimizer has a momentum that a schedule can move. */
export const hasMomentum = ({ defaults }: Schedulable): boolean =>
  'momentum' in defaults || 'betas' in defaults;

/** Sets a group's momentum: Adam's is the first beta. */
export function setMomentum(group: ScheduledGroup, momentum: number): void {
  if (group.betas) group.betas = [momentum, group.betas[1]];
  else group.momentum = momentum;
}

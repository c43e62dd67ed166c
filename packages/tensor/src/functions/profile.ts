/** `profile`: what each kernel of a function takes. */
import { refuseReplay } from '../graph/observer.js';
import { currentDevice } from '../runtime/device.js';
import type { Profile } from '../runtime/profile-summary.js';
import { flatten } from './tree.js';
import { realize } from './values.js';

/**
 * Runs a function once and measures each of its kernels: time, floating-point operations, bytes, and the share of the whole; and what
 * the host spends on planning, compiling and waiting. After https://pytorch.org/docs/stable/profiler.html.
 *
 *     const report = await profile(() => step(x, y));
 *     console.log(`${report}`);
 *     await writeFile('step.json', report.chromeTrace());
 *
 * `fn` may be async. What it queues without waiting for it belongs to the profile, and so do the values of tensors that it returns (also in
 * arrays and plain objects), which are computed. So does what other code asks of a device meanwhile.
 *
 * Times are in µs. Where the backend has a clock of the device (`Backend.measure`; WebGPU with `timestamp-query`) they are the kernels'
 * own; elsewhere they are wall times of one kernel at a time, with what it costs to hand it over: `clocks` says which. Operations and bytes
 * are counted from the loops, as `explain` does. Values are those of the same calls without `profile`, to the bit; but kernels wait for each
 * other, so the whole takes longer. Profile a second or later call: the first one plans and compiles.
 *
 * Rejects with what `fn` throws, and with NeuriteError when another profile is running.
 */
export async function profile(fn: () => unknown): Promise<Profile> {
  refuseReplay('it profiles');
  const { runProfiled } = await import('../runtime/profile.js');
  return runProfiled(currentDevice(), async () => {
    const { tensors } = flatten(await fn());
    await realize(...tensors);
  });
}

/** Choosing a device. */
import type { Backend, BackendFactory, StartedBackend } from '../backend/interface.js';
import { DTYPE_NAMES } from '../dtype.js';
import { DeviceError } from '../errors.js';
import { Device, type DeviceOptions, setDefaultDevice } from './device.js';

export interface UseOptions extends DeviceOptions {
  /** Re-runs every kernel on this backend too and compares the results; slow, for testing a backend. */
  readonly validateWith?: BackendFactory;
  /** Receives the one-line report (default: console.info); false for silence. */
  readonly log?: ((line: string) => void) | false;
}

const isFactory = (x: BackendFactory | UseOptions): x is BackendFactory => 'start' in x;

/**
 * Starts the first backend that this machine can run and makes it the default device: `await use(webgpu(), cpu())`.
 * Reports in one line what was chosen and why each one before it was not. Options may follow the backends.
 * A device that was chosen before stays usable, for its own tensors, until it is destroyed.
 * Throws DeviceError with every reason when none can start, and when `validateWith` cannot.
 */
export async function use(...args: readonly (BackendFactory | UseOptions)[]): Promise<Device> {
  const factories = args.filter(isFactory);
  const options: UseOptions = Object.assign({}, ...args.filter((a) => !isFactory(a)));
  if (factories.length === 0) throw new DeviceError('use: name at least one backend, for example use(cpu())');
  const refused: string[] = [];
  for (const factory of factories) {
    let started: StartedBackend;
    try {
      started = await factory.start();
    } catch (e) {
      refused.push(`${factory.name}: ${e instanceof Error ? e.message : String(e)}`);
      continue;
    }
    const { backend, notes } = options.validateWith
      ? await validated(started, options.validateWith)
      : started;
    const missing = DTYPE_NAMES.filter((dtype) => !backend.capabilities.dtypes.includes(dtype));
    const facts = missing.length ? [...notes, `${missing.join(' and ')} on the host`] : notes;
    const line = [
      `neurite: using ${backend.name}${facts.length ? ` (${facts.join(', ')})` : ''}`,
      ...refused.map((r) => `not ${r}`),
    ].join('; ');
    const device = new Device(backend, line, options);
    setDefaultDevice(device);
    if (options.log !== false) (options.log ?? console.info)(line);
    return device;
  }
  throw new DeviceError(`use: no backend can start here: ${refused.join('; ')}`);
}

/** A check that was asked for and cannot be had is an error, not a reason to take another backend. */
async function validated(
  { backend, notes }: StartedBackend,
  factory: BackendFactory,
): Promise<StartedBackend> {
  const [oracle, { validating }] = await Promise.all([
    startOracle(factory, backend),
    // Loaded only here: a program checks while it is being written, if at all.
    import('../backend/validate.js'),
  ]);
  return {
    backend: validating(backend, oracle),
    notes: [...notes, `every kernel checked against ${oracle.name}`],
  };
}

async function startOracle(factory: BackendFactory, checked: Backend): Promise<Backend> {
  try {
    return (await factory.start()).backend;
  } catch (e) {
    await checked.destroy();
    throw new DeviceError(
      `use: validateWith: ${factory.name} cannot start here: ${e instanceof Error ? e.message : String(e)}`,
    );
  }
}

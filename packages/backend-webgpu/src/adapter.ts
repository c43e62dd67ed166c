/** Finding a GPU: the browser's own, or Dawn's through the package `webgpu` in Node. */
import { DeviceError } from '@neurite/tensor';

/** The part of `WebGpuOptions` that chooses a device. */
export interface AdapterOptions {
  /**
   * A device that the page has already: tensors and the page's own buffers, textures and canvases then meet on it. It stays the page's, which
   * destroys it; the other options that choose a device say nothing. Ask for it with the limits that the adapter has: kernels bind many buffers.
   */
  readonly device?: GPUDevice;
  /** Which adapter to prefer where there are several. */
  readonly powerPreference?: GPUPowerPreference;
  /**
   * `best` (default): everything that the adapter offers. `default`: WebGPU's default limits and no optional feature, as the weakest
   * device has them; for tests.
   */
  readonly limits?: 'best' | 'default';
}

/** A device with what `use` reports of it. */
export interface FoundDevice {
  readonly device: GPUDevice;
  readonly notes: readonly string[];
  /** Whether kernels may combine values across subgroups, and know which subgroup they are in. */
  readonly hasSubgroups: boolean;
  /** Whether kernels may use WGSL's f16; float16 is packed two to a word otherwise. */
  readonly hasHalf: boolean;
  /** Ends a device of its own, and lets go of what keeps its threads alive. */
  release(): void;
}

/** Features that this backend knows to use. */
const WANTED: readonly GPUFeatureName[] = ['timestamp-query', 'subgroups', 'shader-f16'];

/** Limits that kernels and buffers may run into. */
const RAISED = [
  'maxStorageBuffersPerShaderStage',
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxComputeWorkgroupStorageSize',
] as const;

/** Node's entry to Dawn; kept by its module, which must be loaded only where it is used. */
async function nodeGpu(): Promise<GPU> {
  // In a variable: bundlers for pages must not look for it.
  const name = 'webgpu';
  let dawn: { create(options: string[]): GPU; globals: object };
  try {
    dawn = await import(/* @vite-ignore */ name);
  } catch (cause) {
    throw new DeviceError('Node has no WebGPU of its own; install the package `webgpu`', { cause });
  }
  // Rounded timestamps protect pages from each other; a process of its own has nobody to fear.
  return dawn.create(['disable-dawn-features=timestamp_quantization']);
}

const isNode = (): boolean => typeof process === 'object' && !!process.versions?.node;

/** Asks for a device. Throws DeviceError, whose message is the reason why there is none. */
export async function findDevice(options: AdapterOptions): Promise<FoundDevice> {
  const { device: given, powerPreference, limits = 'best' } = options;
  if (given) return useDevice(given);
  let gpu: GPU | null = globalThis.navigator?.gpu ?? (isNode() ? await nodeGpu() : null);
  if (!gpu) throw new DeviceError('this browser has no WebGPU, or the page is not served securely');
  const adapter = await gpu.requestAdapter({ powerPreference });
  if (!adapter) throw new DeviceError('no adapter');
  const best = limits === 'best';
  const requiredLimits = best ? Object.fromEntries(RAISED.map((name) => [name, adapter.limits[name]])) : {};
  const requiredFeatures = best ? WANTED.filter((feature) => adapter.features.has(feature)) : [];
  const device = await adapter.requestDevice({ label: 'neurite', requiredLimits, requiredFeatures });
  const hasHalf = device.features.has('shader-f16');
  return {
    device,
    hasSubgroups: hasSubgroups(device, gpu),
    hasHalf,
    notes: [
      describeAdapter(adapter.info),
      hasHalf ? 'f16' : `f16 off: ${best ? 'adapter lacks shader-f16' : 'default limits'}`,
    ],
    release() {
      device.destroy();
      letGo(gpu!);
      gpu = null;
    },
  };
}

/** Turns of the event loop after which Dawn has told everybody who waited for a device that is destroyed. */
const TURNS = 8;
const leaving = new Set<GPU>();

/**
 * Keeps Dawn's entry until nothing of it waits for the event loop any more: what it has put there does not keep it alive, and crashes when it was
 * collected meanwhile. It must go in the end, or its threads would stay.
 */
function letGo(gpu: GPU): void {
  if (!isNode()) return;
  leaving.add(gpu);
  let turns = 0;
  const wait = () => {
    if (++turns < TURNS) setImmediate(wait);
    else leaving.delete(gpu);
  };
  setImmediate(wait);
}

/** Where an invocation's subgroup has no number, nothing is certain about which invocations make one up. */
const hasSubgroups = ({ features }: GPUDevice, gpu: GPU | null): boolean =>
  features.has('subgroups') && (gpu?.wgslLanguageFeatures?.has('subgroup_id') ?? false);

/** Somebody else's device. Throws DeviceError when it is lost. */
async function useDevice(device: GPUDevice): Promise<FoundDevice> {
  const loss = await Promise.race([device.lost, Promise.resolve(null)]);
  if (loss)
    throw new DeviceError(`the given device is lost: ${loss.message || loss.reason || 'no reason given'}`);
  const notes = [`${device.label || 'a device'} of the page`];
  const known = globalThis.navigator?.gpu ?? null;
  const hasHalf = device.features.has('shader-f16');
  return { device, hasSubgroups: hasSubgroups(device, known), hasHalf, notes, release: () => undefined };
}

function describeAdapter({ vendor, architecture, device, description }: GPUAdapterInfo): string {
  const words = [vendor, architecture, description || device].filter(Boolean);
  return [...new Set(words)].join(' ') || 'unnamed adapter';
}

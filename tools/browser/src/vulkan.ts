/** A GPU for Dawn in Node: the machine's own, or the software adapter that the packaged Chromium brings. */
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { BackendFactory } from '@neurite/tensor';
import { chromiumFolder } from './chromium.js';

/** glibc's RTLD_NODELETE, which Node does not name: the library stays loaded though it is no addon. */
const KEEP_LOADED = 0x1000;

const { RTLD_NOW, RTLD_GLOBAL } = constants.dlopen;

/** Loads a library that is no addon for good. Throws where there is none. */
function load(library: string): void {
  try {
    process.dlopen({ exports: {} }, library, RTLD_NOW | RTLD_GLOBAL | KEEP_LOADED);
  } catch (e) {
    if (!/did not self-register/.test((e as Error).message)) throw e;
  }
}

const LOADER = 'libvulkan.so.1';

function hasVulkan(): boolean {
  if (process.platform !== 'linux') return true;
  try {
    load(LOADER);
    return true;
  } catch {
    return false;
  }
}

/**
 * Makes the software adapter known to this process, so that Vulkan programs in it find it without the machine having a driver, or
 * even a Vulkan loader: Dawn asks for that by its short name, and gets the library of the name that is loaded.
 */
function provideSoftwareVulkan(): void {
  const folder = chromiumFolder();
  const driver = join(folder, 'vk_swiftshader_icd.json');
  if (!existsSync(driver)) throw new Error(`browser: there is no ${driver}`);
  process.env.VK_ICD_FILENAMES = driver;
  load(join(folder, LOADER));
}

/** A WebGPU backend that starts on the software adapter where this machine has no adapter of its own. */
export function onAnyGpu(factory: BackendFactory): BackendFactory {
  return {
    name: factory.name,
    async start() {
      if (hasVulkan()) {
        try {
          return await factory.start();
        } catch (e) {
          if ((e as Error).message !== 'no adapter') throw e;
        }
      }
      provideSoftwareVulkan();
      return factory.start();
    },
  };
}

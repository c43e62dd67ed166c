/** `@neurite/browser`: runs modules of this workspace in a headless Chromium. */
export type { ConsoleLine } from './console.js';
export { type Browser, type LaunchOptions, launch, type OpenOptions, type Page } from './launch.js';
export { onAnyGpu } from './vulkan.js';

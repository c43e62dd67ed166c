/** What the page and its worker say to each other. */
import type { Settings } from '../settings.js';

/** The devices of a page. */
export const PAGE_DEVICES = ['cpu', 'webgpu'] as const;
export type PageDevice = (typeof PAGE_DEVICES)[number];

/** From the page. */
export type Request =
  /** Goes on with the run that the browser keeps, if there is one. */
  | { readonly type: 'open' }
  /** A new run; it takes the place of the one that there is. */
  | { readonly type: 'start'; readonly settings: Settings; readonly testLimit: number }
  | { readonly type: 'continue' }
  | { readonly type: 'pause' }
  /** Ends training, if it is under way, and tests. */
  | { readonly type: 'test' }
  /** Computes on another device from now on. */
  | { readonly type: 'device'; readonly device: PageDevice }
  /** Takes the run of a checkpoint file. */
  | {
      readonly type: 'load';
      readonly name: string;
      readonly bytes: Uint8Array<ArrayBuffer>;
      readonly testLimit: number;
    }
  /** Asks for the run as a checkpoint file. */
  | { readonly type: 'save' }
  /** The page is about to be hidden or closed. */
  | { readonly type: 'keep' }
  | { readonly type: 'classify'; readonly image: Uint8Array }
  | { readonly type: 'sample' };

/** What goes on: no run yet, preparing, one that is under way, held, tested, or complete. */
export type Phase = 'empty' | 'loading' | 'training' | 'paused' | 'testing' | 'done';

/** A test of the network. */
export interface Tested {
  readonly accuracy: number;
  readonly images: number;
  /** The mistake made most often. */
  readonly worst?: { readonly actual: number; readonly taken: number; readonly count: number };
}

/** A run as the page draws it. */
export interface RunView {
  readonly settings: Settings;
  /** Test images used, the first ones of the file. */
  readonly testLimit: number;
  readonly parameters: number;
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  readonly losses: readonly number[];
  readonly accuracies: readonly number[];
}

/** From the worker. */
export type Event =
  | { readonly type: 'phase'; readonly phase: Phase }
  /** What computes now, and the line that `use` reports of it. */
  | { readonly type: 'device'; readonly device: PageDevice; readonly report: string }
  | { readonly type: 'run'; readonly run: RunView }
  | { readonly type: 'step'; readonly loss: number; readonly accuracy: number }
  | { readonly type: 'testing'; readonly done: number; readonly images: number }
  | { readonly type: 'tested'; readonly tested: Tested | null }
  | { readonly type: 'probabilities'; readonly values: Float32Array }
  | { readonly type: 'sample'; readonly image: Uint8Array; readonly label: number }
  | { readonly type: 'checkpoint'; readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> }
  /** Something to know that stops nothing: another tab has the run. */
  | { readonly type: 'notice'; readonly message: string }
  | { readonly type: 'failed'; readonly message: string };

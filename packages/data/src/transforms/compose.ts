import type { Transform } from '../transform-dataset.js';

/** Applies transforms one after another; random ones take their draws in this order. */
export function compose<Sample>(...transforms: readonly Transform<Sample>[]): Transform<Sample> {
  return (sample, random) => transforms.reduce((value, transform) => transform(value, random), sample);
}

/** Applies a transform to one member of samples that are tuples, such as the image of `[image, label]`. */
export function onMember<const Index extends number, From, To>(index: Index, transform: Transform<From, To>) {
  return <Sample extends readonly unknown[]>(
    sample: Sample & { readonly [I in Index]: From },
    random: Parameters<Transform<From, To>>[1],
  ): { -readonly [K in keyof Sample]: K extends `${Index}` ? To : Sample[K] } => {
    const members: unknown[] = [...(sample as readonly unknown[])];
    members[index] = transform(sample[index] as From, random);
    return members as { -readonly [K in keyof Sample]: K extends `${Index}` ? To : Sample[K] };
  };
}

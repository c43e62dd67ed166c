/**
 * The one place where our names become PyTorch's. A checkpoint of PyTorch knows `bn1.running_mean`; the
 * property is `runningMean`. A property in camelCase becomes snake_case; one that starts with a capital or
 * has an underscore already is taken as it stands (`AuxLogits`, `layer_1`). Keys of containers (`Sequential`,
 * `ModuleDict`, …) are data and never pass through here.
 */
export function stateKey(property: string): string {
  if (/^[A-Z]|_/.test(property)) return property;
  return property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Joins the path of a module and the key of a member. */
export const joinKey = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`);

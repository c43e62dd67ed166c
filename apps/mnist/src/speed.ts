/** How a run goes: loss, accuracy and speed of the last steps, and the time that is left. */

/** Steps that loss and accuracy in the progress are averaged over. */
const RECENT = 50;
/** Steps over which speed is measured: long enough to be calm, short enough to forget the compilation at the start. */
const SPEED_WINDOW = 50;

/** Of each step so far. */
interface History {
  readonly losses: readonly number[];
  readonly accuracies: readonly number[];
}

/** Mean loss and accuracy of the last steps. */
export function recent({ losses, accuracies }: History): { loss: number; accuracy: number } {
  const mean = (values: readonly number[]): number =>
    values.slice(-RECENT).reduce((a, b) => a + b, 0) / Math.min(values.length, RECENT);
  return { loss: mean(losses), accuracy: mean(accuracies) };
}

/** Takes the time of each step and gives steps per second; undefined after the first one. */
export function speedometer(): (now: number) => number | undefined {
  const times: number[] = [];
  return (now) => {
    times.push(now);
    if (times.length > SPEED_WINDOW + 1) times.shift();
    return times.length === 1 ? undefined : (1000 * (times.length - 1)) / (now - times[0]);
  };
}

/** 75 → '1:15', 3675 → '1:01:15'. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (parts[0] === 0) parts.shift();
  return parts.map((part, i) => (i === 0 ? String(part) : String(part).padStart(2, '0'))).join(':');
}

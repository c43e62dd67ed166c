/** The variable-length numbers and texts of WebAssembly's binary format. */

export function pushUnsigned(out: number[], value: number): void {
  let rest = value >>> 0;
  while (rest > 127) {
    out.push((rest & 127) | 128);
    rest >>>= 7;
  }
  out.push(rest);
}

export function pushSigned(out: number[], value: bigint): void {
  let rest = value;
  for (;;) {
    const byte = Number(rest & 127n);
    rest >>= 7n;
    if ((rest === 0n && byte < 64) || (rest === -1n && byte >= 64)) {
      out.push(byte);
      return;
    }
    out.push(byte | 128);
  }
}

export function pushSigned32(out: number[], value: number): void {
  let rest = value | 0;
  for (;;) {
    const byte = rest & 127;
    rest >>= 7;
    if ((rest === 0 && byte < 64) || (rest === -1 && byte >= 64)) {
      out.push(byte);
      return;
    }
    out.push(byte | 128);
  }
}

export function pushText(out: number[], text: string): void {
  const bytes = new TextEncoder().encode(text);
  pushUnsigned(out, bytes.length);
  out.push(...bytes);
}

export function append(out: number[], bytes: readonly number[]): void {
  for (const byte of bytes) out.push(byte);
}

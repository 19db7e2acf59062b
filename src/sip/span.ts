/** A range of the message that a look-up hands back. Reused by its owner from look-up to look-up. */

/** `bytes[start, end)`; both -1 when there is no such text. */
export class Span {
  start = -1;
  end = -1;
}

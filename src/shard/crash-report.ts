/**
 * What is logged about a message that broke an invariant: its first line and its Call-ID, never more, so that bodies and
 * credentials stay out of logs. Runs once in the life of a shard. Sans-I/O.
 */

/** Longest head that is looked at, bytes. */
const HEAD_BYTES = 4096;
/** Longest text that goes into the log, characters. */
const TEXT_CHARS = 200;

/** First line and Call-ID of a message, cut to a readable length; empty when there is none. */
export function messageSummary(bytes: Uint8Array, start: number, end: number): { firstLine: string; callId: string } {
  // slice: TextDecoder refuses views of shared memory.
  const text = new TextDecoder().decode(bytes.slice(start, Math.min(end, start + HEAD_BYTES)));
  const head = text.split(/\r?\n\r?\n/, 1)[0] ?? '';
  const firstLine = head.trimStart().split(/\r?\n/, 1)[0] ?? '';
  const callId = /^(?:call-id|i)[ \t]*:[ \t]*(.*)$/im.exec(head)?.[1] ?? '';
  return { firstLine: firstLine.slice(0, TEXT_CHARS), callId: callId.trim().slice(0, TEXT_CHARS) };
}

/** Transport names of Via and of the `transport` URI parameter as small integers (RFC 3261 §25, RFC 4168, RFC 7118). */
import { LOWER } from './chars.js';

/** No transport was named. */
export const TRANSPORT_NONE = 0;
export const TRANSPORT_UDP = 1;
export const TRANSPORT_TCP = 2;
export const TRANSPORT_TLS = 3;
export const TRANSPORT_SCTP = 4;
export const TRANSPORT_WS = 5;
export const TRANSPORT_WSS = 6;
/** A transport without a number. It is no error: messages with it are forwarded. */
export const TRANSPORT_OTHER = 7;

/** Names by number, as Via writes them; '' where there is none. */
export const TRANSPORT_NAMES: readonly string[] = ['', 'UDP', 'TCP', 'TLS', 'SCTP', 'WS', 'WSS', ''];

/** Number of the transport `bytes[start, end)`, in any case; TRANSPORT_OTHER when it has none. */
export function transportId(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length < 2 || length > 4) return TRANSPORT_OTHER;
  const a = LOWER[bytes[start]!]!;
  const b = LOWER[bytes[start + 1]!]!;
  if (length === 2) return a === 0x77 && b === 0x73 ? TRANSPORT_WS : TRANSPORT_OTHER;
  const c = LOWER[bytes[start + 2]!]!;
  if (length === 4) {
    const d = LOWER[bytes[start + 3]!]!;
    return a === 0x73 && b === 0x63 && c === 0x74 && d === 0x70 ? TRANSPORT_SCTP : TRANSPORT_OTHER;
  }
  if (a === 0x75 && b === 0x64 && c === 0x70) return TRANSPORT_UDP;
  if (a === 0x74 && b === 0x63 && c === 0x70) return TRANSPORT_TCP;
  if (a === 0x74 && b === 0x6c && c === 0x73) return TRANSPORT_TLS;
  if (a === 0x77 && b === 0x73 && c === 0x73) return TRANSPORT_WSS;
  return TRANSPORT_OTHER;
}

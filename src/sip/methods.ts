/**
 * SIP methods as small integers. Method names are case-sensitive (RFC 3261 §7.1), and a method without a number is not
 * an error: it is forwarded like any other, as M_UNKNOWN with its own bytes.
 */
import { ascii } from './chars.js';

export const M_UNKNOWN = 0;
export const M_INVITE = 1;
export const M_ACK = 2;
export const M_CANCEL = 3;
export const M_BYE = 4;
export const M_REGISTER = 5;
export const M_OPTIONS = 6;
export const M_INFO = 7;
export const M_PRACK = 8;
export const M_UPDATE = 9;
export const M_SUBSCRIBE = 10;
export const M_NOTIFY = 11;
export const M_MESSAGE = 12;
export const M_REFER = 13;
export const M_PUBLISH = 14;

/** Method names by number; '' for M_UNKNOWN. */
export const METHOD_NAMES: readonly string[] = [
  '',
  'INVITE',
  'ACK',
  'CANCEL',
  'BYE',
  'REGISTER',
  'OPTIONS',
  'INFO',
  'PRACK',
  'UPDATE',
  'SUBSCRIBE',
  'NOTIFY',
  'MESSAGE',
  'REFER',
  'PUBLISH',
];

/** Method names by number, in ASCII. Shared: not to be written to. */
export const METHOD_BYTES: readonly Uint8Array[] = METHOD_NAMES.map(ascii);

/** Number of the method `bytes[start, end)`, M_UNKNOWN when it has none. The bytes need not be a token. */
export function methodId(bytes: Uint8Array, start: number, end: number): number {
  let candidate: number;
  // Length and first letter leave one candidate, which one comparison settles.
  switch (end - start) {
    case 3:
      candidate = bytes[start] === 0x41 ? M_ACK : M_BYE;
      break;
    case 4:
      candidate = M_INFO;
      break;
    case 5:
      candidate = bytes[start] === 0x50 ? M_PRACK : M_REFER;
      break;
    case 6:
      switch (bytes[start]!) {
        case 0x49:
          candidate = M_INVITE;
          break;
        case 0x43:
          candidate = M_CANCEL;
          break;
        case 0x55:
          candidate = M_UPDATE;
          break;
        default:
          candidate = M_NOTIFY;
      }
      break;
    case 7:
      switch (bytes[start]!) {
        case 0x4f:
          candidate = M_OPTIONS;
          break;
        case 0x4d:
          candidate = M_MESSAGE;
          break;
        default:
          candidate = M_PUBLISH;
      }
      break;
    case 8:
      candidate = M_REGISTER;
      break;
    case 9:
      candidate = M_SUBSCRIBE;
      break;
    default:
      return M_UNKNOWN;
  }
  const name = METHOD_BYTES[candidate]!;
  for (let i = 0; i < name.length; i++) {
    if (bytes[start + i] !== name[i]) return M_UNKNOWN;
  }
  return candidate;
}

/** Number of the method named `name`, M_UNKNOWN when it has none. For configuration and scripts. */
export function methodIdOf(name: string): number {
  const index = METHOD_NAMES.indexOf(name);
  return index > 0 ? index : M_UNKNOWN;
}

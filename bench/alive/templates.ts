/**
 * The messages of calls as bytes with holes: a call number of fixed width and the hash in our branch, filled in place. Making a
 * message costs a copy and a few stores, so that a benchmark can feed millions of calls and its own cost is small and even.
 */
import { callIds, inDialog, invite, response } from '../workloads/call.js';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Stands for the call number: call numbers have as many digits. */
const NUMBER_HOLE = 10_000_000;
const NUMBER_DIGITS = 8;
/** Stands for the keyed hash in our branch. */
const HASH_HOLE = 'feedc0defeedc0de';

/** Call numbers start here, so that all have eight digits. */
export const FIRST_CALL = NUMBER_HOLE;
/** Calls that can be told apart. */
export const CALLS_MAX = 9 * NUMBER_HOLE;

/** What the proxy of the benchmark records: one node, one shard, both 0. */
export const RECORD_ROUTE = 'sip:127.0.0.1:5060;lr;vd=0000';

export const CALLER_PORT = 5061;
export const CALLEE_PORT = 5070;

/** One message of a call. */
export interface Template {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Where it comes from. */
  readonly port: number;
  /** Offsets of the call number. */
  readonly numberAt: Int32Array;
  /** Offset of the hash in our branch: responses only, else -1. */
  readonly hashAt: number;
  /**
   * A request that makes a transaction: its key is needed for the branches of its responses. Responses and hop-by-hop requests
   * belong to the last one before them.
   */
  readonly opens: boolean;
}

/** The messages of one kind of call, in order: before the callee picks up (or refuses), and from then on. */
export interface CallKind {
  readonly name: string;
  readonly ringing: readonly Template[];
  readonly ending: readonly Template[];
  /** Server transactions that it leaves, and how long each stays after it, in units of 64·T1 (32 s) and of T4 (5 s). */
  readonly kept: { readonly by64T1: number; readonly byT4: number };
}

const ids = callIds(NUMBER_HOLE);
const inviteVias = [ourVia(), `Via: SIP/2.0/UDP 127.0.0.1:5061;branch=${ids.branch}-0`];
const byeVias = [ourVia(), `Via: SIP/2.0/UDP 127.0.0.1:5061;branch=${ids.branch}-BYE`];

const INVITE = template('INVITE', invite(ids), CALLER_PORT, true);
const TRYING = template('100', response('100 Trying', 'INVITE', ids, inviteVias, RECORD_ROUTE), CALLEE_PORT, false);
const RINGING = template('180', response('180 Ringing', 'INVITE', ids, inviteVias, RECORD_ROUTE), CALLEE_PORT, false);

/** INVITE, 100, 180, 200, ACK, BYE, 200. */
export const ANSWERED: CallKind = {
  name: 'answered',
  ringing: [INVITE, TRYING, RINGING],
  ending: [
    template('200', response('200 OK', 'INVITE', ids, inviteVias, RECORD_ROUTE), CALLEE_PORT, false),
    template('ACK', inDialog('ACK', ids, RECORD_ROUTE), CALLER_PORT, false),
    template('BYE', inDialog('BYE', ids, RECORD_ROUTE), CALLER_PORT, true),
    template('200 BYE', response('200 OK', 'BYE', ids, byeVias, RECORD_ROUTE), CALLEE_PORT, false),
  ],
  kept: { by64T1: 2, byT4: 0 },
};

/** INVITE, 100, 180, 486, ACK. */
export const REFUSED: CallKind = {
  name: 'refused',
  ringing: [INVITE, TRYING, RINGING],
  ending: [
    template('486', response('486 Busy Here', 'INVITE', ids, inviteVias, RECORD_ROUTE), CALLEE_PORT, false),
    template('ACK 486', hopByHop('ACK'), CALLER_PORT, false),
  ],
  kept: { by64T1: 0, byT4: 1 },
};

/** INVITE, 100, 180, CANCEL, 200 to the CANCEL, 487, ACK. */
export const CANCELLED: CallKind = {
  name: 'cancelled',
  ringing: [INVITE, TRYING, RINGING],
  ending: [
    template('CANCEL', hopByHop('CANCEL'), CALLER_PORT, false),
    template('200 CANCEL', edited(response('200 OK', 'BYE', ids, [ourVia()], RECORD_ROUTE), '2 BYE', '1 CANCEL'), CALLEE_PORT, false),
    template('487', response('487 Request Terminated', 'INVITE', ids, inviteVias, RECORD_ROUTE), CALLEE_PORT, false),
    template('ACK 487', hopByHop('ACK'), CALLER_PORT, false),
  ],
  kept: { by64T1: 1, byT4: 1 },
};

/** Longest message of all, bytes. */
export const LONGEST_MESSAGE = Math.max(
  ...[ANSWERED, REFUSED, CANCELLED].flatMap(({ ringing, ending }) => [...ringing, ...ending]).map(({ bytes }) => bytes.length),
);

/** Writes the message of `template` for call `number` at `at`; `hi` and `lo` are the hash in our branch. Returns its end. */
export function fill({ bytes, numberAt, hashAt }: Template, number: number, hi: number, lo: number, into: Uint8Array, at: number): number {
  into.set(bytes, at);
  for (let i = 0; i < numberAt.length; i++) {
    let rest = number;
    for (let digit = at + numberAt[i]! + NUMBER_DIGITS - 1; digit >= at + numberAt[i]!; digit--) {
      into[digit] = 0x30 + (rest % 10);
      rest = (rest / 10) | 0;
    }
  }
  if (hashAt >= 0) {
    putHex(into, at + hashAt, hi);
    putHex(into, at + hashAt + 8, lo);
  }
  return at + bytes.length;
}

function putHex(into: Uint8Array, at: number, word: number): void {
  for (let i = 0; i < 8; i++) {
    const digit = (word >>> (28 - 4 * i)) & 15;
    into[at + i] = digit < 10 ? 0x30 + digit : 0x57 + digit;
  }
}

function template(name: string, bytes: Uint8Array, port: number, opens: boolean): Template {
  const text = decoder.decode(bytes);
  const numberAt: number[] = [];
  for (let at = text.indexOf(String(NUMBER_HOLE)); at >= 0; at = text.indexOf(String(NUMBER_HOLE), at + 1)) numberAt.push(at);
  return { name, bytes, port, numberAt: Int32Array.from(numberAt), hashAt: text.indexOf(HASH_HOLE), opens };
}

function ourVia(): string {
  return `Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKvd000000${HASH_HOLE}`;
}

/** CANCEL, or ACK to a failure: the Request-URI and branch of the INVITE, no Route. */
function hopByHop(method: 'ACK' | 'CANCEL'): Uint8Array {
  const lines = decoder.decode(inDialog('ACK', ids, RECORD_ROUTE)).split('\r\n').filter((line) => !line.startsWith('Route:'));
  lines[0] = `${method} sip:service@127.0.0.1:5060 SIP/2.0`;
  const text = lines.join('\r\n').replace(`${ids.branch}-ACK`, `${ids.branch}-0`).replace('1 ACK', `1 ${method}`);
  return encoder.encode(method === 'ACK' ? text : text.replace(`;tag=${ids.toTag}`, ''));
}

function edited(bytes: Uint8Array, from: string, to: string): Uint8Array {
  return encoder.encode(decoder.decode(bytes).replace(from, to));
}

/**
 * Many whole calls as datagrams: for each call the seven messages that reach the proxy (INVITE, 100, 180, 200, ACK, BYE, 200),
 * all in one byte array, so that the code under test is the only one that allocates. Deterministic.
 */
import { callIds, inDialog, invite, response } from './call.js';

/** Datagrams that a call sends to the proxy. */
export const MESSAGES_A_CALL = 7;

/** Ports of the two ends, on the loopback address. */
export const CALLER_PORT = 5061;
export const CALLEE_PORT = 5070;

/** Name of message number 0 to 6 of a call. */
export const MESSAGE_NAMES = ['INVITE', '100', '180', '200', 'ACK', 'BYE', '200 to BYE'] as const;

/** Who sends message number 0 to 6 of a call. */
const SENDER_PORTS = [CALLER_PORT, CALLEE_PORT, CALLEE_PORT, CALLEE_PORT, CALLER_PORT, CALLER_PORT, CALLEE_PORT] as const;

/** The Record-Route URI that shard 0 of node 0 writes at 127.0.0.1:5060. */
const RECORD_ROUTE = 'sip:127.0.0.1:5060;lr;vd=0000';

/** Sends a request through a proxy as the caller and returns what it forwarded, as text. */
export type Forward = (request: Uint8Array) => string;

export class CallMessages {
  readonly calls: number;
  readonly bytes: Uint8Array;
  readonly #ends: Int32Array;

  /**
   * Messages of `calls` calls, written to `memory` from `from` on. The responses carry the Vias of the requests as they reached the
   * callee: `forward` is asked for them, call by call, and whatever the proxy has kept of that is the caller's to clear. Throws a
   * RangeError when there is too little room.
   */
  constructor(calls: number, forward: Forward, memory: Uint8Array, from: number) {
    this.calls = calls;
    const messages: Uint8Array[] = [];
    for (let call = 0; call < calls; call++) {
      const ids = callIds(call);
      const request = invite(ids);
      const bye = inDialog('BYE', ids, RECORD_ROUTE);
      const inviteVias = viasOf(forward(request));
      const byeVias = viasOf(forward(bye));
      messages.push(
        request,
        response('100 Trying', 'INVITE', ids, inviteVias, RECORD_ROUTE),
        response('180 Ringing', 'INVITE', ids, inviteVias, RECORD_ROUTE),
        response('200 OK', 'INVITE', ids, inviteVias, RECORD_ROUTE),
        inDialog('ACK', ids, RECORD_ROUTE),
        bye,
        response('200 OK', 'BYE', ids, byeVias, RECORD_ROUTE),
      );
    }
    this.bytes = memory;
    this.#ends = new Int32Array(messages.length + 1);
    let at = from;
    this.#ends[0] = at;
    for (const [i, message] of messages.entries()) {
      this.bytes.set(message, at);
      at += message.length;
      this.#ends[i + 1] = at;
    }
  }

  /** Message `step` of call `call` is `bytes[start, end)`. */
  start(call: number, step: number): number {
    return this.#ends[call * MESSAGES_A_CALL + step]!;
  }

  end(call: number, step: number): number {
    return this.#ends[call * MESSAGES_A_CALL + step + 1]!;
  }

  /** Port that message `step` comes from. */
  port(step: number): number {
    return SENDER_PORTS[step]!;
  }
}

function viasOf(text: string): string[] {
  return text.split('\r\n').filter((line) => line.startsWith('Via:'));
}

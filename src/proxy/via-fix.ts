/**
 * What the server transport adds to the top Via of a request (RFC 3261 §18.2.1, RFC 3581 §4), and where the responses to
 * it go (§18.2.2). The addition is made once, when the request is stored, so that every copy of the Via, in the forwarded
 * request and in our own answers, carries it. Sans-I/O.
 */
import { ADDRESS_BROADCAST, ADDRESS_MULTICAST, ADDRESS_UNSPECIFIED, AddressWords, classify, writeIpv4, writeIpv6 } from '../sip/address-text.js';
import { writeUint } from '../sip/numbers.js';
import type { ViaView } from '../sip/via.js';
import type { EditPlan } from './edit-plan.js';
import type { Endpoint } from './ports.js';

const DEFAULT_PORT = 5060;

/** `;received=` */
const RECEIVED = [0x3b, 0x72, 0x65, 0x63, 0x65, 0x69, 0x76, 0x65, 0x64, 0x3d];

export class ViaFix {
  readonly #rport = new Uint8Array(8);
  readonly #received = new Uint8Array(64);
  readonly #words = new AddressWords();

  /** Adds the edits of the top Via for a request that came from `source` to `plan`. */
  plan(via: ViaView, source: Endpoint, plan: EditPlan): void {
    if (via.rportStart >= 0) {
      this.#rport[0] = 0x3d;
      const length = writeUint(this.#rport, 1, source.port);
      plan.add(via.rportStart, via.rportEnd - via.rportStart, this.#rport, length);
    }
    if (via.receivedStart >= 0) {
      if (sameAddress(source, via.receivedFamily, via.received0, via.received1, via.received2, via.received3)) return;
      const length = this.#address(source, 0);
      plan.add(via.receivedStart, via.receivedEnd - via.receivedStart, this.#received, length);
      return;
    }
    if (via.rportStart < 0 && sameAddress(source, via.family, via.a0, via.a1, via.a2, via.a3)) return;
    for (let i = 0; i < RECEIVED.length; i++) this.#received[i] = RECEIVED[i]!;
    const length = this.#address(source, RECEIVED.length);
    plan.add(via.paramsEnd >= 0 ? via.paramsEnd : via.sentByEnd, 0, this.#received, length);
  }

  /** Writes the source address; without brackets, as the grammar of `received` has it. */
  #address(source: Endpoint, at: number): number {
    const words = this.#words;
    words.family = source.family;
    words.a0 = source.a0;
    words.a1 = source.a1;
    words.a2 = source.a2;
    words.a3 = source.a3;
    return source.family === 6 ? writeIpv6(this.#received, at, words) : writeIpv4(this.#received, at, words);
  }
}

/** Fills `out` with where responses to a request with this top Via go: back to its source, to the port that Via wants. */
export function replyEndpoint(via: ViaView, source: Endpoint, out: Endpoint): void {
  copyEndpoint(source, out);
  if (via.rportStart < 0) out.port = via.port === 0 ? DEFAULT_PORT : via.port;
}

const scratch = new AddressWords();

/**
 * Fills `out` with where a response whose top Via is now `via` goes, by the Via alone (§18.2.2, RFC 3581 §4). False when
 * it names no address that a datagram can be sent to. The listener is the caller's to choose.
 */
export function viaEndpoint(via: ViaView, out: Endpoint): boolean {
  if (via.receivedStart >= 0) {
    if (via.receivedFamily === 0) return false;
    out.family = via.receivedFamily;
    out.a0 = via.received0;
    out.a1 = via.received1;
    out.a2 = via.received2;
    out.a3 = via.received3;
  } else {
    if (via.family === 0) return false;
    out.family = via.family;
    out.a0 = via.a0;
    out.a1 = via.a1;
    out.a2 = via.a2;
    out.a3 = via.a3;
  }
  out.port = via.rport !== 0 ? via.rport : via.port !== 0 ? via.port : DEFAULT_PORT;
  out.connection = 0;
  return isUsable(out);
}

/** False for the unspecified, broadcast and multicast addresses: nothing is ever sent there. */
export function isUsable(to: Endpoint): boolean {
  scratch.family = to.family;
  scratch.a0 = to.a0;
  scratch.a1 = to.a1;
  scratch.a2 = to.a2;
  scratch.a3 = to.a3;
  const kind = classify(scratch);
  return to.port > 0 && kind !== ADDRESS_UNSPECIFIED && kind !== ADDRESS_BROADCAST && kind !== ADDRESS_MULTICAST;
}

export function copyEndpoint(from: Endpoint, to: Endpoint): void {
  to.listener = from.listener;
  to.family = from.family;
  to.port = from.port;
  to.a0 = from.a0;
  to.a1 = from.a1;
  to.a2 = from.a2;
  to.a3 = from.a3;
  to.connection = from.connection;
}

/** An endpoint to be filled. */
export function createEndpoint(): Endpoint {
  return { listener: 0, family: 4, port: 0, a0: 0, a1: 0, a2: 0, a3: 0, connection: 0 };
}

function sameAddress(source: Endpoint, family: number, a0: number, a1: number, a2: number, a3: number): boolean {
  return source.family === family && source.a0 === a0 && source.a1 === a1 && source.a2 === a2 && source.a3 === a3;
}

/**
 * A binding: one contact of an address-of-record (RFC 3261 §10), and all that a proxy has to know to reach it. Texts are octets as
 * they stood on the wire, so that they are written back unchanged. A binding and its parts are never written to: an update makes
 * another. Sans-I/O, any thread.
 */

/** Where the REGISTER came from: for clients behind NAT, and for flows (RFC 5626 §5.3). Words as in `sip/address-text.ts`. */
export interface ReceivedFrom {
  /** Index into the configured listeners: the local socket. */
  readonly listener: number;
  /** 4 or 6; 0 when the source is not known. */
  readonly family: number;
  /** 0 to 65535. */
  readonly port: number;
  readonly a0: number;
  readonly a1: number;
  readonly a2: number;
  readonly a3: number;
  /** Connection id of a stream transport; 0 for UDP. It means nothing after a restart. */
  readonly connection: number;
}

/** The source of a binding that nobody received, for example one that an operator added. */
export const RECEIVED_NOWHERE: ReceivedFrom = { listener: 0, family: 0, port: 0, a0: 0, a1: 0, a2: 0, a3: 0, connection: 0 };

/** No octets; shared. */
export const NO_BYTES: Uint8Array = new Uint8Array(0);

export interface Binding {
  /** Contact URI, without brackets. Its parameters and headers are in it. */
  readonly contact: Uint8Array;
  /** When it ends, milliseconds since 1970. At this time it is over. */
  readonly expiresMs: number;
  /** When it was last added or refreshed, milliseconds since 1970. */
  readonly updatedMs: number;
  /** Preference in thousandths, 0 to 1000; -1 when the client gave none. */
  readonly q: number;
  /** Call-ID and CSeq of the REGISTER that last changed it (RFC 3261 §10.3 step 7). */
  readonly callId: Uint8Array;
  readonly cseq: number;
  /** Path values (RFC 3327), top one first, whole with their brackets: the Route set of a request to this contact. */
  readonly path: readonly Uint8Array[];
  /** `+sip.instance` without quotes and brackets, for example `urn:uuid:…`; empty when there is none (RFC 5626 §4.1). */
  readonly instance: Uint8Array;
  /** `reg-id` when it counts, that is with an instance and outbound in use; else 0 (RFC 5626 §6). */
  readonly regId: number;
  /** User-Agent of the client; empty when it gave none. For people. */
  readonly userAgent: Uint8Array;
  /** Methods that the client takes, one bit `1 << M_*` each (`sip/methods.ts`); 0 when it did not say. */
  readonly methods: number;
  readonly received: ReceivedFrom;
}

/** Whether the binding is over at `nowMs`. */
export function isExpired(binding: Binding, nowMs: number): boolean {
  return binding.expiresMs <= nowMs;
}

/** When the first of `bindings` ends, milliseconds since 1970; `Infinity` when there is none. */
export function earliestExpiryMs(bindings: readonly Binding[]): number {
  let earliest = Infinity;
  for (const binding of bindings) {
    if (binding.expiresMs < earliest) earliest = binding.expiresMs;
  }
  return earliest;
}

/** The bindings that are not over at `nowMs`; the list itself when all are. */
export function aliveAt(bindings: readonly Binding[], nowMs: number): readonly Binding[] {
  return bindings.some((binding) => isExpired(binding, nowMs)) ? bindings.filter((binding) => !isExpired(binding, nowMs)) : bindings;
}

/**
 * What a call keeps of its dialog, in one block of the store: the remote target, and the Route, From, To and Call-ID lines
 * as they go into every request of the dialog (RFC 3261 §12.1).
 */
import { CALL_SLOTS, F_DIALOG, F_HOP, F_PEER_ENDPOINT, F_SOCKET } from './call-table.js';
import { copy, text, type Composer } from './composer.js';
import type { UaContext } from './context.js';
import { uriHostPort } from './endpoints.js';
import { TAG_BYTES } from './identity.js';

/** Route entries of one dialog. */
const ROUTES_MAX = 64;
/** `Route: ` and a line end. */
const ROUTE_LINE_BYTES = 9;
/** Names of three headers with their line ends, and a tag. */
const LINES_BYTES = 48 + TAG_BYTES;

export class Dialogs {
  private readonly ua: UaContext;
  private readonly composer: Composer;
  private readonly range = new Int32Array(2);
  private readonly entryStart = new Int32Array(ROUTES_MAX);
  private readonly entryEnd = new Int32Array(ROUTES_MAX);

  constructor(ua: UaContext, composer: Composer) {
    this.ua = ua;
    this.composer = composer;
  }

  /**
   * Stores the dialog of call `index` from the scanned message: a 2xx to the caller's INVITE, or (`callee`) the INVITE.
   * False when the store is full.
   */
  keep(index: number, callee: boolean): boolean {
    const { ua, range } = this;
    const { bytes, slots, words, scan } = ua;
    const at = index * CALL_SLOTS;
    // A Contact there must be (§13.3.1.4); without one, the address of record is what is left.
    if (scan.contactStart >= 0) this.uriOf(scan.contactStart, scan.contactEnd);
    else this.uriOf(callee ? scan.fromStart : scan.toStart, callee ? scan.fromEnd : scan.toEnd);
    const target = range[0]!;
    const targetBytes = range[1]! - target;
    const routes = this.routeEntries();
    let room = 8 + targetBytes + LINES_BYTES + (scan.fromEnd - scan.fromStart) + (scan.toEnd - scan.toStart) + (scan.callIdEnd - scan.callIdStart);
    for (let i = 0; i < routes; i++) room += this.entryEnd[i]! - this.entryStart[i]! + ROUTE_LINE_BYTES;
    const block = ua.store.allocate(room);
    if (block === 0) return false;
    let to = copy(bytes, block + 8, target, targetBytes);
    const lines = to;
    // The callee takes the recorded routes as they stand, the caller in reverse (§12.1.1, §12.1.2).
    for (let i = 0; i < routes; i++) {
      const entry = callee ? i : routes - 1 - i;
      to = text(bytes, to, 'Route: ');
      to = copy(bytes, to, this.entryStart[entry]!, this.entryEnd[entry]! - this.entryStart[entry]!);
      to = text(bytes, to, '\r\n');
    }
    to = callee ? this.calleeLines(to, index) : this.callerLines(to);
    words[block >> 2] = targetBytes;
    words[(block >> 2) + 1] = to - lines;
    slots[at + F_DIALOG] = block;
    const first = callee ? 0 : routes - 1;
    if (routes > 0) this.uriOf(this.entryStart[first]!, this.entryEnd[first]!);
    slots[at + F_HOP] = this.hop(index, range[0]!, range[1]!);
    return true;
  }

  private callerLines(to: number): number {
    const { bytes, scan } = this.ua;
    let at = text(bytes, to, 'From: ');
    if (scan.toStart - scan.fromEnd === 6 && scan.callIdStart - scan.toEnd === 11) {
      // The three stand one below the other and nothing else fits in between.
      at = copy(bytes, at, scan.fromStart, scan.callIdEnd - scan.fromStart);
      return text(bytes, at, '\r\n');
    }
    at = copy(bytes, at, scan.fromStart, scan.fromEnd - scan.fromStart);
    at = text(bytes, at, '\r\nTo: ');
    at = copy(bytes, at, scan.toStart, scan.toEnd - scan.toStart);
    return this.callIdLine(at);
  }

  private calleeLines(to: number, index: number): number {
    const { bytes, scan } = this.ua;
    let at = text(bytes, to, 'From: ');
    at = copy(bytes, at, scan.toStart, scan.toEnd - scan.toStart);
    at = this.composer.tag(at, index);
    at = text(bytes, at, '\r\nTo: ');
    at = copy(bytes, at, scan.fromStart, scan.fromEnd - scan.fromStart);
    return this.callIdLine(at);
  }

  private callIdLine(to: number): number {
    const { bytes, scan } = this.ua;
    let at = text(bytes, to, '\r\nCall-ID: ');
    at = copy(bytes, at, scan.callIdStart, scan.callIdEnd - scan.callIdStart);
    return text(bytes, at, '\r\n');
  }

  /** Endpoint of the URI; where it names a host and no address, what the call has gone through so far. */
  private hop(index: number, start: number, end: number): number {
    const { ua, range } = this;
    const at = index * CALL_SLOTS;
    const socket = ua.slots[at + F_SOCKET]!;
    if (uriHostPort(ua.bytes, start, end, range)) {
      const number = ua.endpoints.numberOfHostPort(ua.bytes, range[0]!, range[1]!, socket);
      if (number >= 0) return number;
    }
    return socket < ua.callers ? ua.targets[socket]! : ua.slots[at + F_PEER_ENDPOINT]!;
  }

  /** The URI in a name-addr or addr-spec, into `range`. */
  private uriOf(start: number, end: number): void {
    const { bytes } = this.ua;
    let at = start;
    while (at < end && bytes[at] !== 0x3c) at++;
    const bracketed = at < end;
    const uri = bracketed ? at + 1 : start;
    let stop = uri;
    while (stop < end && bytes[stop] !== (bracketed ? 0x3e : 0x3b)) stop++;
    this.range[0] = uri;
    this.range[1] = stop;
  }

  /** Finds the entries of all Record-Route lines, of which one line may hold several; returns their number. */
  private routeEntries(): number {
    const { bytes, scan } = this.ua;
    let count = 0;
    for (let line = 0; line < scan.routes; line++) {
      const end = scan.routeEnd[line]!;
      let start = scan.routeStart[line]!;
      let inside = false;
      for (let at = start; at <= end; at++) {
        const byte = at < end ? bytes[at]! : 0x2c;
        if (byte === 0x3c) inside = true;
        else if (byte === 0x3e) inside = false;
        else if (byte === 0x2c && (!inside || at === end) && count < ROUTES_MAX) {
          this.entryStart[count] = start;
          this.entryEnd[count++] = at;
          start = at + 1;
          while (start < end && bytes[start]! <= 0x20) start++;
        }
      }
    }
    return count;
  }
}

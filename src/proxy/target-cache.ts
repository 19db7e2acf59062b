/**
 * Targets that scripts name as strings, parsed and resolved once: a script relays to the same few hops call after call.
 * Bounded; when it is full it starts over, since which strings come back cannot be told. Sans-I/O.
 */
import { HOP_BAD_URI, NextHop, resolveUri } from './next-hop.js';
import { bytesOf } from '../script/text.js';

/** Strings remembered. */
const MAX_TARGETS = 1024;

export interface CachedTarget {
  readonly bytes: Uint8Array;
  readonly hop: NextHop;
}

export class TargetCache {
  readonly #targets = new Map<string, CachedTarget>();

  /** The target for a URI string. Its hop is borrowed: the listener in `hop.to` is set by each use. */
  get(uri: string): CachedTarget {
    const known = this.#targets.get(uri);
    if (known !== undefined) return known;
    if (this.#targets.size >= MAX_TARGETS) this.#targets.clear();
    const bytes = bytesOf(uri);
    const hop = new NextHop();
    hop.fault = HOP_BAD_URI;
    resolveUri(bytes, 0, bytes.length, hop);
    const target = { bytes, hop };
    this.#targets.set(uri, target);
    return target;
  }
}

/**
 * WWW-Authenticate and Proxy-Authenticate header fields (RFC 3261 §22.2, §22.3; RFC 7616 §3.3): one for each algorithm, in the order of
 * preference, which is the order that clients choose by (RFC 8760 §2.3). Prepared once for a realm, so that a challenge is a
 * copy and a nonce. Any thread.
 */
import { M_ACK, M_CANCEL } from '../sip/methods.js';
import { ALGORITHM_NAMES, type DigestAlgorithm } from './algorithms.js';
import { NONCE_CHARS } from './nonces.js';
import { quoteText } from './quoting.js';
import type { DigestRealm } from './realm.js';

/** A user agent server challenges with 401 and WWW-Authenticate, a proxy with 407 and Proxy-Authenticate. */
export type ChallengeKind = 'www' | 'proxy';

export interface ChallengeSettings {
  /** Algorithms in the order of preference, each once, one at least. */
  readonly algorithms: readonly DigestAlgorithm[];
  /** Comes back in the credentials and means nothing here: the nonce carries what there is to know. Visible ASCII. */
  readonly opaque?: string;
}

const HEADER_NAMES: Readonly<Record<ChallengeKind, string>> = { www: 'WWW-Authenticate', proxy: 'Proxy-Authenticate' };

const encoder = new TextEncoder();
const STALE = encoder.encode(', stale=true');
const LINE_END = encoder.encode('\r\n');

/** Whether a request with this method (`M_*`) may be challenged at all: ACK and CANCEL cannot be sent again (RFC 3261 §22.1). */
export function mayChallenge(method: number): boolean {
  return method !== M_ACK && method !== M_CANCEL;
}

export class Challenges {
  /** Most bytes that `write` writes. */
  readonly bytesMax: number;

  /** Header line up to the nonce, by kind, and the rest of the value behind it, by algorithm. */
  readonly #heads: Readonly<Record<ChallengeKind, Uint8Array>>;
  readonly #tails: readonly Uint8Array[];

  /** A RangeError when there is no algorithm, one of them stands twice, or opaque is not visible ASCII. */
  constructor(realm: DigestRealm, settings: ChallengeSettings) {
    const { algorithms, opaque } = settings;
    if (algorithms.length === 0 || new Set(algorithms).size < algorithms.length || algorithms.some((name) => !ALGORITHM_NAMES.includes(name))) {
      throw new RangeError(`the algorithms of challenges are one or more of ${ALGORITHM_NAMES.join(', ')}, each once`);
    }
    if (opaque !== undefined && !/^[\x21-\x7e]{1,128}$/.test(opaque)) throw new RangeError('opaque is 1 to 128 visible characters of ASCII');
    const head = (kind: ChallengeKind): Uint8Array => encoder.encode(`${HEADER_NAMES[kind]}: Digest realm="${quoteText(realm.name)}", nonce="`);
    this.#heads = { www: head('www'), proxy: head('proxy') };
    const opaqueText = opaque === undefined ? '' : `, opaque="${quoteText(opaque)}"`;
    this.#tails = algorithms.map((name) => encoder.encode(`"${opaqueText}, algorithm=${name}, qop="auth"`));
    const otherBytes = this.#heads.proxy.length + NONCE_CHARS + STALE.length + LINE_END.length;
    this.bytesMax = this.#tails.reduce((sum, tail) => sum + tail.length + otherBytes, 0);
  }

  /**
   * Writes the header lines of a challenge at `at`, each with its line end; the offset behind them. `nonce` has NONCE_CHARS
   * bytes; all algorithms share it. The caller has `bytesMax` bytes of room.
   */
  write(kind: ChallengeKind, nonce: Uint8Array, stale: boolean, out: Uint8Array, at: number): number {
    const head = this.#heads[kind];
    for (const tail of this.#tails) {
      at = put(head, out, at);
      at = put(nonce, out, at);
      at = put(tail, out, at);
      if (stale) at = put(STALE, out, at);
      at = put(LINE_END, out, at);
    }
    return at;
  }
}

function put(piece: Uint8Array, out: Uint8Array, at: number): number {
  out.set(piece, at);
  return at + piece.length;
}

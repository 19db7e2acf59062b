/**
 * Judges the credentials of a request (RFC 3261 §22.4, RFC 7616 §3.4), in two steps, because HA1 of the user may have to be fetched from
 * somewhere in between: `begin` reads the message, `finish` computes. Reused from request to request, one a thread.
 *
 * Only somebody who knows the password learns anything about his nonce, and only he changes anything: the hash comes first,
 * then the nonce, then the nonce count. A user who does not exist takes as long as one with another password.
 */
import type { AddressWords } from '../sip/address-text.js';
import { ascii, equalsIgnoreCase } from '../sip/chars.js';
import { FIELD_END, FIELD_STRIDE, FIELD_VALUE } from '../sip/header-fields.js';
import { H_AUTHORIZATION, H_PROXY_AUTHORIZATION } from '../sip/header-names.js';
import type { MessageView } from '../sip/message.js';
import { ALGORITHM_NAMES, ALG_MD5, ALG_UNKNOWN, HASH_DIGITS, HASH_DIGITS_MAX, type DigestAlgorithm, algorithmOf } from './algorithms.js';
import type { ChallengeKind } from './challenge.js';
import { sameDigits } from './constant-time.js';
import {
  CE_NONE,
  CE_SCHEME,
  CREDENTIAL_VALUE_BYTES_MAX,
  CredentialsView,
  P_ALGORITHM,
  P_CNONCE,
  P_NC,
  P_NONCE,
  P_QOP,
  P_REALM,
  P_RESPONSE,
  P_URI,
  P_USERHASH,
  P_USERNAME,
  parseCredentials,
} from './credentials.js';
import { COUNT_FRESH, COUNT_USED, type NonceCounts } from './nonce-counts.js';
import { NONCE_VALID, type Nonces } from './nonces.js';
import type { DigestHashes } from './ports.js';
import { copyUnquoted, equalsUnquoted } from './quoting.js';
import type { DigestRealm } from './realm.js';
import { METHOD_BYTES_MAX, ResponseDigest, isHa1 } from './response.js';
import { type UriCheck, uriMatches } from './uri-check.js';
import {
  V_MALFORMED,
  V_NO_CREDENTIALS,
  V_OK,
  V_PENDING,
  V_REPLAY,
  V_STALE,
  V_UNSUPPORTED_ALGORITHM,
  V_UNSUPPORTED_QOP,
  V_WRONG_PASSWORD,
  V_WRONG_URI,
} from './verdicts.js';

export interface VerifierSettings {
  /** Algorithms that are accepted: those of the challenges. */
  readonly algorithms: readonly DigestAlgorithm[];
  /**
   * `optional` accepts credentials without qop too, as clients of RFC 2069 send them. They have no nonce count, so that each
   * of their nonces is good for one request.
   */
  readonly qop: 'required' | 'optional';
  readonly uriCheck: UriCheck;
}

const AUTH = ascii('auth');
const FALSE = ascii('false');

const HEADER_IDS: Readonly<Record<ChallengeKind, number>> = { www: H_AUTHORIZATION, proxy: H_PROXY_AUTHORIZATION };

/** What a user who does not exist is computed with; no comparison with it counts. */
const NO_HA1: readonly string[] = HASH_DIGITS.map((digits) => '0'.repeat(digits));

const decoder = new TextDecoder();

export class DigestVerifier {
  readonly #nonces: Nonces;
  readonly #counts: NonceCounts | null;
  readonly #settings: VerifierSettings;
  /** Whether each `ALG_*` is accepted. */
  readonly #accepts: readonly boolean[];
  readonly #digest: ResponseDigest;
  readonly #credentials = new CredentialsView();
  readonly #expected = new Uint8Array(HASH_DIGITS_MAX);
  readonly #unquoted = new Uint8Array(CREDENTIAL_VALUE_BYTES_MAX);

  // Set by `begin` for `finish`.
  #view: MessageView | null = null;
  #realm: DigestRealm | null = null;
  #algorithm = ALG_UNKNOWN;
  #withQop = false;

  /** `counts` is the table that all shards share; null leaves replay protection to the lifetime of nonces. */
  constructor(hashes: DigestHashes, nonces: Nonces, counts: NonceCounts | null, settings: VerifierSettings) {
    this.#digest = new ResponseDigest(hashes);
    this.#nonces = nonces;
    this.#counts = counts;
    this.#settings = settings;
    this.#accepts = ALGORITHM_NAMES.map((name) => settings.algorithms.includes(name));
  }

  /**
   * Finds the credentials of a validated request for `realm`, in Authorization (`www`) or Proxy-Authorization (`proxy`). V_PENDING
   * when all that is missing is the password; otherwise the verdict. Not for ACK and CANCEL (`mayChallenge`), which repeat the
   * credentials of their INVITE.
   *
   * The view and its bytes are borrowed until `finish`: who has waited for something since then calls `begin` again.
   */
  begin(view: MessageView, kind: ChallengeKind, realm: DigestRealm): number {
    const credentials = this.#credentials;
    const { bytes, fields } = view;
    const id = HEADER_IDS[kind];
    this.#view = null;
    let verdict = V_NO_CREDENTIALS;
    for (let field = view.nextField(id, -1); field >= 0; field = view.nextField(id, field)) {
      const slot = field * FIELD_STRIDE;
      const error = parseCredentials(bytes, fields[slot + FIELD_VALUE]!, fields[slot + FIELD_END]!, credentials);
      if (error === CE_SCHEME) continue;
      // Credentials for others pass through here, whatever their form.
      if (credentials.has(P_REALM) && !this.#is(bytes, P_REALM, realm.bytes)) continue;
      if (error !== CE_NONE) {
        if (verdict === V_NO_CREDENTIALS) verdict = V_MALFORMED;
        continue;
      }
      const judged = this.#judge(view);
      if (judged === V_PENDING) {
        this.#view = view;
        this.#realm = realm;
        return V_PENDING;
      }
      // A client may answer several challenges of a realm, some of which are not for us to check (RFC 8760 §2.4).
      if (verdict === V_NO_CREDENTIALS || verdict === V_MALFORMED) verdict = judged;
    }
    return verdict;
  }

  /** User name in the credentials, after V_PENDING: as sent, perhaps with a domain. Octets that are no UTF-8 are replaced. */
  username(): string {
    const { starts, ends } = this.#credentials;
    const end = copyUnquoted(this.#pending().bytes, starts[P_USERNAME]!, ends[P_USERNAME]!, this.#unquoted, 0);
    return decoder.decode(this.#unquoted.subarray(0, end));
  }

  /** The algorithm that HA1 is needed for, after V_PENDING. */
  algorithm(): DigestAlgorithm {
    this.#pending();
    return ALGORITHM_NAMES[this.#algorithm]!;
  }

  /**
   * The verdict, after V_PENDING: V_OK, V_WRONG_PASSWORD, V_STALE or V_REPLAY. `ha1` is the hash of `username()` for
   * `algorithm()` in hexadecimal; undefined, or text of another form, when there is none. `source` is where the request came
   * from. V_OK uses up the nonce count, so it is called once for a request.
   */
  finish(ha1: string | undefined, nowMs: number, source: AddressWords | null): number {
    const view = this.#pending();
    const realm = this.#realm!;
    this.#view = null;
    const { bytes } = view;
    const credentials = this.#credentials;
    const { starts, ends } = credentials;

    const name = ALGORITHM_NAMES[this.#algorithm]!;
    const known = ha1 !== undefined && isHa1(ha1, name);
    const key = known ? ha1.toLowerCase() : NO_HA1[this.#algorithm]!;
    const digits = this.#digest.compute(bytes, credentials, this.#algorithm, key, this.#withQop, bytes, view.methodStart, view.methodEnd, this.#expected);
    const right = sameDigits(this.#expected, 0, bytes, starts[P_RESPONSE]!, digits);
    this.#expected.fill(0);
    if (!right || !known) return V_WRONG_PASSWORD;

    const nonces = this.#nonces;
    if (nonces.check(bytes, starts[P_NONCE]!, ends[P_NONCE]!, realm, nowMs, source) !== NONCE_VALID) return V_STALE;
    if (this.#counts === null) return V_OK;
    switch (this.#counts.use(nonces.tag0, nonces.tag1, nonces.issuedMs, this.#withQop ? credentials.nonceCount : 1)) {
      case COUNT_FRESH:
        return V_OK;
      case COUNT_USED:
        return V_REPLAY;
      default:
        return V_STALE;
    }
  }

  /** Everything about well-formed credentials of the realm that needs no password. */
  #judge(view: MessageView): number {
    const { bytes } = view;
    const credentials = this.#credentials;
    const { starts, ends } = credentials;

    if (credentials.has(P_USERHASH) && !this.#isWord(bytes, P_USERHASH, FALSE)) return V_UNSUPPORTED_ALGORITHM;
    this.#algorithm = credentials.has(P_ALGORITHM) ? algorithmOf(bytes, starts[P_ALGORITHM]!, ends[P_ALGORITHM]!) : ALG_MD5;
    if (this.#algorithm === ALG_UNKNOWN || !this.#accepts[this.#algorithm]) return V_UNSUPPORTED_ALGORITHM;

    this.#withQop = credentials.has(P_QOP);
    if (this.#withQop) {
      if (!this.#isWord(bytes, P_QOP, AUTH)) return V_UNSUPPORTED_QOP;
      if (!credentials.has(P_NC) || !credentials.has(P_CNONCE)) return V_MALFORMED;
    } else if (this.#settings.qop === 'required') {
      return V_UNSUPPORTED_QOP;
    }
    if (ends[P_RESPONSE]! - starts[P_RESPONSE]! !== HASH_DIGITS[this.#algorithm]) return V_MALFORMED;
    if (view.methodEnd - view.methodStart > METHOD_BYTES_MAX) return V_MALFORMED;

    const uriEnd = copyUnquoted(bytes, starts[P_URI]!, ends[P_URI]!, this.#unquoted, 0);
    return uriMatches(this.#settings.uriCheck, this.#unquoted, 0, uriEnd, bytes, view.uriStart, view.uriEnd) ? V_PENDING : V_WRONG_URI;
  }

  #is(bytes: Uint8Array, param: number, expected: Uint8Array): boolean {
    return equalsUnquoted(bytes, this.#credentials.starts[param]!, this.#credentials.ends[param]!, expected);
  }

  #isWord(bytes: Uint8Array, param: number, lowerAscii: Uint8Array): boolean {
    return equalsIgnoreCase(bytes, this.#credentials.starts[param]!, this.#credentials.ends[param]!, lowerAscii);
  }

  #pending(): MessageView {
    if (this.#view === null) throw new Error('no credentials are pending: begin() has not returned V_PENDING, or finish() was called');
    return this.#view;
  }
}

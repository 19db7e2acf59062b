/** A server that challenges and verifies, and requests for it: what the tests of authentication share. */
import { type DigestAlgorithm } from '../../../src/auth/algorithms.js';
import { Challenges, type ChallengeKind } from '../../../src/auth/challenge.js';
import { NonceCounts } from '../../../src/auth/nonce-counts.js';
import { NONCE_CHARS, Nonces } from '../../../src/auth/nonces.js';
import { DigestRealm } from '../../../src/auth/realm.js';
import { digestHa1 } from '../../../src/auth/response.js';
import { VERDICT_NAMES, V_PENDING } from '../../../src/auth/verdicts.js';
import { DigestVerifier, type VerifierSettings } from '../../../src/auth/verifier.js';
import { nodeDigestPorts } from '../../../src/auth-node/ports.js';
import type { AddressWords } from '../../../src/sip/address-text.js';
import { MessageView } from '../../../src/sip/message.js';
import { bytesOf } from '../../../src/sim/sent-message.js';

export const SECRET = new Uint8Array(32).fill(7);
export const START_MS = 1_790_000_000_000;
export const LIFETIME_MS = 300_000;
export const ALGORITHMS: readonly DigestAlgorithm[] = ['SHA-512-256', 'SHA-256', 'MD5'];

export interface ShardOptions extends Partial<VerifierSettings> {
  readonly secret?: Uint8Array;
  readonly bindToSource?: boolean;
  /** The table that it shares with other shards; its own when absent, none when null. */
  readonly table?: SharedArrayBuffer | null;
  readonly opaque?: string;
  readonly realm?: string;
}

/** What one shard has for authentication, with a user `alice` whose password is `wonderland`. */
export class AuthShard {
  readonly realm: DigestRealm;
  readonly nonces: Nonces;
  readonly verifier: DigestVerifier;
  readonly challenges: Challenges;
  readonly ports;
  nowMs = START_MS;

  constructor(options: ShardOptions = {}) {
    this.ports = nodeDigestPorts(options.secret ?? SECRET);
    this.realm = new DigestRealm(options.realm ?? 'example.com');
    const algorithms = options.algorithms ?? ALGORITHMS;
    this.challenges = new Challenges(this.realm, { algorithms, ...(options.opaque === undefined ? {} : { opaque: options.opaque }) });
    this.nonces = new Nonces(this.ports, { lifetimeMs: LIFETIME_MS, bindToSource: options.bindToSource ?? false });
    const table = options.table === undefined ? NonceCounts.create(256, START_MS) : options.table;
    const counts = table === null ? null : new NonceCounts(table);
    this.verifier = new DigestVerifier(this.ports, this.nonces, counts, { algorithms, qop: options.qop ?? 'required', uriCheck: options.uriCheck ?? 'lenient' });
  }

  nonce(source: AddressWords | null = null): string {
    const out = new Uint8Array(NONCE_CHARS);
    this.nonces.issue(this.realm, this.nowMs, source, out, 0);
    return String.fromCharCode(...out);
  }

  /** The header lines of a challenge. */
  challenge(kind: ChallengeKind = 'www', stale = false): string[] {
    const out = new Uint8Array(this.challenges.bytesMax);
    const end = this.challenges.write(kind, bytesOf(this.nonce()), stale, out, 0);
    return new TextDecoder().decode(out.subarray(0, end)).split('\r\n').slice(0, -1);
  }

  /** Name of the verdict on a request; `password` is the one that the store has, undefined for nobody. */
  judge(view: MessageView, { kind = 'www', password = 'wonderland', source = null }: { kind?: ChallengeKind; password?: string | null; source?: AddressWords | null } = {}): string {
    const { verifier } = this;
    let verdict = verifier.begin(view, kind, this.realm);
    if (verdict === V_PENDING) {
      const ha1 = password === null ? undefined : digestHa1(this.ports, verifier.algorithm(), verifier.username(), this.realm.name, password);
      verdict = verifier.finish(ha1, this.nowMs, source);
    }
    return VERDICT_NAMES[verdict]!;
  }
}

/** A parsed request with these header lines besides the usual ones. */
export function request(lines: readonly string[], { method = 'REGISTER', uri = 'sip:example.com' } = {}): MessageView {
  const text = [
    `${method} ${uri} SIP/2.0`,
    'Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1',
    'From: <sip:alice@example.com>;tag=1',
    'To: <sip:alice@example.com>',
    'Call-ID: 1',
    `CSeq: 1 ${method}`,
    'Max-Forwards: 70',
    ...lines,
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
  const bytes = bytesOf(text);
  const view = new MessageView(64);
  const error = view.parse(bytes, 0, bytes.length) || view.validateRequest();
  if (error !== 0) throw new Error(`the request of the test has error ${error}`);
  return view;
}

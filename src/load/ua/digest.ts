/**
 * Digest authentication, as far as a load generator needs it: reading a challenge, answering it, checking an answer
 * (RFC 7616, RFC 2617, RFC 8760; qop auth or none). Strings, because it is off the hot path. Any thread.
 */
import { createHash } from 'node:crypto';
import type { DigestAlgorithm } from '../../auth/algorithms.js';
import { quoteText } from '../../auth/quoting.js';

export type { DigestAlgorithm };

/** A challenge that we can answer. */
export interface DigestChallenge {
  readonly realm: string;
  readonly nonce: string;
  readonly opaque: string | undefined;
  readonly algorithm: DigestAlgorithm;
  /** Whether the algorithm was named: then the answer names it too. */
  readonly namesAlgorithm: boolean;
  /** A `-sess` algorithm. */
  readonly session: boolean;
  readonly qop: 'auth' | 'none';
  readonly stale: boolean;
}

const HASHES: Readonly<Record<DigestAlgorithm, string>> = { MD5: 'md5', 'SHA-256': 'sha256', 'SHA-512-256': 'sha512-256' };

/** Hash of text in hexadecimal. */
export function digestHash(algorithm: DigestAlgorithm, text: string): string {
  return createHash(HASHES[algorithm]).update(text).digest('hex');
}

/** Parameters of `Digest a="b", c=d`; names in lower case. Undefined when the scheme is another. */
export function parseDigest(value: string): ReadonlyMap<string, string> | undefined {
  const scheme = /^\s*digest\s+/i.exec(value);
  if (scheme === null) return undefined;
  const parameters = new Map<string, string>();
  for (const match of value.slice(scheme[0].length).matchAll(/([\w!%*+.'`~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g)) {
    parameters.set(match[1]!.toLowerCase(), match[3] ?? match[2]!.replace(/\\(.)/g, '$1'));
  }
  return parameters;
}

/** The challenge in a WWW-Authenticate or Proxy-Authenticate value; undefined when we cannot answer it. */
export function parseChallenge(value: string): DigestChallenge | undefined {
  const parameters = parseDigest(value);
  const realm = parameters?.get('realm');
  const nonce = parameters?.get('nonce');
  if (parameters === undefined || realm === undefined || nonce === undefined) return undefined;
  const named = parameters.get('algorithm');
  const match = /^(MD5|SHA-256|SHA-512-256)(-sess)?$/i.exec(named ?? 'MD5');
  if (match === null) return undefined;
  const qops = parameters.get('qop')?.split(',').map((qop) => qop.trim().toLowerCase());
  if (qops !== undefined && !qops.includes('auth')) return undefined;
  return {
    realm,
    nonce,
    opaque: parameters.get('opaque'),
    algorithm: match[1]!.toUpperCase() as DigestAlgorithm,
    namesAlgorithm: named !== undefined,
    session: match[2] !== undefined,
    qop: qops === undefined ? 'none' : 'auth',
    stale: parameters.get('stale')?.toLowerCase() === 'true',
  };
}

/** Who answers what. */
export interface DigestRequest {
  readonly method: string;
  readonly uri: string;
  readonly user: string;
  readonly password: string;
  /** How often the nonce was used, this time included. */
  readonly count: number;
  readonly cnonce: string;
}

/** The value of an Authorization or Proxy-Authorization header that answers `challenge`. */
export function answerChallenge(challenge: DigestChallenge, request: DigestRequest): string {
  const { realm, nonce, opaque, algorithm, session, qop } = challenge;
  const { method, uri, user, password, count, cnonce } = request;
  const nc = count.toString(16).padStart(8, '0');
  const response = digestResponse({ realm, nonce, algorithm, session, qop, method, uri, user, password, nc, cnonce });
  const parts = [`username="${quoteText(user)}"`, `realm="${quoteText(realm)}"`, `nonce="${quoteText(nonce)}"`, `uri="${uri}"`, `response="${response}"`];
  if (challenge.namesAlgorithm) parts.push(`algorithm=${algorithm}${session ? '-sess' : ''}`);
  if (opaque !== undefined) parts.push(`opaque="${quoteText(opaque)}"`);
  if (qop === 'auth') parts.push('qop=auth', `nc=${nc}`);
  if (qop === 'auth' || session) parts.push(`cnonce="${cnonce}"`);
  return `Digest ${parts.join(', ')}`;
}

interface DigestInput {
  readonly realm: string;
  readonly nonce: string;
  readonly algorithm: DigestAlgorithm;
  readonly session: boolean;
  readonly qop: 'auth' | 'none';
  readonly method: string;
  readonly uri: string;
  readonly user: string;
  readonly password: string;
  readonly nc: string;
  readonly cnonce: string;
}

function digestResponse(input: DigestInput): string {
  const { realm, nonce, algorithm, session, qop, method, uri, user, password, nc, cnonce } = input;
  let secret = digestHash(algorithm, `${user}:${realm}:${password}`);
  if (session) secret = digestHash(algorithm, `${secret}:${nonce}:${cnonce}`);
  const subject = digestHash(algorithm, `${method}:${uri}`);
  return digestHash(algorithm, qop === 'auth' ? `${secret}:${nonce}:${nc}:${cnonce}:auth:${subject}` : `${secret}:${nonce}:${subject}`);
}

/** Whether the credentials in an Authorization value are those of a user with this password. */
export function checkCredentials(
  parameters: ReadonlyMap<string, string>, method: string, expected: { realm: string; nonce: string; algorithm: DigestAlgorithm; qop: 'auth' | 'none' }, password: string,
): boolean {
  const { realm, nonce, algorithm, qop } = expected;
  if (parameters.get('realm') !== realm || parameters.get('nonce') !== nonce || (qop === 'auth') !== (parameters.get('qop') === 'auth')) return false;
  const response = digestResponse({
    realm, nonce, algorithm, session: false, qop, method, password,
    uri: parameters.get('uri') ?? '', user: parameters.get('username') ?? '', nc: parameters.get('nc') ?? '', cnonce: parameters.get('cnonce') ?? '',
  });
  return parameters.get('response')?.toLowerCase() === response;
}

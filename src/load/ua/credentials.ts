/**
 * Credentials of calls: answers digest challenges for the caller, and checks such answers for the callee. The only part of
 * the user agents that works with strings: hashing costs more than they do.
 */
import { METHOD_NAMES } from '../../sip/methods.js';
import { CHALLENGE_NONCE, OP_METHOD, type ChallengeSpec } from '../scenario/program.js';
import { CALL_SLOTS, F_AUTHORIZATION, F_DIALOG, F_GENERATION, F_PEER, F_SOCKET, F_STEP, F_USER } from './call-table.js';
import type { UaContext } from './context.js';
import { answerChallenge, checkCredentials, parseChallenge, parseDigest, type DigestChallenge } from './digest.js';
import { hex } from './identity.js';

/** A challenge that a call has answered: the next request of it answers in advance (RFC 7616 §3.6). */
interface Answered {
  readonly challenge: DigestChallenge;
  readonly header: 'Authorization' | 'Proxy-Authorization';
  count: number;
}

const decoder = new TextDecoder('latin1');

export class Credentials {
  private readonly ua: UaContext;
  private readonly answered = new Map<number, Answered>();

  constructor(ua: UaContext) {
    this.ua = ua;
  }

  /** Gives the request that begins now the credentials of the call, if it has any. */
  renew(index: number): void {
    if (this.answered.size === 0) return;
    const state = this.answered.get(index);
    if (state !== undefined) this.write(index, state);
  }

  /**
   * Answers the challenge of the scanned response for the request in progress. False when it cannot be: no challenge that we
   * know, or `again` and not merely stale.
   */
  answer(index: number, again: boolean): boolean {
    const { scan, bytes } = this.ua;
    for (let i = 0; i < scan.challenges; i++) {
      const challenge = parseChallenge(decoder.decode(bytes.subarray(scan.challengeStart[i], scan.challengeEnd[i])));
      if (challenge === undefined) continue;
      if (again && !challenge.stale) return false;
      const state: Answered = { challenge, header: scan.status === 401 ? 'Authorization' : 'Proxy-Authorization', count: 0 };
      this.answered.set(index, state);
      return this.write(index, state);
    }
    return false;
  }

  /** Forgets call `index`, which is over. */
  forget(index: number): void {
    if (this.answered.size > 0) this.answered.delete(index);
  }

  private write(index: number, state: Answered): boolean {
    const { ua } = this;
    const { slots } = ua;
    const at = index * CALL_SLOTS;
    const { name, password } = ua.names.user(slots[at + F_USER]!);
    const method = METHOD_NAMES[ua.code[slots[at + F_STEP]! + OP_METHOD]!]!;
    const count = ++state.count;
    const cnonce = `${hex(index, 6)}${hex(slots[at + F_GENERATION]!, 6)}`;
    const line = `${state.header}: ${answerChallenge(state.challenge, { method, uri: this.requestUri(at, method), user: name, password, count, cnonce })}\r\n`;
    ua.store.free(slots[at + F_AUTHORIZATION]!);
    slots[at + F_AUTHORIZATION] = 0;
    // A name in UTF-8 has up to three bytes a character.
    const block = ua.store.allocate(4 + line.length * 3);
    if (block === 0) return false;
    const { written } = new TextEncoder().encodeInto(line, ua.bytes.subarray(block + 4, block + 4 + line.length * 3));
    ua.words[block >> 2] = written;
    slots[at + F_AUTHORIZATION] = block;
    return true;
  }

  private requestUri(at: number, method: string): string {
    const { slots, bytes, words, names, domains } = this.ua;
    const dialog = slots[at + F_DIALOG]!;
    if (dialog !== 0) return decoder.decode(bytes.subarray(dialog + 8, dialog + 8 + words[dialog >> 2]!));
    const domain = domains[slots[at + F_SOCKET]!]!;
    if (method === 'REGISTER') return `sip:${domain}`;
    const peer = slots[at + F_PEER]!;
    return `sip:${decoder.decode(bytes.subarray(names.at[peer], names.at[peer + 1]))}@${domain}`;
  }

  /** Whether the scanned request answers `challenge` with the right credentials; `wrong`: with others; `none`: not at all. */
  check(challenge: ChallengeSpec): 'good' | 'wrong' | 'none' {
    const { scan, bytes, names } = this.ua;
    if (scan.authorizationStart < 0) return 'none';
    const parameters = parseDigest(decoder.decode(bytes.subarray(scan.authorizationStart, scan.authorizationEnd)));
    if (parameters === undefined || parameters.get('realm') !== challenge.realm) return 'none';
    if (parameters.get('nonce') !== CHALLENGE_NONCE) return 'none';
    const user = names.find(parameters.get('username') ?? '');
    if (user < 0) return 'wrong';
    const expected = { realm: challenge.realm, nonce: CHALLENGE_NONCE, algorithm: challenge.algorithm, qop: challenge.qop };
    return checkCredentials(parameters, METHOD_NAMES[scan.method]!, expected, names.user(user).password) ? 'good' : 'wrong';
  }
}

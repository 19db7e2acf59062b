import { describe, expect, it } from 'vitest';
import { Challenges, mayChallenge } from '../../../src/auth/challenge.js';
import { NONCE_CHARS } from '../../../src/auth/nonces.js';
import { DigestRealm } from '../../../src/auth/realm.js';
import * as verdicts from '../../../src/auth/verdicts.js';
import { M_ACK, M_CANCEL, M_INVITE, M_REGISTER } from '../../../src/sip/methods.js';

const NONCE = new Uint8Array(NONCE_CHARS).fill(0x61);
const N = 'a'.repeat(NONCE_CHARS);

function text(challenges: Challenges, kind: 'www' | 'proxy', stale: boolean): string {
  const out = new Uint8Array(challenges.bytesMax + 3);
  const end = challenges.write(kind, NONCE, stale, out, 3);
  expect(end - 3).toBeLessThanOrEqual(challenges.bytesMax);
  return new TextDecoder().decode(out.subarray(3, end));
}

describe('a challenge (RFC 3261 §22.2, RFC 7616 §3.3, RFC 8760 §2.3)', () => {
  it('has a header field for each algorithm, in the order of preference', () => {
    const challenges = new Challenges(new DigestRealm('example.com'), { algorithms: ['SHA-256', 'MD5'] });
    expect(text(challenges, 'www', false)).toBe(
      `WWW-Authenticate: Digest realm="example.com", nonce="${N}", algorithm=SHA-256, qop="auth"\r\n` +
        `WWW-Authenticate: Digest realm="example.com", nonce="${N}", algorithm=MD5, qop="auth"\r\n`,
    );
  });

  it('is Proxy-Authenticate from a proxy (§22.3), and says so when only the nonce is stale', () => {
    const challenges = new Challenges(new DigestRealm('a "b" \\c'), { algorithms: ['SHA-512-256'], opaque: 'x"y' });
    expect(text(challenges, 'proxy', true)).toBe(`Proxy-Authenticate: Digest realm="a \\"b\\" \\\\c", nonce="${N}", opaque="x\\"y", algorithm=SHA-512-256, qop="auth", stale=true\r\n`);
    expect(text(challenges, 'proxy', true)).toHaveLength(challenges.bytesMax);
  });

  it('is not made of settings that would break it', () => {
    const realm = new DigestRealm('example.com');
    expect(() => new Challenges(realm, { algorithms: [] })).toThrow(RangeError);
    expect(() => new Challenges(realm, { algorithms: ['MD5', 'MD5'] })).toThrow(RangeError);
    expect(() => new Challenges(realm, { algorithms: ['MD5'], opaque: 'a\r\nb' })).toThrow(RangeError);
  });

  it('is not for ACK and CANCEL (RFC 3261 §22.1)', () => {
    expect([M_ACK, M_CANCEL, M_INVITE, M_REGISTER].map(mayChallenge)).toEqual([false, false, true, true]);
  });
});

describe('a verdict', () => {
  it.each([
    [verdicts.V_OK, verdicts.ANSWER_NONE],
    [verdicts.V_NO_CREDENTIALS, verdicts.ANSWER_CHALLENGE],
    [verdicts.V_WRONG_PASSWORD, verdicts.ANSWER_CHALLENGE],
    [verdicts.V_UNSUPPORTED_ALGORITHM, verdicts.ANSWER_CHALLENGE],
    [verdicts.V_UNSUPPORTED_QOP, verdicts.ANSWER_CHALLENGE],
    [verdicts.V_STALE, verdicts.ANSWER_CHALLENGE_STALE],
    [verdicts.V_REPLAY, verdicts.ANSWER_CHALLENGE_STALE],
    [verdicts.V_MALFORMED, verdicts.ANSWER_BAD_REQUEST],
    [verdicts.V_WRONG_URI, verdicts.ANSWER_BAD_REQUEST],
  ])('of %i is answered in way %i', (verdict, answer) => {
    expect(verdicts.answerTo(verdict)).toBe(answer);
  });

  it('has a name each', () => {
    const numbers = Object.entries(verdicts).filter(([name]) => name.startsWith('V_'));
    expect(new Set(numbers.map(([, verdict]) => verdicts.VERDICT_NAMES[verdict as number]!)).size).toBe(numbers.length);
  });
});

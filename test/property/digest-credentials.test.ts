/** Digest credentials from the network: whatever the bytes are, they are judged and never thrown at. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CE_NONE, CredentialsView, P_USERHASH, parseCredentials } from '../../src/auth/credentials.js';
import { copyUnquoted, equalsUnquoted, quoteText } from '../../src/auth/quoting.js';
import { bytesOf } from '../../src/sim/sent-message.js';
import { answerChallenge, parseChallenge } from '../../src/load/ua/digest.js';
import { AuthShard, request } from '../unit/auth/stage.js';

const RUNS = 3000;

const piece = fc.constantFrom(
  'Digest ', 'digest', ' ', ',', '=', '"', '\\', '\r\n ', '\t', 'username', 'realm="example.com"', 'realm', 'nonce="n"', 'uri="sip:example.com"', 'response="0"', 'nc=00000001',
  'cnonce="c"', 'qop=auth', 'qop', 'algorithm=MD5', 'userhash', 'x=y', '\0', '\xff', 'a', '',
);
const nearlyCredentials = fc.array(piece, { maxLength: 24 }).map((pieces) => pieces.join(''));
const octets = fc.uint8Array({ maxLength: 200 });

/** A bad day: a few octets of a well-formed value are cut out or replaced. */
const damage = fc.array(fc.tuple(fc.nat(400), fc.nat(3), fc.constantFrom('', '"', '\\', ',', '=', 'f', '\xff')), { maxLength: 4 });

describe('bytes of credentials', () => {
  it('never throw, and what parses lies within them', () => {
    const view = new CredentialsView();
    fc.assert(
      fc.property(fc.oneof(octets, nearlyCredentials.map(bytesOf), octets.map((some) => new Uint8Array([...bytesOf('Digest '), ...some]))), (bytes) => {
        if (parseCredentials(bytes, 0, bytes.length, view) !== CE_NONE) return;
        for (let param = 0; param <= P_USERHASH; param++) {
          if (!view.has(param)) continue;
          expect(view.starts[param]!).toBeLessThanOrEqual(view.ends[param]!);
          expect(view.ends[param]!).toBeLessThanOrEqual(bytes.length);
        }
      }),
      { numRuns: RUNS },
    );
  });

  it('that were damaged on the way are judged, and right only if nothing that counts was hurt', () => {
    const server = new AuthShard({ qop: 'optional' });
    fc.assert(
      fc.property(damage, (cuts) => {
        const challenge = parseChallenge(server.challenge()[0]!.slice('WWW-Authenticate:'.length))!;
        let value = answerChallenge(challenge, { method: 'REGISTER', uri: 'sip:example.com', user: 'alice', password: 'wonderland', count: 1, cnonce: 'c' });
        for (const [at, length, put] of cuts) value = value.slice(0, at) + put + value.slice(at + length);
        const outcome = server.judge(request([`Authorization: ${value}`]));
        expect(outcome).toMatch(/^(ok|stale nonce|wrong password|malformed credentials|no credentials|unsupported (qop|algorithm)|wrong uri)$/);
        if (outcome !== 'ok') expect(server.judge(request([`Authorization: ${value}`]))).toBe(outcome);
      }),
      { numRuns: 1000 },
    );
  });

  it('of a quoted string are written and read back', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', '"', '\\', ' ', '\xe9'), maxLength: 12 }), (text) => {
        const bytes = bytesOf(quoteText(text));
        const out = new Uint8Array(bytes.length);
        const end = copyUnquoted(bytes, 0, bytes.length, out, 0);
        expect(String.fromCharCode(...out.subarray(0, end))).toBe(text);
        expect(equalsUnquoted(bytes, 0, bytes.length, bytesOf(text))).toBe(true);
        expect(equalsUnquoted(bytes, 0, bytes.length, bytesOf(`${text}x`))).toBe(false);
      }),
      { numRuns: 500 },
    );
  });
});

/** The worked examples of RFC 7616 §3.9, the last of them corrected: the RFC shows a truncated SHA-512. */
import { describe, expect, it } from 'vitest';
import { algorithmId, type DigestAlgorithm } from '../../../src/auth/algorithms.js';
import { CredentialsView, parseCredentials } from '../../../src/auth/credentials.js';
import { ResponseDigest, digestHa1, isHa1 } from '../../../src/auth/response.js';
import { nodeDigestPorts } from '../../../src/auth-node/ports.js';
import { ascii } from '../../../src/sip/chars.js';
import { bytesOf } from '../../../src/sim/sent-message.js';
import { SECRET } from './stage.js';

const hashes = nodeDigestPorts(SECRET);

function responseTo(credentials: string, algorithm: DigestAlgorithm, ha1: string, withQop = true): string {
  const bytes = bytesOf(credentials);
  const view = new CredentialsView();
  expect(parseCredentials(bytes, 0, bytes.length, view)).toBe(0);
  const out = new Uint8Array(64);
  const method = ascii('GET');
  const end = new ResponseDigest(hashes).compute(bytes, view, algorithmId(algorithm), ha1, withQop, method, 0, method.length, out);
  return String.fromCharCode(...out.subarray(0, end));
}

const MUFASA =
  'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, response="x"';
const JASON =
  'Digest username="x", realm="api@example.org", uri="/doe.json", nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", nc=00000001, cnonce="NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v", qop=auth, response="x", userhash=true';

describe('the response', () => {
  it.each<[DigestAlgorithm, string]>([
    ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
    ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
  ])('with %s is that of RFC 7616 §3.9.1', (algorithm, expected) => {
    expect(responseTo(MUFASA, algorithm, digestHa1(hashes, algorithm, 'Mufasa', 'http-auth@example.org', 'Circle of Life'))).toBe(expected);
  });

  it('with SHA-512-256 and a user name in UTF-8 is that of RFC 7616 §3.9.2, corrected', () => {
    const ha1 = digestHa1(hashes, 'SHA-512-256', 'J\u00e4s\u00f8n Doe', 'api@example.org', 'Secret, or not?');
    expect(responseTo(JASON, 'SHA-512-256', ha1)).toBe('3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5');
  });

  it('without qop is that of RFC 2069, as RFC 2617 §3.2.2.1 has it', () => {
    const ha1 = digestHa1(hashes, 'MD5', 'Mufasa', 'testrealm@host.com', 'CircleOfLife');
    const credentials = 'Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="/dir/index.html", response="x"';
    expect(responseTo(credentials, 'MD5', ha1, false)).toBe('1949323746fe6a43ef61f9606e7febea');
  });

  it('takes in what a quoted string stands for, without its escapes', () => {
    const ha1 = '0'.repeat(32);
    expect(responseTo(MUFASA.replace('f2/w', '\\f2\\/w'), 'MD5', ha1)).toBe(responseTo(MUFASA, 'MD5', ha1));
  });
});

describe('HA1', () => {
  it('has a form that can be told', () => {
    expect(isHa1('0123456789abcdefABCDEF0123456789', 'MD5')).toBe(true);
    expect(isHa1('0'.repeat(32), 'SHA-256')).toBe(false);
    expect(isHa1('g'.repeat(64), 'SHA-256')).toBe(false);
    expect(isHa1('0'.repeat(64), 'SHA-512-256')).toBe(true);
  });

  it('is none for a name with a colon', () => {
    expect(() => digestHa1(hashes, 'MD5', 'a:b', 'r', 'geheim')).toThrow(/^a user name of digest authentication has no colon/);
  });
});

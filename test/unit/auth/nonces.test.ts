import { describe, expect, it } from 'vitest';
import { NONCE_CHARS, NONCE_EXPIRED, NONCE_FOREIGN, NONCE_VALID, Nonces } from '../../../src/auth/nonces.js';
import { DigestRealm } from '../../../src/auth/realm.js';
import { nodeDigestPorts } from '../../../src/auth-node/ports.js';
import { AddressWords } from '../../../src/sip/address-text.js';
import { LIFETIME_MS, SECRET, START_MS } from './stage.js';

const realm = new DigestRealm('example.com');

function nonces(bindToSource = false, secret = SECRET): Nonces {
  return new Nonces(nodeDigestPorts(secret), { lifetimeMs: LIFETIME_MS, bindToSource });
}

function issue(from: Nonces, source: AddressWords | null = null, nowMs = START_MS): Uint8Array {
  const out = new Uint8Array(NONCE_CHARS);
  expect(from.issue(realm, nowMs, source, out, 0)).toBe(NONCE_CHARS);
  return out;
}

function check(by: Nonces, nonce: Uint8Array, nowMs = START_MS, source: AddressWords | null = null, of = realm): number {
  return by.check(nonce, 0, nonce.length, of, nowMs, source);
}

function address(family: number, a0: number, a3 = 0): AddressWords {
  return Object.assign(new AddressWords(), { family, a0, a3 });
}

describe('a stateless nonce (RFC 7616 §3.3, §5.4)', () => {
  it('is known to every shard with the same secret', () => {
    expect(check(nonces(), issue(nonces()))).toBe(NONCE_VALID);
  });

  it('is text that needs no quoting, and never the same again', () => {
    const from = nonces();
    const texts = Array.from({ length: 100 }, () => String.fromCharCode(...issue(from)));
    expect(new Set(texts).size).toBe(100);
    for (const text of texts) expect(text).toMatch(/^[0-9a-f]{60}$/);
  });

  it('tells when it was issued', () => {
    const by = nonces();
    for (const nowMs of [1, 0xffff_ffff, 0x1_0000_0000, START_MS, 0xffff_ffff_ffff]) {
      expect(check(by, issue(by, null, nowMs), nowMs)).toBe(NONCE_VALID);
      expect(by.issuedMs).toBe(nowMs);
    }
  });

  it('expires at the end of its lifetime', () => {
    const by = nonces();
    const nonce = issue(by);
    expect(check(by, nonce, START_MS + LIFETIME_MS)).toBe(NONCE_VALID);
    expect(check(by, nonce, START_MS + LIFETIME_MS + 1)).toBe(NONCE_EXPIRED);
  });

  it('is not ours with another secret, for another realm, from the future, or when cut', () => {
    const by = nonces();
    const nonce = issue(by);
    expect(check(nonces(false, SECRET.map((byte) => byte + 1)), nonce)).toBe(NONCE_FOREIGN);
    expect(check(by, nonce, START_MS, null, new DigestRealm('example.net'))).toBe(NONCE_FOREIGN);
    expect(check(by, nonce, START_MS - 60_000)).toBe(NONCE_FOREIGN);
    expect(check(by, nonce.subarray(0, -1))).toBe(NONCE_FOREIGN);
    expect(check(by, new Uint8Array(0))).toBe(NONCE_FOREIGN);
  });

  it('is ours when the clock of the shard that checks it is a moment behind', () => {
    expect(check(nonces(), issue(nonces()), START_MS - 100)).toBe(NONCE_VALID);
  });

  it('is not ours when any one character is another', () => {
    const by = nonces();
    const nonce = issue(by);
    for (let i = 0; i < nonce.length; i++) {
      const forged = nonce.slice();
      forged[i] = forged[i] === 0x30 ? 0x31 : 0x30;
      expect(check(by, forged)).toBe(NONCE_FOREIGN);
    }
  });

  it('bound to its source is good for that address alone', () => {
    const by = nonces(true);
    const nonce = issue(by, address(4, 0x0a000001));
    expect(check(by, nonce, START_MS, address(4, 0x0a000001))).toBe(NONCE_VALID);
    expect(check(by, nonce, START_MS, address(4, 0x0a000002))).toBe(NONCE_FOREIGN);
    expect(check(by, nonce, START_MS, address(6, 0x0a000001))).toBe(NONCE_FOREIGN);
    const six = issue(by, address(6, 1, 2));
    expect(check(by, six, START_MS, address(6, 1, 2))).toBe(NONCE_VALID);
    expect(check(by, six, START_MS, address(6, 1, 3))).toBe(NONCE_FOREIGN);
  });

  it('not bound to its source is good from everywhere', () => {
    const by = nonces();
    expect(check(by, issue(by, address(4, 1)), START_MS, address(4, 2))).toBe(NONCE_VALID);
  });

  it('has a lifetime within bounds', () => {
    for (const lifetimeMs of [0, -1, Number.NaN, 86_400_001]) {
      expect(() => new Nonces(nodeDigestPorts(SECRET), { lifetimeMs, bindToSource: false })).toThrow(RangeError);
    }
  });
});

describe('the secret of nonces', () => {
  it('is refused when it is short, without being named', () => {
    expect(() => nodeDigestPorts(new TextEncoder().encode('hunter2'))).toThrow(/^the secret of nonces has 7 bytes: at least 16 are needed$/);
  });

  it('may be changed by its owner afterwards', () => {
    const secret = SECRET.slice();
    const by = nonces(false, secret);
    const nonce = issue(by);
    secret.fill(0);
    expect(check(by, nonce)).toBe(NONCE_VALID);
  });
});

describe('a realm', () => {
  it.each(['', 'a\nb', '\x7f', 'x'.repeat(256)])('is not %j', (name) => {
    expect(() => new DigestRealm(name)).toThrow(RangeError);
  });
});

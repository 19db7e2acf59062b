/** Canonical address-of-records: RFC 3261 §10.3 step 5. */
import { describe, expect, it } from 'vitest';
import * as aors from '../../../src/location/aor.js';
import { Aor, Domains, canonicalHost, domainOf, readAor } from '../../../src/location/aor.js';
import { embed } from '../sip/embedded-text.js';

const DOMAINS = new Domains([
  { name: 'Example.com', aliases: ['sip.example.com', '192.0.2.9', '2001:db8:0::9'] },
  { name: 'example.net', aliases: ['example.com'] },
]);

function keyOf(uri: string): string | number {
  const { bytes, start, end } = embed(uri);
  const out = new Aor();
  const code = readAor(bytes, start, end, DOMAINS, out);
  return code === aors.AOR_OK ? out.key : code;
}

describe('an address-of-record', () => {
  it.each([
    ['sip:alice@example.com', 'alice@example.com'],
    ['SIP:alice@EXAMPLE.com.', 'alice@example.com'],
    ['sips:alice@example.com', 'alice@example.com'],
    ['sip:alice:secret@example.com:5070;transport=tcp;user=phone?subject=x', 'alice@example.com'],
    ['sip:%61lic%65@example.com', 'alice@example.com'],
    ['sip:Alice@example.com', 'Alice@example.com'],
    ['sip:alice@sip.example.com', 'alice@example.com'],
    ['sip:alice@192.0.2.9:5060', 'alice@example.com'],
    ['sip:alice@[2001:DB8::0:9]', 'alice@example.com'],
    ['sip:alice@example.net', 'alice@example.net'],
    ['sip:a%3bb@example.com', 'a;b@example.com'],
    ['sip:a;b@example.com', 'a;b@example.com'],
    ['sip:a%40b@example.com', 'a%40b@example.com'],
    ['sip:m%c3%bcller@example.com', 'm%C3%BCller@example.com'],
    ['sip:null-%00-null@example.com', 'null-%00-null@example.com'],
    ['sip:+1%2D555@example.com', '+1-555@example.com'],
  ])('of %s is %s', (uri, key) => {
    expect(keyOf(uri)).toBe(key);
  });

  it.each([
    ['sip:alice@', aors.AOR_MALFORMED],
    ['sip:alice@elsewhere.org', aors.AOR_FOREIGN],
    ['sip:example.com', aors.AOR_NO_USER],
    ['tel:+15551234', aors.AOR_SCHEME],
  ])('is not what %s names', (uri, code) => {
    expect(keyOf(uri)).toBe(code);
  });

  it('comes with the instance that a GRUU names (RFC 5627 §3.2)', () => {
    const { bytes, start, end } = embed('sip:alice@example.com;transport=udp;gr=urn:uuid:1');
    const out = new Aor();
    readAor(bytes, start, end, DOMAINS, out);
    expect([out.key, out.user, out.host, out.isGruu, out.gr]).toEqual(['alice@example.com', 'alice', 'example.com', true, 'urn:uuid:1']);
    const plain = embed('sip:alice@example.com;grx=1');
    readAor(plain.bytes, plain.start, plain.end, DOMAINS, out);
    expect([out.isGruu, out.gr]).toEqual([false, '']);
  });
});

describe('the domain of a Request-URI', () => {
  it('is one of ours by name or alias (RFC 3261 §10.3 step 1)', () => {
    const of = (uri: string): string | undefined => {
      const { bytes, start, end } = embed(uri);
      return domainOf(bytes, start, end, DOMAINS);
    };
    expect(of('sip:SIP.example.com')).toBe('example.com');
    expect(of('sip:other.example.com')).toBeUndefined();
    expect(of('tel:1')).toBeUndefined();
  });

  it('has one form whatever way it is written', () => {
    expect(canonicalHost('2001:DB8::0:1')).toBe('[2001:db8::1]');
    expect(canonicalHost('[2001:DB8::1]')).toBe('[2001:db8::1]');
    expect(canonicalHost('EXAMPLE.com.')).toBe('example.com');
  });
});

import { describe, expect, it } from 'vitest';
import { ScriptError, type NameAddr, type SipUri } from '../../../src/script/api.js';
import { nameAddrOf, uriBytesOf, uriOf } from '../../../src/script/sip-values.js';
import { textOf, unfold } from '../../../src/script/text.js';
import { embed } from '../sip/embedded-text.js';

const uri = (text: string): SipUri => {
  const { bytes, start, end } = embed(text);
  return uriOf(bytes, start, end);
};

const nameAddr = (text: string): NameAddr => {
  const { bytes, start, end } = embed(text);
  return nameAddrOf(bytes, start, end);
};

describe('a URI', () => {
  it('has its parts as written', () => {
    const value = uri('SIPS:Al%20ice;x=y:pass@Host.Example:5061;Transport=TCP;lr;maddr=10.0.0.1?Subject=a%20b&x=');
    expect([value.scheme, value.user, value.password, value.host, value.port]).toEqual(['sips', 'Al%20ice;x=y', 'pass', 'Host.Example', 5061]);
    expect([value.param('transport'), value.param('LR'), value.param('maddr'), value.param('x'), value.param('')]).toEqual(['TCP', '', '10.0.0.1', undefined, undefined]);
    expect([value.header('subject'), value.header('X'), value.header('lr')]).toEqual(['a%20b', '', undefined]);
    expect(value.toString()).toBe('SIPS:Al%20ice;x=y:pass@Host.Example:5061;Transport=TCP;lr;maddr=10.0.0.1?Subject=a%20b&x=');
  });

  it('has undefined where a part is absent', () => {
    const value = uri('sip:[2001:db8::1]');
    expect([value.user, value.password, value.host, value.port, value.param('lr'), value.header('x')]).toEqual([undefined, undefined, '[2001:db8::1]', undefined, undefined, undefined]);
  });

  it('tells an empty password from none', () => {
    expect(uri('sip:a:@b').password).toBe('');
  });

  it('of another scheme has a scheme and its text', () => {
    const value = uri('tel:+49-30;phone-context=x');
    expect([value.scheme, value.host, value.user, value.toString()]).toEqual(['tel', '', undefined, 'tel:+49-30;phone-context=x']);
  });

  it.each(['', 'no uri', 'sip:', 'sip:a@b c', '\0'])('that does not parse (%j) has its text for a host', (text) => {
    const value = uri(text);
    expect([value.host, value.user, value.port, value.param('x'), value.toString()]).toEqual([text, undefined, undefined, undefined, text]);
  });

  it('outlives its message', () => {
    const { bytes, start, end } = embed('sip:a@b;x=y');
    const value = uriOf(bytes, start, end);
    bytes.fill(0x2a);
    expect([value.user, value.param('x'), value.toString()]).toEqual(['a', 'y', 'sip:a@b;x=y']);
  });
});

describe('the bytes of a URI that a script wrote', () => {
  it('are those of its text', () => {
    expect(textOf(uriBytesOf('sip:a@b:5060;lr'), 0, 99)).toBe('sip:a@b:5060;lr\0'.slice(0, 15));
    expect(uriBytesOf(uri('tel:+49'))).toEqual(Uint8Array.from('tel:+49', (c) => c.charCodeAt(0)));
  });

  it.each(['', 'bob', 'sip:', 'sip:a b@c', 'sip:a@b\r\nVia: x', 'tel:1\r\nVia: x', 'tel:1 SIP/2.0', '<sip:a@b>', 'sip:ä@b', 'sip:a@b:99999', 'mailto:a\0'])('are not there for %j', (text) => {
    let error: unknown;
    try {
      uriBytesOf(text);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(ScriptError);
    expect((error as ScriptError).code).toBe('VD_SCRIPT_URI');
    expect((error as ScriptError).message).toContain(JSON.stringify(text));
  });
});

describe('a name-addr', () => {
  it('has display name, URI and parameters', () => {
    const value = nameAddr('"B\\"ob; <x>" <sip:bob@b;u=1>;TAG=t1; x="a;b\\"c" ;flag, <sip:second@b>');
    expect(value.displayName).toBe('B"ob; <x>');
    expect(value.uri.toString()).toBe('sip:bob@b;u=1');
    expect([value.param('tag'), value.param('X'), value.param('flag'), value.param('u')]).toEqual(['t1', 'a;b"c', '', undefined]);
    expect(value.toString()).toBe('"B\\"ob; <x>" <sip:bob@b;u=1>;TAG=t1; x="a;b\\"c" ;flag');
  });

  it('may be bare, with parameters that are not those of its URI', () => {
    const value = nameAddr('sip:bob@b;tag=1');
    expect([value.displayName, value.uri.toString(), value.param('tag'), value.uri.param('tag')]).toEqual(['', 'sip:bob@b', '1', undefined]);
  });

  it('may have a name without quotes', () => {
    expect(nameAddr('Bob  B <sip:b@c>').displayName).toBe('Bob  B');
  });

  it('that does not parse has its text and no name', () => {
    const value = nameAddr('"bob <sip:b@c');
    expect([value.displayName, value.toString(), value.param('tag')]).toEqual(['', '"bob <sip:b@c', undefined]);
  });

  it('that is absent is empty', () => {
    const value = nameAddrOf(new Uint8Array(4), -1, -1);
    expect([value.displayName, value.toString(), value.uri.toString(), value.uri.host]).toEqual(['', '', '', '']);
  });
});

describe('text', () => {
  it('is UTF-8, and Latin-1 where it is none', () => {
    expect(textOf(Uint8Array.of(0x67, 0xc3, 0xbc), 0, 3)).toBe('gü');
    expect(textOf(Uint8Array.of(0x67, 0xc3), 0, 2)).toBe('gÃ');
    expect(textOf(Uint8Array.of(0x67), -1, -1)).toBe('');
  });

  it('may lie in shared memory, and be long', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(100_000)).fill(0x61);
    expect(textOf(shared, 0, shared.length)).toBe('a'.repeat(100_000));
    shared[50_000] = 0xc3;
    shared[50_001] = 0xbc;
    expect(textOf(shared, 0, shared.length)).toHaveLength(99_999);
    shared[50_001] = 0x61;
    expect(textOf(shared, 0, shared.length)).toHaveLength(100_000);
  });

  it.each([
    ['a\r\n b', 'a b'],
    ['a \r\n\t  b\n c', 'a  b c'],
    ['a\rb', 'a\rb'],
  ])('of %j is unfolded to %j', (folded, flat) => {
    expect(unfold(folded)).toBe(flat);
  });
});

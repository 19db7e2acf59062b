import { describe, expect, it } from 'vitest';
import { ascii } from '../../../src/sip/chars.js';
import * as errors from '../../../src/sip/parse-error.js';
import { Span } from '../../../src/sip/span.js';
import * as uri from '../../../src/sip/uri.js';
import { UriView, findParam, parseUri } from '../../../src/sip/uri.js';
import { embed, textAt } from './embedded-text.js';

/** The parts of a URI that parses, absent ones left out; or its error. */
function read(text: string): Record<string, string | number> | number {
  const { bytes, start, end } = embed(text);
  const view = new UriView();
  const error = parseUri(bytes, start, end, view);
  if (error !== errors.GE_NONE) return error;
  const parts: Record<string, string | number> = { scheme: view.scheme };
  const put = (name: string, from: number, to: number): void => {
    const part = textAt(bytes, from, to);
    if (part !== undefined) parts[name] = part;
  };
  put('user', view.userStart, view.userEnd);
  put('password', view.passwordStart, view.passwordEnd);
  put('host', view.hostStart, view.hostEnd);
  put('params', view.paramsStart, view.paramsEnd);
  put('headers', view.headersStart, view.headersEnd);
  put('maddr', view.maddrStart, view.maddrEnd);
  for (const name of ['hostKind', 'family', 'port', 'lr', 'transport'] as const) {
    if (view[name] !== 0) parts[name] = view[name];
  }
  return parts;
}

const SIP = uri.SCHEME_SIP;
const NAME = uri.HOST_NAME;

describe('a SIP URI', () => {
  it.each<[string, Record<string, string | number>]>([
    ['sip:example.com', { scheme: SIP, host: 'example.com', hostKind: NAME }],
    ['SIP:Example.COM.', { scheme: SIP, host: 'Example.COM.', hostKind: NAME }],
    ['sips:alice@example.com:5061', { scheme: uri.SCHEME_SIPS, user: 'alice', host: 'example.com', hostKind: NAME, port: 5061 }],
    ['sip:a:pw@h', { scheme: SIP, user: 'a', password: 'pw', host: 'h', hostKind: NAME }],
    ['sip:a:@h', { scheme: SIP, user: 'a', password: '', host: 'h', hostKind: NAME }],
    ['sip:host:00005060', { scheme: SIP, host: 'host', hostKind: NAME, port: 5060 }],
    ['sip:a_b.example', { scheme: SIP, host: 'a_b.example', hostKind: NAME }],
    ['sip:1.2.3.4a', { scheme: SIP, host: '1.2.3.4a', hostKind: NAME }],
    ['sip:3com.9to5', { scheme: SIP, host: '3com.9to5', hostKind: NAME }],
    ['sip:user;par=u%40example.net@example.com', { scheme: SIP, user: 'user;par=u%40example.net', host: 'example.com', hostKind: NAME }],
    ['sip:sips%3Auser%40example.com@example.net', { scheme: SIP, user: 'sips%3Auser%40example.com', host: 'example.net', hostKind: NAME }],
    ['sip:null-%00-null@example.com', { scheme: SIP, user: 'null-%00-null', host: 'example.com', hostKind: NAME }],
    [
      "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
      {
        scheme: SIP,
        user: "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*",
        password: "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)",
        host: 'example.com',
        hostKind: NAME,
      },
    ],
    ['sip:u@192.0.2.4:65535', { scheme: SIP, user: 'u', host: '192.0.2.4', hostKind: uri.HOST_IPV4, family: 4, port: 65535 }],
    ['sip:[2001:db8::10]', { scheme: SIP, host: '[2001:db8::10]', hostKind: uri.HOST_IPV6, family: 6 }],
    ['sip:[2001:db8::10:5070]', { scheme: SIP, host: '[2001:db8::10:5070]', hostKind: uri.HOST_IPV6, family: 6 }],
    ['sip:[2001:db8::10]:5070', { scheme: SIP, host: '[2001:db8::10]', hostKind: uri.HOST_IPV6, family: 6, port: 5070 }],
    ['sip:t@[::ffff:192.0.2.2]', { scheme: SIP, user: 't', host: '[::ffff:192.0.2.2]', hostKind: uri.HOST_IPV6, family: 6 }],
    [
      'sip:h;transport=tcp;LR;maddr=239.255.255.1',
      { scheme: SIP, host: 'h', hostKind: NAME, params: ';transport=tcp;LR;maddr=239.255.255.1', lr: 1, transport: uri.TRANSPORT_TCP, maddr: '239.255.255.1' },
    ],
    ['sip:h;lr=on;lr', { scheme: SIP, host: 'h', hostKind: NAME, params: ';lr=on;lr', lr: 1 }],
    ['sip:h;transport=QUIC', { scheme: SIP, host: 'h', hostKind: NAME, params: ';transport=QUIC', transport: uri.TRANSPORT_OTHER }],
    ['sip:h;maddr=[::1]', { scheme: SIP, host: 'h', hostKind: NAME, params: ';maddr=[::1]', maddr: '[::1]' }],
    ['sip:h;%6Cr;n%61me=v%61lue%25%34%31', { scheme: SIP, host: 'h', hostKind: NAME, params: ';%6Cr;n%61me=v%61lue%25%34%31' }],
    ['sip:h;a=[]/:&+$;b', { scheme: SIP, host: 'h', hostKind: NAME, params: ';a=[]/:&+$;b' }],
    ['sip:u@h?Route=%3Csip:example.com%3E', { scheme: SIP, user: 'u', host: 'h', hostKind: NAME, headers: 'Route=%3Csip:example.com%3E' }],
    ['sip:h;p?a=&b=1?', { scheme: SIP, host: 'h', hostKind: NAME, params: ';p', headers: 'a=&b=1?' }],
  ])('%s has its parts', (text, parts) => {
    expect(read(text)).toEqual(parts);
  });

  it('gives the words of a literal address', () => {
    const { bytes, start, end } = embed('sip:[2001:db8::5:1]');
    const view = new UriView();
    expect(parseUri(bytes, start, end, view)).toBe(errors.GE_NONE);
    expect([view.a0, view.a1, view.a2, view.a3]).toEqual([0x20010db8, 0, 0, 0x00050001]);
  });

  it('leaves nothing of the URI before in the view', () => {
    const view = new UriView();
    const long = embed('sips:a:b@192.0.2.1:5061;lr;transport=udp;maddr=h?x=y');
    expect(parseUri(long.bytes, long.start, long.end, view)).toBe(errors.GE_NONE);
    const short = embed('sip:h');
    expect(parseUri(short.bytes, short.start, short.end, view)).toBe(errors.GE_NONE);
    const fresh = new UriView();
    parseUri(short.bytes, short.start, short.end, fresh);
    expect(view).toEqual(fresh);
  });

  it.each([
    ['', errors.GE_EMPTY],
    ['sip', errors.GE_SCHEME],
    [':a', errors.GE_SCHEME],
    ['1sip:a', errors.GE_SCHEME],
    ['sip:', errors.GE_HOST],
    ['sip:@h', errors.GE_USER],
    ['sip::pw@h', errors.GE_USER],
    ['sip:a@', errors.GE_HOST],
    ['sip:a@b@c', errors.GE_HOST],
    ['sip:a#b@h', errors.GE_USER],
    ['sip:a:b:c@h', errors.GE_PASSWORD],
    ['sip:a:b;c@h', errors.GE_PASSWORD],
    ['sip:a%4@h', errors.GE_ESCAPE],
    ['sip:a%zz@h', errors.GE_ESCAPE],
    ['sip:a%', errors.GE_HOST],
    ['sip:2001:db8::10', errors.GE_HOST],
    ['sip:u@2001:db8::10', errors.GE_HOST],
    ['sip:a..b', errors.GE_HOST],
    ['sip:.a', errors.GE_HOST],
    ['sip:-a', errors.GE_HOST],
    ['sip:a-.b', errors.GE_HOST],
    ['sip:a.b-', errors.GE_HOST],
    ['sip:1.2.3', errors.GE_HOST],
    ['sip:1.2.3.256', errors.GE_HOST],
    ['sip:1.2.3.4.', errors.GE_HOST],
    ['sip:1.2.3.04', errors.GE_HOST],
    ['sip:1..2.3.4', errors.GE_HOST],
    ['sip:a.7', errors.GE_HOST],
    ['sip:a!b', errors.GE_HOST],
    ['sip:[2001:db8:::192.0.2.1]', errors.GE_IPV6],
    ['sip:[::1', errors.GE_IPV6],
    ['sip:[]', errors.GE_IPV6],
    ['sip:[192.0.2.1]', errors.GE_IPV6],
    ['sip:[::1%251]', errors.GE_IPV6],
    ['sip:[::1]x', errors.GE_HOST],
    ['sip:h:', errors.GE_PORT],
    ['sip:h:0', errors.GE_PORT],
    ['sip:h:65536', errors.GE_PORT],
    ['sip:h:99999999999999999999', errors.GE_PORT],
    ['sip:h:50x', errors.GE_HOST],
    ['sip:h;', errors.GE_PARAM],
    ['sip:h;;lr', errors.GE_PARAM],
    ['sip:h;=a', errors.GE_PARAM],
    ['sip:h;a=', errors.GE_PARAM_VALUE],
    ['sip:h;a=b=c', errors.GE_PARAM],
    ['sip:h;a=b,c', errors.GE_PARAM],
    ['sip:h;a=%4', errors.GE_ESCAPE],
    ['sip:h;transport', errors.GE_PARAM_VALUE],
    ['sip:h;transport=udp;Transport=tcp', errors.GE_PARAM_TWICE],
    ['sip:h;maddr=a;maddr=b', errors.GE_PARAM_TWICE],
    ['sip:h;maddr=1.2.3', errors.GE_PARAM_VALUE],
    ['sip:h?', errors.GE_URI_HEADERS],
    ['sip:h?a', errors.GE_URI_HEADERS],
    ['sip:h?=b', errors.GE_URI_HEADERS],
    ['sip:h?a=b&', errors.GE_URI_HEADERS],
    ['sip:h?a=b=c', errors.GE_URI_HEADERS],
    ['sip:h?a=%4g', errors.GE_ESCAPE],
    [' sip:h', errors.GE_SPACE],
    ['sip:h ', errors.GE_SPACE],
    ['sip:u@h; lr', errors.GE_SPACE],
    ['sip:u @h', errors.GE_SPACE],
    ['sip:u@h\r\n ', errors.GE_SPACE],
    ['<sip:u@h>', errors.GE_ANGLE],
    ['sip:u@h>', errors.GE_ANGLE],
    ['sip:"u"@h', errors.GE_URI_CHAR],
    ['sip:u\0@h', errors.GE_URI_CHAR],
    ['sip:u@h\x7f', errors.GE_URI_CHAR],
    ['sip:\xc3\xa9@h', errors.GE_URI_CHAR],
  ])('%j is refused for its fault', (text, error) => {
    expect(read(text)).toBe(error);
  });
});

describe('other schemes', () => {
  it.each([
    ['tel:+1-212-555-0101;phone-context=x', uri.SCHEME_TEL],
    ['TEL:911', uri.SCHEME_TEL],
    ['soap.beep://192.0.2.103:3002', uri.SCHEME_OTHER],
    ['http://www.example.com', uri.SCHEME_OTHER],
    ['isbn:2983792873', uri.SCHEME_OTHER],
    ['urn:service:sos', uri.SCHEME_OTHER],
    ['sipx:a', uri.SCHEME_OTHER],
    ['s:a', uri.SCHEME_OTHER],
  ])('%s is recognised', (text, scheme) => {
    expect(read(text)).toEqual({ scheme });
  });

  it.each([
    ['tel:', errors.GE_EMPTY],
    ['http://a b', errors.GE_SPACE],
    ['http://a>b', errors.GE_ANGLE],
    ['http://a"b', errors.GE_URI_CHAR],
    ['nobodyKnowsThisScheme', errors.GE_SCHEME],
    ['a_b:c', errors.GE_SCHEME],
  ])('%j is refused', (text, error) => {
    expect(read(text)).toBe(error);
  });
});

describe('a URI parameter', () => {
  const { bytes, start, end } = embed('sip:h;a=1;bc;Abc=;a=2?a=3');
  const paramsStart = start + 5;
  const paramsEnd = end - 4;
  const find = (name: string): [boolean, string | undefined] => {
    const out = new Span();
    const found = findParam(bytes, paramsStart, paramsEnd, ascii(name), out);
    return [found, textAt(bytes, out.start, out.end)];
  };

  it.each<[string, boolean, string | undefined]>([
    ['a', true, '1'],
    ['bc', true, undefined],
    ['abc', true, ''],
    ['b', false, undefined],
    ['', false, undefined],
  ])('%j is found by its name in any case: %j, value %j', (name, found, value) => {
    expect(find(name)).toEqual([found, value]);
  });

  it('is not there when the URI has none', () => {
    expect(findParam(bytes, -1, -1, ascii('a'), new Span())).toBe(false);
  });
});

import { describe, expect, it } from 'vitest';
import { ascii } from '../../../src/sip/chars.js';
import { NameAddrView, isStar, parseNameAddr, parseNameAddrUri, parseSingleNameAddr } from '../../../src/sip/name-addr.js';
import { findHeaderParam } from '../../../src/sip/params.js';
import * as errors from '../../../src/sip/parse-error.js';
import { Span } from '../../../src/sip/span.js';
import { UriView } from '../../../src/sip/uri.js';
import { embed, textAt } from './embedded-text.js';

/** The parts of an address value that parses, absent ones left out; or its error. */
function read(text: string): Record<string, string | number> | number {
  const { bytes, start, end } = embed(text);
  const view = new NameAddrView();
  const error = parseNameAddr(bytes, start, end, view);
  if (error !== errors.GE_NONE) return error;
  const parts: Record<string, string | number> = {};
  const put = (name: string, from: number, to: number): void => {
    const part = textAt(bytes, from, to);
    if (part !== undefined) parts[name] = part;
  };
  put('display', view.displayStart, view.displayEnd);
  put('uri', view.uriStart, view.uriEnd);
  put('params', view.paramsStart, view.paramsEnd);
  put('tag', view.tagStart, view.tagEnd);
  if (view.quoted !== 0) parts.quoted = view.quoted;
  if (view.bracketed !== 0) parts.bracketed = view.bracketed;
  if (view.valueEnd !== end) parts.rest = textAt(bytes, view.valueEnd, end)!;
  return parts;
}

describe('an address value', () => {
  it.each<[string, Record<string, string | number>]>([
    ['<sip:a@b>', { uri: 'sip:a@b', bracketed: 1 }],
    ['sip:a@b', { uri: 'sip:a@b' }],
    [' \r\n sip:a@b ', { uri: 'sip:a@b' }],
    ['sip:a@b;tag=x', { uri: 'sip:a@b', params: ';tag=x', tag: 'x' }],
    ['<sip:a@b;lr>;tag=x', { uri: 'sip:a@b;lr', bracketed: 1, params: ';tag=x', tag: 'x' }],
    ['<sip:a@b?c=d,e>', { uri: 'sip:a@b?c=d,e', bracketed: 1 }],
    ['caller<sip:a@b>', { display: 'caller', uri: 'sip:a@b', bracketed: 1 }],
    ["token1~` token2'+_ token3*%!.- <sip:m@e>;p=1", { display: "token1~` token2'+_ token3*%!.-", uri: 'sip:m@e', bracketed: 1, params: ';p=1' }],
    ['two\r\n words\t<sip:a@b>', { display: 'two\r\n words', uri: 'sip:a@b', bracketed: 1 }],
    ['""<sip:a@b>', { display: '', quoted: 1, uri: 'sip:a@b', bracketed: 1 }],
    ['"J \\"R\\" \\\\" <sip:a@b>', { display: 'J \\"R\\" \\\\', quoted: 1, uri: 'sip:a@b', bracketed: 1 }],
    ['"a;b,<c>" <sip:a@b>', { display: 'a;b,<c>', quoted: 1, uri: 'sip:a@b', bracketed: 1 }],
    ['"\\\0\\\x07\\\x7f" <sip:a@b>', { display: '\\\0\\\x07\\\x7f', quoted: 1, uri: 'sip:a@b', bracketed: 1 }],
    ['"\xd1\x80\xff" <sip:a@b>', { display: '\xd1\x80\xff', quoted: 1, uri: 'sip:a@b', bracketed: 1 }],
    ['"folded\r\n name" <sip:a@b>', { display: 'folded\r\n name', quoted: 1, uri: 'sip:a@b', bracketed: 1 }],
    ['sip:v@c ;   tag    = 1918181833n', { uri: 'sip:v@c', params: ';   tag    = 1918181833n', tag: '1918181833n' }],
    ['<sip:j@e>\r\n  ;\r\n  tag = 98asjd8', { uri: 'sip:j@e', bracketed: 1, params: ';\r\n  tag = 98asjd8', tag: '98asjd8' }],
    ['<sip:a@b>;TAG=x;q="a,b;c";h=[::1];n', { uri: 'sip:a@b', bracketed: 1, params: ';TAG=x;q="a,b;c";h=[::1];n', tag: 'x' }],
    ['<sip:a@b>;x, <sip:c@d>', { uri: 'sip:a@b', bracketed: 1, params: ';x', rest: ', <sip:c@d>' }],
    ['sip:a@b , sip:c@d', { uri: 'sip:a@b', rest: ', sip:c@d' }],
    ['isbn:2983792873', { uri: 'isbn:2983792873' }],
    ['<http://www.example.com>;tag=3', { uri: 'http://www.example.com', bracketed: 1, params: ';tag=3', tag: '3' }],
  ])('%j has its parts', (text, parts) => {
    expect(read(text)).toEqual(parts);
  });

  it.each([
    ['', errors.GE_EMPTY],
    [' ', errors.GE_EMPTY],
    ['<>', errors.GE_EMPTY],
    ['sip:', errors.GE_EMPTY],
    ['<sip:a@b>,', errors.GE_EMPTY],
    ['<sip:a@b>, \r\n ', errors.GE_EMPTY],
    ['"Mr. J. User <sip:j.user@example.com>', errors.GE_QUOTE],
    ['"a\\" <sip:a@b>', errors.GE_QUOTE],
    ['"a\\', errors.GE_QUOTE],
    ['"', errors.GE_QUOTE],
    ['"a\0" <sip:a@b>', errors.GE_QUOTED_CHAR],
    ['"a\\\xe9" <sip:a@b>', errors.GE_QUOTED_CHAR],
    ['"a\\\n" <sip:a@b>', errors.GE_QUOTED_CHAR],
    ['"a\r\nb" <sip:a@b>', errors.GE_QUOTED_CHAR],
    ['Bell, Alexander <sip:a@b>', errors.GE_DISPLAY_NAME],
    ['a;b <sip:a@b>', errors.GE_DISPLAY_NAME],
    ['J. (R) <sip:a@b>', errors.GE_DISPLAY_NAME],
    ['Jos\xe9 <sip:a@b>', errors.GE_DISPLAY_NAME],
    ['a "b" <sip:a@b>', errors.GE_DISPLAY_NAME],
    ['a:b <sip:a@b>', errors.GE_BRACKET],
    ['two words:b', errors.GE_DISPLAY_NAME],
    ['sip :a@b', errors.GE_DISPLAY_NAME],
    ['a@b', errors.GE_DISPLAY_NAME],
    ['nobody', errors.GE_SCHEME],
    ['*', errors.GE_SCHEME],
    ['1sip:a@b', errors.GE_SCHEME],
    ['s%69p:a@b', errors.GE_SCHEME],
    ['"a" sip:a@b', errors.GE_BRACKET],
    ['"a"', errors.GE_BRACKET],
    ['<sip:a@b', errors.GE_BRACKET],
    ['sip:a@b>', errors.GE_BRACKET],
    ['<sip:a@b>>', errors.GE_BRACKET],
    ['<<sip:a@b>>', errors.GE_ANGLE],
    ['< sip:a@b>', errors.GE_SPACE],
    ['<sip:a@b >', errors.GE_SPACE],
    ['<sip:a\r\n @b>', errors.GE_SPACE],
    ['<sip:"a"@b>', errors.GE_URI_CHAR],
    ['<sip:a\r@b>', errors.GE_URI_CHAR],
    ['sip:a@b?Route=c', errors.GE_NEEDS_BRACKETS],
    ['sip:a@b c', errors.GE_SEPARATOR],
    ['<sip:a@b> c', errors.GE_SEPARATOR],
    ['<sip:a@b>\r\n', errors.GE_SEPARATOR],
    ['<sip:a@b>;', errors.GE_PARAM],
    ['<sip:a@b>;;;', errors.GE_PARAM],
    ['<sip:a@b>;a==b', errors.GE_PARAM_VALUE],
    ['<sip:a@b>;a=', errors.GE_PARAM_VALUE],
    ['<sip:a@b>;a=;b', errors.GE_PARAM_VALUE],
    ['<sip:a@b>;a="b', errors.GE_QUOTE],
    ['<sip:a@b>;a=[::1', errors.GE_IPV6],
    ['<sip:a@b>;a=b c', errors.GE_SEPARATOR],
    ['<sip:a@b>;a=b@c', errors.GE_SEPARATOR],
    ['<sip:a@b>;tag', errors.GE_TAG],
    ['<sip:a@b>;tag="x"', errors.GE_TAG],
    ['<sip:a@b>;tag=x;tag=y', errors.GE_PARAM_TWICE],
  ])('%j is refused for its fault', (text, error) => {
    expect(read(text)).toBe(error);
  });

  it('is one of a list, read by going on behind each comma', () => {
    const { bytes, start, end } = embed('"A, B" <sip:a@b;c,d>;q="1,2" ,\r\n <sip:e@f>,sip:g@h');
    const view = new NameAddrView();
    const uris: (string | undefined)[] = [];
    for (let at = start; at < end; at = view.valueEnd + 1) {
      expect(parseNameAddr(bytes, at, end, view)).toBe(errors.GE_NONE);
      uris.push(textAt(bytes, view.uriStart, view.uriEnd));
    }
    expect(uris).toEqual(['sip:a@b;c,d', 'sip:e@f', 'sip:g@h']);
  });

  it('of a field with a single value must not be followed by another', () => {
    const one = embed('<sip:a@b>;tag=1');
    expect(parseSingleNameAddr(one.bytes, one.start, one.end, new NameAddrView())).toBe(errors.GE_NONE);
    const two = embed('<sip:a@b>, <sip:c@d>');
    expect(parseSingleNameAddr(two.bytes, two.start, two.end, new NameAddrView())).toBe(errors.GE_SEVERAL);
  });

  it('may be read with its URI', () => {
    const uri = new UriView();
    const good = embed('"x" <sip:a@b:5070>;tag=1');
    expect(parseNameAddrUri(good.bytes, good.start, good.end, new NameAddrView(), uri)).toBe(errors.GE_NONE);
    expect(uri.port).toBe(5070);
    const bad = embed('<sip:a@b:0>');
    expect(parseNameAddrUri(bad.bytes, bad.start, bad.end, new NameAddrView(), uri)).toBe(errors.GE_PORT);
  });

  it('leaves nothing of the value before in the view', () => {
    const view = new NameAddrView();
    const long = embed('"x" <sip:a@b>;tag=1, sip:c@d');
    parseNameAddr(long.bytes, long.start, long.end, view);
    const short = embed('sip:a@b');
    const fresh = new NameAddrView();
    parseNameAddr(short.bytes, short.start, short.end, view);
    parseNameAddr(short.bytes, short.start, short.end, fresh);
    expect(view).toEqual(fresh);
  });
});

describe('the Contact that means every binding', () => {
  it.each([
    ['*', true],
    [' *\r\n ', true],
    ['', false],
    ['**', false],
    ['* ,', false],
    ['<sip:a@b>', false],
  ])('%j: %s', (text, expected) => {
    const { bytes, start, end } = embed(text);
    expect(isStar(bytes, start, end)).toBe(expected);
  });
});

describe('a header parameter', () => {
  const { bytes, start, end } = embed(';a = "x;b=1" ; Expires=60;n;h=[::1]');

  it.each<[string, boolean, string | undefined]>([
    ['a', true, '"x;b=1"'],
    ['expires', true, '60'],
    ['n', true, undefined],
    ['h', true, '[::1]'],
    ['b', false, undefined],
  ])('%j is found by its name in any case: %j, value %j', (name, found, value) => {
    const out = new Span();
    expect(findHeaderParam(bytes, start, end, ascii(name), out)).toBe(found);
    expect(textAt(bytes, out.start, out.end)).toBe(value);
  });

  it('is not there when there are no parameters, or none that parse', () => {
    expect(findHeaderParam(bytes, -1, -1, ascii('a'), new Span())).toBe(false);
    const broken = embed(';;a=1');
    expect(findHeaderParam(broken.bytes, broken.start, broken.end, ascii('a'), new Span())).toBe(false);
  });
});

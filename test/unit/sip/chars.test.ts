import { describe, expect, it } from 'vitest';
import { ascii, equalsBytes, equalsIgnoreCase, isCallId, isToken, skipLws, trimEnd } from '../../../src/sip/chars.js';
import { embed } from './embedded-text.js';

/** How many octets of white space `skipLws` takes at the start of `text`. */
function skipped(text: string): number {
  const { bytes, start, end } = embed(text);
  return skipLws(bytes, start, end) - start;
}

describe('linear white space', () => {
  it.each([
    ['', 0],
    ['a', 0],
    [' \t a', 3],
    ['\r\n a', 3],
    [' \r\n\t \r\n a', 8],
    ['\n a', 2],
    ['   ', 3],
  ])('%j: %i octets are skipped', (text, expected) => {
    expect(skipped(text)).toBe(expected);
  });

  it.each(['\r\na', '\na', '\r a', '\r\r\n a', '\r', '\r\n', '\n'])('a line end that is no fold is not skipped: %j', (text) => {
    expect(skipped(text)).toBe(0);
  });

  it('a fold whose blank lies behind the end is not one', () => {
    const bytes = ascii('\r\n ');
    expect(skipLws(bytes, 0, 2)).toBe(0);
  });

  it('is trimmed from the end, down to nothing', () => {
    const { bytes, start, end } = embed('ab \r\n\t ');
    expect(trimEnd(bytes, start, end)).toBe(start + 2);
    expect(trimEnd(bytes, start + 2, end)).toBe(start + 2);
  });
});

describe('comparison', () => {
  it('ignores the case of letters and nothing else', () => {
    const { bytes, start, end } = embed('BraNCH');
    expect(equalsIgnoreCase(bytes, start, end, ascii('branch'))).toBe(true);
    expect(equalsIgnoreCase(bytes, start, end - 1, ascii('branch'))).toBe(false);
    const brackets = embed('[\\]^');
    expect(equalsIgnoreCase(brackets.bytes, brackets.start, brackets.end, ascii('{|}~'))).toBe(false);
  });

  it('octet by octet minds the case', () => {
    const { bytes, start, end } = embed('abc');
    expect(equalsBytes(bytes, start, end, ascii('abc'))).toBe(true);
    expect(equalsBytes(bytes, start, end, ascii('abC'))).toBe(false);
    expect(equalsBytes(bytes, start, end, ascii('abcd'))).toBe(false);
  });
});

describe('tokens and Call-IDs', () => {
  it('a token has at least one character, all of them token characters', () => {
    const good = embed("a-.!%*_+`'~9");
    expect(isToken(good.bytes, good.start, good.end)).toBe(true);
    for (const text of ['', 'a b', 'a@b', 'a,b', 'a\xe9', 'a\0', '(a)']) {
      const { bytes, start, end } = embed(text);
      expect(isToken(bytes, start, end), text).toBe(false);
    }
  });

  it.each(['a', 'a@b', 'f81d4fae-7dec@192.0.2.1', 'intmeth.word%ZK-!.*_+\'@word`~)(><:\\/"][?}{'])('%s is a Call-ID', (text) => {
    const { bytes, start, end } = embed(text);
    expect(isCallId(bytes, start, end)).toBe(true);
  });

  it.each(['', '@', 'a@', '@b', 'a@b@c', 'a b', 'a,b', 'a;b', 'a\0', 'a\xff'])('%j is no Call-ID', (text) => {
    const { bytes, start, end } = embed(text);
    expect(isCallId(bytes, start, end)).toBe(false);
  });
});

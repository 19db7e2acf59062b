import { describe, expect, it } from 'vitest';
import * as cr from '../../../src/auth/credentials.js';
import { CredentialsView, parseCredentials } from '../../../src/auth/credentials.js';
import { embed, textAt } from '../sip/embedded-text.js';

const NAMES = { username: cr.P_USERNAME, realm: cr.P_REALM, nonce: cr.P_NONCE, uri: cr.P_URI, response: cr.P_RESPONSE, algorithm: cr.P_ALGORITHM, cnonce: cr.P_CNONCE, qop: cr.P_QOP, nc: cr.P_NC, userhash: cr.P_USERHASH };

/** The parameters of credentials that parse, as they stand; or the error. */
function read(text: string): Record<string, string> | number {
  const { bytes, start, end } = embed(text);
  const view = new CredentialsView();
  const error = parseCredentials(bytes, start, end, view);
  if (error !== cr.CE_NONE) return error;
  const found: Record<string, string> = {};
  for (const [name, param] of Object.entries(NAMES)) {
    const value = textAt(bytes, view.starts[param]!, view.ends[param]!);
    if (value !== undefined) found[name] = value;
  }
  return found;
}

const REQUIRED = 'username="bob", realm="biloxi.com", nonce="n", uri="sip:bob@biloxi.com", response="6629"';
const PARSED = { username: 'bob', realm: 'biloxi.com', nonce: 'n', uri: 'sip:bob@biloxi.com', response: '6629' };

describe('digest credentials (RFC 3261 §20.7, §25.1)', () => {
  it.each<[string, string, Record<string, string>]>([
    ['are read as clients send them', `Digest ${REQUIRED}, qop=auth, nc=00000001, cnonce="0a4f", algorithm=MD5, opaque="5ccc"`, { ...PARSED, qop: 'auth', nc: '00000001', cnonce: '0a4f', algorithm: 'MD5' }],
    ['have a scheme in any case', `dIGEST ${REQUIRED}`, PARSED],
    ['have parameter names in any case', `Digest ${REQUIRED.replace('username', 'UserName')}`, PARSED],
    ['may have quotes where the grammar has a token', `Digest ${REQUIRED}, qop="auth", nc="0000000a", algorithm="MD5"`, { ...PARSED, qop: 'auth', nc: '0000000a', algorithm: 'MD5' }],
    ['may have a token where the grammar has quotes', `Digest ${REQUIRED.replace('"6629"', '6629')}`, PARSED],
    ['keep escapes in quoted strings as they stand', `Digest ${REQUIRED.replace('"bob"', '"b\\"o\\\\b"')}`, { ...PARSED, username: 'b\\"o\\\\b' }],
    ['may have commas and equal signs in quoted strings', `Digest ${REQUIRED.replace('"bob"', '"b, response=1"')}`, { ...PARSED, username: 'b, response=1' }],
    ['may have white space and folds around separators', `Digest\r\n ${REQUIRED.replaceAll(', ', ' \r\n\t, ').replaceAll('=', ' = ')}`, PARSED],
    ['may have no white space at all', `Digest ${REQUIRED.replaceAll(', ', ',')}`, PARSED],
    ['may have empty elements', `Digest , ${REQUIRED}, ,`, PARSED],
    ['may have parameters that nobody knows, more than once', `Digest ${REQUIRED}, auts="x", x=1, x=2`, PARSED],
    ['may have an empty user name', `Digest ${REQUIRED.replace('"bob"', '""')}`, { ...PARSED, username: '' }],
    ['may have octets past ASCII', `Digest ${REQUIRED.replace('"bob"', '"b\xc3\xb6b"')}`, { ...PARSED, username: 'b\xc3\xb6b' }],
    ['may have userhash', `Digest ${REQUIRED}, userhash=false`, { ...PARSED, userhash: 'false' }],
  ])('%s', (_what, text, expected) => {
    expect(read(text)).toEqual(expected);
  });

  it.each<[string, string, number]>([
    ['of another scheme are not ours', 'Basic YWxpY2U6', cr.CE_SCHEME],
    ['of a scheme that begins like ours are not ours', `Digests ${REQUIRED}`, cr.CE_SCHEME],
    ['that are empty are not ours', '', cr.CE_SCHEME],
    ['need white space behind the scheme', `Digest,${REQUIRED}`, cr.CE_SYNTAX],
    ['need a comma between parameters', `Digest ${REQUIRED} qop=auth`, cr.CE_SYNTAX],
    ['need a value', `Digest ${REQUIRED}, qop=`, cr.CE_SYNTAX],
    ['need an equal sign', `Digest ${REQUIRED}, qop`, cr.CE_SYNTAX],
    ['need a closing quote', `Digest ${REQUIRED}, cnonce="a`, cr.CE_SYNTAX],
    ['have no bare line end in a quoted string', `Digest ${REQUIRED}, cnonce="a\r\nb"`, cr.CE_SYNTAX],
    ['have nothing behind a quoted string', `Digest ${REQUIRED}, cnonce="a"b`, cr.CE_SYNTAX],
    ['are not several in one field (§7.3.1)', `Digest ${REQUIRED}, Digest ${REQUIRED}`, cr.CE_SYNTAX],
    ['name nothing twice', `Digest ${REQUIRED}, REALM="biloxi.com"`, cr.CE_DUPLICATE],
    ['without a response', `Digest ${REQUIRED.replace('response', 'respond')}`, cr.CE_MISSING],
    ['without anything', 'Digest', cr.CE_MISSING],
    ['with a short nc', `Digest ${REQUIRED}, nc=1`, cr.CE_NC],
    ['with an nc that is no number', `Digest ${REQUIRED}, nc=0000000g`, cr.CE_NC],
    ['with an nc of zero', `Digest ${REQUIRED}, nc=00000000`, cr.CE_NC],
    ['with a value past its bound', `Digest ${REQUIRED}, cnonce="${'a'.repeat(cr.CREDENTIAL_VALUE_BYTES_MAX + 1)}"`, cr.CE_TOO_LONG],
    ['with a value past its bound that nobody knows', `Digest ${REQUIRED}, x="${'a'.repeat(cr.CREDENTIAL_VALUE_BYTES_MAX + 1)}"`, cr.CE_TOO_LONG],
    ['past the bound of the whole', `Digest ${REQUIRED}${', x=12345678'.repeat(20)}${' '.repeat(cr.CREDENTIALS_BYTES_MAX)}`, cr.CE_TOO_LONG],
    ['with too many parameters', `Digest ${REQUIRED}${', x=1'.repeat(cr.CREDENTIAL_PARAMS_MAX)}`, cr.CE_TOO_LONG],
  ])('%s are refused', (_what, text, expected) => {
    expect(read(text)).toBe(expected);
  });

  it('are taken with a value of the greatest length', () => {
    const cnonce = 'a'.repeat(cr.CREDENTIAL_VALUE_BYTES_MAX);
    expect(read(`Digest ${REQUIRED}, cnonce="${cnonce}"`)).toEqual({ ...PARSED, cnonce });
  });

  it.each([
    ['00000001', 1],
    ['0000000A', 10],
    ['deadBEEF', 0xdeadbeef],
    ['ffffffff', 0xffffffff],
  ])('count nc %s as %i', (nc, count) => {
    const { bytes, start, end } = embed(`Digest ${REQUIRED}, nc=${nc}`);
    const view = new CredentialsView();
    expect(parseCredentials(bytes, start, end, view)).toBe(cr.CE_NONE);
    expect(view.nonceCount).toBe(count);
  });
});

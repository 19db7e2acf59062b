import { describe, expect, it } from 'vitest';
import { IDENTITY_DOMAIN, IDENTITY_OK, IDENTITY_USER, checkIdentity, type IdentityCheck } from '../../../src/auth/identity.js';
import { DigestRealm } from '../../../src/auth/realm.js';
import { UriView, parseUri } from '../../../src/sip/uri.js';
import { embed } from '../sip/embedded-text.js';

const realm = new DigestRealm('example.com');

function check(mode: IdentityCheck, username: string, uri: string): number {
  const { bytes, start, end } = embed(uri);
  const view = new UriView();
  expect(parseUri(bytes, start, end, view)).toBe(0);
  return checkIdentity(mode, bytes, view, username, realm);
}

describe('an authenticated user', () => {
  it.each<[string, string, number, number]>([
    ['alice', 'sip:alice@example.com', IDENTITY_OK, IDENTITY_OK],
    ['alice', 'sips:alice@EXAMPLE.com.:5061;x=y', IDENTITY_OK, IDENTITY_OK],
    ['alice', 'sip:al%69ce@example.com', IDENTITY_OK, IDENTITY_OK],
    ['alice smith', 'sip:alice%20smith@example.com', IDENTITY_OK, IDENTITY_OK],
    ['ålice', 'sip:%C3%a5lice@example.com', IDENTITY_OK, IDENTITY_OK],
    ['alice', 'sip:alice@192.0.2.1', IDENTITY_OK, IDENTITY_DOMAIN],
    ['alice', 'sip:bob@example.com', IDENTITY_USER, IDENTITY_USER],
    ['alice', 'sip:Alice@example.com', IDENTITY_USER, IDENTITY_USER],
    ['alice', 'sip:alic@example.com', IDENTITY_USER, IDENTITY_USER],
    ['alice', 'sip:alicea@example.com', IDENTITY_USER, IDENTITY_USER],
    ['alice', 'sip:example.com', IDENTITY_USER, IDENTITY_USER],
    ['', 'sip:example.com', IDENTITY_USER, IDENTITY_USER],
    ['alice', 'tel:alice', IDENTITY_USER, IDENTITY_USER],
    ['alice@example.net', 'sip:alice@example.net', IDENTITY_OK, IDENTITY_OK],
    ['alice@example.net', 'sip:alice@example.com', IDENTITY_DOMAIN, IDENTITY_DOMAIN],
    ['alice@', 'sip:alice@example.com', IDENTITY_USER, IDENTITY_USER],
    ['alice@', 'sip:alice%40@example.com', IDENTITY_OK, IDENTITY_OK],
  ])('%j calling himself %s: %i by user, %i by user and domain (RFC 3261 §22.1)', (username, uri, byUser, byDomain) => {
    expect(check('user', username, uri)).toBe(byUser);
    expect(check('user-and-domain', username, uri)).toBe(byDomain);
    expect(check('off', username, uri)).toBe(IDENTITY_OK);
  });
});

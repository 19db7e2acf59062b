/** Targets of an address-of-record: RFC 3261 §16.5 and §16.6, RFC 3327 §5.4, RFC 5626 §7, RFC 5627. */
import { describe, expect, it } from 'vitest';
import type { Binding } from '../../../src/location/binding.js';
import { instanceOfGr, publicGruu } from '../../../src/location/instance.js';
import { type LookupOptions, type Target, targetsOf } from '../../../src/location/lookup.js';
import { NOW_MS, binding, bytes, text } from './stage.js';

const uris = (targets: readonly Target[]): string[] => targets.map(({ uri }) => text(uri));
const groups = (bindings: readonly Binding[], options?: LookupOptions): string[][] => targetsOf(bindings, NOW_MS, options).map(uris);
const at = (uri: string, parts: Partial<Binding> = {}): Binding => binding({ contact: bytes(uri), ...parts });

describe('targets', () => {
  it('are grouped by q, highest first, the last one registered in front', () => {
    expect(
      groups([
        at('sip:low@h', { q: 100 }),
        at('sip:old@h', { q: 1000, updatedMs: NOW_MS - 2 }),
        at('sip:none@h', { updatedMs: NOW_MS - 1 }),
        at('sip:zero@h', { q: 0 }),
        at('sip:half@h', { q: 500 }),
        at('sip:half2@h', { q: 500 }),
      ]),
    ).toEqual([['sip:none@h', 'sip:old@h'], ['sip:half@h', 'sip:half2@h'], ['sip:low@h'], ['sip:zero@h']]);
  });

  it('leave out what has expired, to the millisecond', () => {
    expect(groups([at('sip:a@h', { expiresMs: NOW_MS }), at('sip:b@h', { expiresMs: NOW_MS + 1 })])).toEqual([['sip:b@h']]);
    expect(groups([])).toEqual([]);
  });

  it('have the Path as their route set, top one first', () => {
    const path = [bytes('<sip:p1;lr>'), bytes('<sip:p2;lr>')];
    expect(targetsOf([at('sip:a@h', { path })], NOW_MS)[0]![0]!.route).toEqual(path);
  });

  it.each([
    ['sip:a@h;method=INVITE;x=1?Route=evil&Subject=x', 'sip:a@h;x=1'],
    ['sip:a@h;METHOD=BYE', 'sip:a@h'],
    ['sip:a?b;method=x@h;methods=1', 'sip:a?b;method=x@h;methods=1'],
    ['sip:a@h?b=c', 'sip:a@h'],
    ['tel:+1555;phone-context=h?x', 'tel:+1555;phone-context=h?x'],
  ])('make of the contact %s the Request-URI %s (§19.1.1)', (contact, uri) => {
    expect(groups([at(contact)])).toEqual([[uri]]);
  });

  it('are one an instance, and its other flows stand by', () => {
    const instance = bytes('urn:uuid:1');
    const [group] = targetsOf(
      [
        at('sip:flow1@h', { instance, regId: 1, updatedMs: NOW_MS - 5 }),
        at('sip:flow2@h', { instance: bytes('URN:UUID:1'), regId: 2 }),
        at('sip:other@h', { instance: bytes('urn:uuid:2'), updatedMs: NOW_MS - 9 }),
        at('sip:stale@h', { instance, q: 300 }),
      ],
      NOW_MS,
    );
    expect(uris(group!)).toEqual(['sip:flow2@h', 'sip:other@h']);
    expect(uris(group![0]!.alternatives)).toEqual(['sip:flow1@h', 'sip:stale@h']);
    expect(group![1]!.alternatives).toEqual([]);
  });

  it('are one for each place', () => {
    const route = { path: [bytes('<sip:p;lr>')] };
    expect(groups([at('sip:a@h'), at('sip:a@h'), at('sip:a@h', route)])).toEqual([['sip:a@h', 'sip:a@h']]);
  });

  it('of a GRUU are those of its instance', () => {
    const instance = bytes('urn:x:a=b');
    const gruu = publicGruu('alice@example.com', instance);
    expect(gruu).toBe('sip:alice@example.com;gr=urn:x:a%3Db');
    const wanted = instanceOfGr(gruu.slice(gruu.indexOf('gr=') + 3));
    expect(groups([at('sip:a@h'), at('sip:b@h', { instance })], { instance: wanted })).toEqual([['sip:b@h']]);
    expect(groups([at('sip:a@h')], { instance: wanted })).toEqual([]);
  });
});

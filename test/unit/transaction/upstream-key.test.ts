import { describe, expect, it } from 'vitest';
import { bytesOf } from '../../../src/sim/sent-message.js';
import { METHOD_NAMES, M_ACK, M_CANCEL, M_INVITE, M_UNKNOWN } from '../../../src/sip/methods.js';
import { ViaView, parseVia } from '../../../src/sip/via.js';
import { KeyHasher } from '../../../src/transaction/key.js';
import { hashUpstreamKey, methodClass } from '../../../src/transaction/upstream-key.js';

function key(value: string): string {
  const bytes = bytesOf(value);
  const via = new ViaView();
  expect(parseVia(bytes, 0, bytes.length, via)).toBe(0);
  const hasher = new KeyHasher(7, 8);
  hashUpstreamKey(hasher, bytes, via);
  return `${hasher.hi},${hasher.lo}`;
}

const KEY = key('SIP/2.0/UDP host.example;branch=z9hG4bKabc');

describe('the upstream key', () => {
  it.each([
    'SIP/2.0/UDP HOST.Example;branch=z9hG4bKabc',
    'SIP/2.0/UDP host.example:5060;branch=z9hG4bKabc',
    'SIP / 2.0 / TCP host.example : 5060 ; rport ; branch = z9hG4bKabc ; x=y',
    'SIP/2.0/UDP host.example;received=10.9.9.9;branch=z9hG4bKabc;rport=77',
    'SIP/2.0/UDP\r\n host.example;\r\n\tbranch=z9hG4bKabc, SIP/2.0/UDP other',
  ])('is the same for %j', (value) => {
    expect(key(value)).toBe(KEY);
  });

  it.each([
    'SIP/2.0/UDP host.example;branch=z9hG4bKabd',
    'SIP/2.0/UDP host.example;branch=z9hG4bKABC',
    'SIP/2.0/UDP host.example:5061;branch=z9hG4bKabc',
    'SIP/2.0/UDP ost.example;branch=z9hG4bKabch',
    'SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKabc',
  ])('is another for %j', (value) => {
    expect(key(value)).not.toBe(KEY);
  });
});

describe('the method class', () => {
  const classOf = (name: string): number => {
    const bytes = bytesOf(name);
    const id = METHOD_NAMES.indexOf(name);
    return methodClass(id > 0 ? id : M_UNKNOWN, bytes, 0, bytes.length);
  };

  it('is that of the INVITE for ACK, and its own for CANCEL', () => {
    expect(classOf('ACK')).toBe(classOf('INVITE'));
    expect(classOf('ACK')).toBe(M_INVITE);
    expect(classOf('CANCEL')).toBe(M_CANCEL);
    expect(M_ACK).not.toBe(M_INVITE);
  });

  it('tells all methods apart, those without a number too', () => {
    const names = [...METHOD_NAMES.slice(1).filter((name) => name !== 'ACK'), 'FOO', 'BAR', 'invite', 'INVITES', 'F', 'OO', 'X'.repeat(500)];
    expect(new Set(names.map(classOf)).size).toBe(names.length);
  });
});

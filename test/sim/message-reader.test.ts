/** The reader of phones and checks: independent of the engine's parser. */
import { expect, it } from 'vitest';
import {
  H_CALL_ID,
  H_FROM,
  H_TO,
  H_VIA,
  M_BYE,
  M_INVITE,
  MessageReader,
} from '../../src/sim/message-reader.js';
import { bytesOf, requestText } from '../../src/sim/sent-message.js';
import { hashText, hostPort } from '../../src/sim/user-agent.js';

function read(text: string): MessageReader {
  const reader = new MessageReader();
  const bytes = bytesOf(`junk${text}\r\nmore junk: 1\r\n`);
  expect(reader.read(bytes, 4, 4 + text.length)).toBe(true);
  return reader;
}

it('reads the parts of a request', () => {
  const reader = read(requestText('INVITE', { branch: 'z9hG4bK-x', cseq: 7, body: 'hello' }));
  expect([reader.isRequest, reader.method, reader.cseq, reader.viaCount, reader.status]).toEqual([true, M_INVITE, 7, 1, 0]);
  expect(reader.text(reader.uriStart, reader.uriEnd)).toBe('sip:bob@10.2.0.1:5060');
  expect(reader.text(reader.branchStart, reader.branchEnd)).toBe('z9hG4bK-x');
  expect(reader.branch).toBe(hashText('z9hG4bK-x'));
  expect(reader.tag(H_FROM)).toBe(hashText('a1'));
  expect(reader.tag(H_TO)).toBe(0);
  expect(reader.text(reader.bodyStart, reader.end)).toBe('hello');
});

it('reads compact, folded and listed header fields in any case', () => {
  const reader = read(
    'SIP/2.0 200 OK\r\nv: SIP/2.0/UDP a.example;branch = z9hG4bK-1 , SIP/2.0/UDP b.example;branch=z9hG4bK-2\r\n' +
      'VIA: SIP/2.0/UDP\r\n  c.example;x="a,b"\r\nf: "A;tag=no" <sip:a@b;tag=no>;TAG=yes\r\nt: sip:c@d;tag=to\r\ni: 42@sim\r\nCSEQ: 3\r\n BYE\r\n\r\n',
  );
  expect([reader.isRequest, reader.status, reader.method, reader.cseq, reader.viaCount]).toEqual([false, 200, M_BYE, 3, 3]);
  expect(reader.branch).toBe(hashText('z9hG4bK-1'));
  expect(reader.tag(H_FROM)).toBe(hashText('yes'));
  expect(reader.tag(H_TO)).toBe(hashText('to'));
  expect(reader.numberIn(H_CALL_ID)).toBe(42);
  expect(reader.hashAll(H_VIA)).not.toBe(0);
});

it('refuses what is no message', () => {
  const reader = new MessageReader();
  for (const text of ['', '\r\n\r\n', 'INVITE', 'SIP/2.0 x\r\n\r\n', 'INVITE sip:a@b SIP/2.0\r\n\r\n']) {
    expect(reader.read(bytesOf(text), 0, text.length)).toBe(false);
  }
});

it('finds host and port of a URI', () => {
  expect(hostPort('<sip:10.0.0.1:5080;lr>, <sip:10.0.0.2>')).toBe('10.0.0.1:5080');
  expect(hostPort('sip:bob@10.2.0.1')).toBe('10.2.0.1:5060');
  expect(hostPort('<sip:[2001:db8::1]:5070;lr>')).toBe('[2001:db8::1]:5070');
  expect(hostPort('sip:b@[2001:db8::1]')).toBe('[2001:db8::1]:5060');
});

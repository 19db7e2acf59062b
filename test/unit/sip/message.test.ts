/** The frame of a message (RFC 3261 §7, §18.3) and what is checked before a proxy acts on it (§16.3). */
import { describe, expect, it } from 'vitest';
import { bytesOf, requestText } from '../../../src/sim/sent-message.js';
import { FIELD_END, FIELD_ID, FIELD_LINE, FIELD_STRIDE, FIELD_VALUE } from '../../../src/sip/header-fields.js';
import { MessageView } from '../../../src/sip/message.js';
import { HEADER_NAMES } from '../../../src/sip/header-names.js';
import { M_CANCEL, M_INVITE, M_UNKNOWN } from '../../../src/sip/methods.js';
import * as faults from '../../../src/sip/parse-error.js';
import { errorReason, errorStatus, messageCodeOf } from '../../../src/sip/parse-error.js';
import { ViaView, parseVia } from '../../../src/sip/via.js';

/** Octets before and behind the message: nothing of them may be read. */
const BEFORE = 'Via: x\r\n';
const BEHIND = '\r\nTo: y\r\n\r\n';

interface Parsed {
  readonly view: MessageView;
  readonly fault: number;
  readonly at: (start: number, end: number) => string;
}

function parse(text: string, maxFields = 64): Parsed {
  const bytes = bytesOf(BEFORE + text + BEHIND);
  const view = new MessageView(maxFields);
  const fault = view.parse(bytes, BEFORE.length, BEFORE.length + text.length);
  return { view, fault, at: (start, end) => String.fromCharCode(...bytes.subarray(start, end)) };
}

/** The fault of a message, whichever of the two steps finds it. */
function faultOf(text: string): number {
  const { view, fault } = parse(text);
  if (fault !== faults.PE_NONE) return fault;
  return view.isRequest ? view.validateRequest() : view.validateResponse();
}

/** Fields as `[header, name, value]`. */
function fieldsOf({ view, at }: Parsed): string[][] {
  return Array.from({ length: view.fieldCount }, (_, field) => {
    const slot = field * FIELD_STRIDE;
    const line = view.fields[slot + FIELD_LINE]!;
    return [
      HEADER_NAMES[view.fields[slot + FIELD_ID]!]!,
      at(line, view.lineEnd(field)),
      at(view.fields[slot + FIELD_VALUE]!, view.fields[slot + FIELD_END]!),
    ];
  });
}

const REQUEST = requestText('INVITE', { body: 'v=0' });

describe('the frame', () => {
  it('of a request: method, Request-URI, fields, body', () => {
    const { view, fault, at } = parse('INVITE sip:a@b SIP/2.0\r\nv: x\r\nX-Y : z \r\n\r\nbody');
    expect(fault).toBe(faults.PE_NONE);
    expect(view.isRequest).toBe(true);
    expect(view.method).toBe(M_INVITE);
    expect(at(view.methodStart, view.methodEnd)).toBe('INVITE');
    expect(at(view.uriStart, view.uriEnd)).toBe('sip:a@b');
    expect(at(view.headersStart, view.headersEnd)).toBe('v: x\r\nX-Y : z \r\n');
    expect(at(view.bodyStart, view.end)).toBe('body');
  });

  it('of a response: status and reason', () => {
    for (const [line, status, reason] of [
      ['SIP/2.0 200 OK', 200, 'OK'],
      ['SIP/2.0 404 Not  Found ', 404, 'Not  Found '],
      ['SIP/2.0 180 ', 180, ''],
      ['SIP/2.0 180', 180, ''],
      ['sip/2.0 699 \xc3\xa4\0', 699, '\xc3\xa4\0'],
    ] as const) {
      const { view, fault, at } = parse(`${line}\r\n\r\n`);
      expect(fault).toBe(faults.PE_NONE);
      expect([view.isRequest, view.status, at(view.reasonStart, view.reasonEnd)]).toEqual([false, status, reason]);
    }
  });

  it('has fields that cover the header without gaps, each with name and trimmed value', () => {
    const parsed = parse('OPTIONS sip:a@b SIP/2.0\r\nVIA :\t a , b \r\nSubject:\r\n  folded\r\n\tvalue \r\nk:\r\nX-Other: 1\nf: lf\n\r\n');
    expect(parsed.fault).toBe(faults.PE_NONE);
    expect(fieldsOf(parsed)).toEqual([
      ['Via', 'VIA :\t a , b \r\n', 'a , b'],
      ['Subject', 'Subject:\r\n  folded\r\n\tvalue \r\n', 'folded\r\n\tvalue'],
      ['Supported', 'k:\r\n', ''],
      ['', 'X-Other: 1\n', '1'],
      ['From', 'f: lf\n', 'lf'],
    ]);
  });

  it('does not take a lone CR for a line end', () => {
    const parsed = parse('OPTIONS sip:a@b SIP/2.0\r\nSubject: a\rVia: b\r\n\r\n');
    expect(fieldsOf(parsed)).toEqual([['Subject', 'Subject: a\rVia: b\r\n', 'a\rVia: b']]);
  });

  it('takes a line of white space for a fold, not for the end of the header', () => {
    const parsed = parse('OPTIONS sip:a@b SIP/2.0\r\nSubject: a\r\n \r\nX-B: b\r\n\r\n');
    expect(fieldsOf(parsed)).toEqual([
      ['Subject', 'Subject: a\r\n \r\n', 'a'],
      ['', 'X-B: b\r\n', 'b'],
    ]);
  });

  it('cuts the body at Content-Length, which may have leading zeros', () => {
    for (const length of ['3', '003']) {
      const { view, at } = parse(`OPTIONS sip:a@b SIP/2.0\r\nl: ${length}\r\n\r\nbody`);
      expect(at(view.bodyStart, view.end)).toBe('bod');
    }
  });

  it('has the rest of the datagram as body without Content-Length', () => {
    const { view, at } = parse('OPTIONS sip:a@b SIP/2.0\r\n\r\n\r\n\r\n');
    expect(at(view.bodyStart, view.end)).toBe('\r\n\r\n');
  });

  it('finds the first field of a kind and the next ones', () => {
    const { view } = parse('OPTIONS sip:a@b SIP/2.0\r\nX: 0\r\nv: 1\r\nRoute: a\r\nVia: 2\r\n\r\n');
    expect([view.via, view.route, view.from]).toEqual([1, 2, -1]);
    expect(view.nextField(1, view.via)).toBe(3);
    expect(view.nextField(1, 3)).toBe(-1);
  });

  it('says what it cannot read of each start line', () => {
    for (const [line, fault] of [
      ['', faults.PE_NOT_SIP],
      ['INVITE', faults.PE_NOT_SIP],
      ['INVITE sip:a@b', faults.PE_NOT_SIP],
      ['INVITE sip:a@b HTTP/1.1', faults.PE_NOT_SIP],
      [' INVITE sip:a@b SIP/2.0', faults.PE_NOT_SIP],
      ['INV(TE sip:a@b SIP/2.0', faults.PE_METHOD],
      ['INVITE\tsip:a@b SIP/2.0', faults.PE_METHOD],
      ['INVITE  sip:a@b SIP/2.0', faults.PE_REQUEST_LINE_SPACE],
      ['INVITE sip:a@b  SIP/2.0', faults.PE_REQUEST_LINE_SPACE],
      ['INVITE sip:a@b SIP/2.0 ', faults.PE_REQUEST_LINE_SPACE],
      ['INVITE  SIP/2.0', faults.PE_REQUEST_LINE_SPACE],
      ['INVITE sip:a@b SIP/3.0', faults.PE_VERSION],
      ['INVITE sip:a@b SIP/2.01', faults.PE_VERSION],
      ['INVITE sip:a@b sip/2.0', faults.PE_NONE],
      ['SIP/3.0 200 OK', faults.PE_VERSION],
      ['SIP/2.0  200 OK', faults.PE_STATUS_CODE],
      ['SIP/2.0\t200 OK', faults.PE_START_LINE],
      ['SIP/2.0 99 OK', faults.PE_STATUS_CODE],
      ['SIP/2.0 700 OK', faults.PE_STATUS_CODE],
      ['SIP/2.0 2000 OK', faults.PE_STATUS_CODE],
      ['SIP/2.0 ', faults.PE_VERSION],
    ] as const) {
      expect(parse(`${line}\r\n\r\n`).fault, line).toBe(fault);
    }
  });

  it('is not there without a line end', () => {
    expect(parse('INVITE sip:a@b SIP/2.0').fault).toBe(faults.PE_NOT_SIP);
    expect(parse('').fault).toBe(faults.PE_NOT_SIP);
  });

  it('wants a blank line behind the header', () => {
    expect(parse('INVITE sip:a@b SIP/2.0\r\n').fault).toBe(faults.PE_NO_END);
    expect(parse('INVITE sip:a@b SIP/2.0\r\nVia: x\r\n').fault).toBe(faults.PE_NO_END);
    expect(parse('INVITE sip:a@b SIP/2.0\r\nVia: x').fault).toBe(faults.PE_NO_END);
    expect(parse('INVITE sip:a@b SIP/2.0\r\nVia: x\r\n\r').fault).not.toBe(faults.PE_NONE);
  });

  it.each([': value', ' leading: fold', 'no colon', 'two words: x', 'Via', '\0: x'])('has no field in the line %j', (line) => {
    expect(parse(`INVITE sip:a@b SIP/2.0\r\n${line}\r\n\r\n`).fault).toBe(faults.PE_HEADER_LINE);
  });

  it('holds as many fields as it was made for, and not one more', () => {
    const text = (fields: number): string => `INVITE sip:a@b SIP/2.0\r\n${'X: y\r\n'.repeat(fields)}\r\n`;
    expect(parse(text(8), 8).fault).toBe(faults.PE_NONE);
    const parsed = parse(text(9), 8);
    expect(parsed.fault).toBe(faults.PE_TOO_MANY_HEADERS);
    expect(parsed.view.fieldCount).toBe(8);
  });

  it('leaves nothing of the message before', () => {
    const view = new MessageView(64);
    const first = bytesOf(requestText('BYE', { to: '<sip:b@c>;tag=t', routes: ['<sip:r;lr>'], headers: ['Contact: <sip:a@b>', 'Record-Route: <sip:r>', 'Proxy-Require: x'] }));
    view.parse(first, 0, first.length);
    expect(view.validateRequest()).toBe(faults.PE_NONE);
    const second = bytesOf('CANCEL sip:a@b SIP/2.0\r\n\r\n');
    expect(view.parse(second, 0, second.length)).toBe(faults.PE_NONE);
    expect(view.method).toBe(M_CANCEL);
    expect([view.via, view.from, view.to, view.callId, view.cseq, view.maxForwards, view.route, view.recordRoute, view.contact, view.contentLength, view.proxyRequire]).toEqual(
      Array(11).fill(-1),
    );
    expect([view.hops, view.fromTagStart, view.toTagStart, view.fieldCount, view.status]).toEqual([-1, -1, -1, 0, 0]);
  });
});

describe('the checks of a request', () => {
  it('find what the core wants to know', () => {
    const { view, at } = parse(requestText('INVITE', { to: '<sip:b@c>;x;TAG=t1', from: 'sip:a@b;tag=f1', cseq: 2147483647, maxForwards: 300 }));
    expect(view.validateRequest()).toBe(faults.PE_NONE);
    expect(at(view.fromTagStart, view.fromTagEnd)).toBe('f1');
    expect(at(view.toTagStart, view.toTagEnd)).toBe('t1');
    expect([view.cseqNumber, view.cseqMethod, view.hops]).toEqual([2147483647, M_INVITE, 255]);
    expect(at(view.topVia.branchStart, view.topVia.branchEnd)).toBe('z9hG4bK-1');
    expect(at(view.uri.hostStart, view.uri.hostEnd)).toBe('10.2.0.1');
  });

  it('take a method that has no number', () => {
    const { view } = parse(requestText('FOO'));
    expect(view.validateRequest()).toBe(faults.PE_NONE);
    expect(view.method).toBe(M_UNKNOWN);
    expect(faultOf(requestText('FOO').replace('1 FOO', '1 BAR'))).toBe(faults.PE_CSEQ_METHOD);
    expect(faultOf(requestText('FOO').replace('1 FOO', '1 foo'))).toBe(faults.PE_CSEQ_METHOD);
    expect(faultOf(requestText('FOO').replace('1 FOO', '1 INVITE'))).toBe(faults.PE_CSEQ_METHOD);
  });

  it.each<[string, string, string, number]>([
    ['no Via', 'Via: ', 'X-Via: ', faults.PE_MISSING_VIA],
    ['two From', 'From: ', 'f: <sip:x>\r\nFrom: ', faults.PE_DUPLICATE_FROM],
    ['two To', 'To: ', 't: <sip:x@y>\r\nTo: ', faults.PE_DUPLICATE_TO],
    ['two Call-ID', 'Call-ID: ', 'i: x\r\nCall-ID: ', faults.PE_DUPLICATE_CALL_ID],
    ['two CSeq', 'CSeq: ', 'CSEQ: 1 INVITE\r\nCSeq: ', faults.PE_DUPLICATE_CSEQ],
    ['two Max-Forwards', 'Max-Forwards: ', 'max-forwards: 7\r\nMax-Forwards: ', faults.PE_DUPLICATE_MAX_FORWARDS],
    ['two From values', '<sip:alice@10.1.0.1>;tag=a1', '<sip:a@b>;tag=a1, <sip:c@d>', faults.PE_FROM],
    ['an empty Call-ID', 'Call-ID: call-1', 'Call-ID: ', faults.PE_CALL_ID],
    ['a Call-ID with a space', 'Call-ID: call-1', 'Call-ID: call 1', faults.PE_CALL_ID],
    ['a CSeq without number', 'CSeq: 1 ', 'CSeq: ', faults.PE_CSEQ],
    ['a CSeq without method', 'CSeq: 1 INVITE', 'CSeq: 1', faults.PE_CSEQ],
    ['a CSeq with more', 'CSeq: 1 INVITE', 'CSeq: 1 INVITE x', faults.PE_CSEQ],
    ['a huge CSeq', 'CSeq: 1 ', 'CSeq: 99999999999999999999999 ', faults.PE_CSEQ_NUMBER],
    ['a negative Max-Forwards', 'Max-Forwards: 70', 'Max-Forwards: -1', faults.PE_MAX_FORWARDS],
    ['an empty Max-Forwards', 'Max-Forwards: 70', 'Max-Forwards:', faults.PE_MAX_FORWARDS],
    ['a second Via in the field that is broken', '10.1.0.1:5060;branch=z9hG4bK-1', '10.1.0.1;branch=z9hG4bK-1, SIP/2.0', faults.PE_VIA],
    ['a comma behind Via', 'z9hG4bK-1\r\n', 'z9hG4bK-1,\r\n', faults.PE_VIA],
    ['a bare Route', 'From: ', 'Route: sip:a@b\r\nFrom: ', faults.PE_ROUTE],
    ['a broken second Route', 'From: ', 'Route: <sip:a@b>\r\nRoute: <sip:c\r\nFrom: ', faults.PE_ROUTE],
    ['a broken Contact', 'Contact: <', 'Contact: <<', faults.PE_CONTACT],
    ['a URI with headers', 'sip:bob@10.2.0.1:5060 ', 'sip:bob@10.2.0.1:5060?a=b ', faults.PE_REQUEST_URI_HEADERS],
    ['a URI with a space', 'sip:bob@10.2.0.1:5060 ', 'sip:bob @10.2.0.1:5060 ', faults.PE_REQUEST_URI_SPACE],
    ['an unknown scheme', 'sip:bob@10.2.0.1:5060 ', 'soap:bob@x ', faults.PE_SCHEME],
  ])('refuse %s', (_, before, after, fault) => {
    expect(REQUEST).toContain(before);
    const found = faultOf(REQUEST.replace(before, after));
    expect(messageCodeOf(found), errorReason(found)).toBe(fault);
    expect(errorStatus(found)).toBe(fault === faults.PE_SCHEME ? 416 : 400);
  });

  it.each([
    ['a Via below the top one that is broken, in a field of its own', 'Max-Forwards', 'Via: ???\r\nMax-Forwards'],
    ['a Record-Route that is broken', 'Max-Forwards', 'Record-Route: ???\r\nMax-Forwards'],
    ['a tel URI', 'sip:bob@10.2.0.1:5060 ', 'tel:+49 '],
    ['Contact *', '<sip:alice@10.1.0.1:5060>', '*'],
    ['several Contacts', '<sip:alice@10.1.0.1:5060>', 'sip:a@b, "c,d" <sip:e>;q=1'],
  ])('let through %s', (_, before, after) => {
    expect(REQUEST).toContain(before);
    expect(faultOf(REQUEST.replace(before, after))).toBe(faults.PE_NONE);
  });

  it('find the To tag of a request that is broken', () => {
    for (const to of ['<sip:b@c>;tag=t1', '"b <sip:b@c>;tag=t1', 'sip:b@c ??? Tag=t1']) {
      const { view, at } = parse(requestText('BYE', { to }));
      view.findToTag();
      expect(at(view.toTagStart, view.toTagEnd)).toBe('t1');
    }
    const { view } = parse(requestText('BYE', { to: '"b <sip:b@c>' }));
    view.findToTag();
    expect(view.toTagStart).toBe(-1);
  });
});

describe('the checks of a response', () => {
  const response = requestText('INVITE').replace(/^.*\r\n/, 'SIP/2.0 200 OK\r\n');

  it('want Via, Call-ID and CSeq', () => {
    expect(faultOf(response)).toBe(faults.PE_NONE);
    for (const [line, fault] of [
      [/Via: .*\r\n/, faults.PE_MISSING_VIA],
      [/Call-ID: .*\r\n/, faults.PE_MISSING_CALL_ID],
      [/CSeq: .*\r\n/, faults.PE_MISSING_CSEQ],
    ] as const) {
      expect(faultOf(response.replace(line, ''))).toBe(fault);
    }
  });

  it('let From, To and Contact be', () => {
    expect(faultOf(response.replace(/From: .*\r\n/, '').replace(/To: .*\r\n/, 'To: "\r\n').replace('Contact: <', 'Contact: <<'))).toBe(faults.PE_NONE);
  });
});

describe('a top Via that the router has parsed', () => {
  const VIAS = 'SIP/2.0/UDP [2001:db8::1]:5061;rport=9;received=10.0.0.1;maddr=10.0.0.2;ttl=3;branch=z9hG4bKx;x=y, SIP/2.0/UDP b.example;branch=z9hG4bKy';
  const TEXT = requestText('INVITE', { vias: [VIAS] });

  /** The view of `text`, validated with what was found in `knownOf`, at the same place of the same bytes or of others. */
  function validated(text: string, knownOf: string, shared: boolean): { view: MessageView; known: ViaView; fault: number } {
    const bytes = bytesOf(BEFORE + knownOf + BEHIND);
    const router = new MessageView(64);
    router.parse(bytes, BEFORE.length, BEFORE.length + knownOf.length);
    expect(router.validateRequest()).toBe(faults.PE_NONE);
    const known = router.topVia;
    const own = shared ? bytes : bytesOf(BEFORE + text + BEHIND);
    const view = new MessageView(64);
    view.parse(own, BEFORE.length, BEFORE.length + text.length);
    return { view, known, fault: view.validateRequest(known) };
  }

  it('is taken over as a whole, and is the view’s own', () => {
    const { view, known, fault } = validated(TEXT, TEXT, true);
    expect(fault).toBe(faults.PE_NONE);
    expect(view.topVia).toEqual(known);
    const before = { ...known };
    parseVia(bytesOf('SIP/2.0/TCP other'), 0, 17, known);
    expect(view.topVia).toEqual(before);
    expect(Object.values(before)).not.toEqual(Object.values(new ViaView()));
  });

  it('still has the values behind it looked at', () => {
    const text = requestText('INVITE', { vias: ['SIP/2.0/UDP a.example;branch=z9hG4bKx, SIP/2.0/UDP b..example'] });
    const bytes = bytesOf(text);
    const known = new ViaView();
    const view = new MessageView(64);
    view.parse(bytes, 0, bytes.length);
    const slot = view.via * FIELD_STRIDE;
    expect(parseVia(bytes, view.fields[slot + FIELD_VALUE]!, view.fields[slot + FIELD_END]!, known)).toBe(faults.GE_NONE);
    expect(messageCodeOf(view.validateRequest(known))).toBe(faults.PE_VIA);
  });

  it.each([
    ['in other bytes', TEXT.replace('z9hG4bKx', 'z9hG4bKz')],
    ['of another length', TEXT.replace('z9hG4bKx', 'z9hG4bKlonger')],
    ['in another place', TEXT.replace('INVITE sip:', 'INVITE sip:x').replace('CSeq: 1 ', 'CSeq: 2 ')],
  ])('is not used when it is %s', (_, text) => {
    const { view, known, fault } = validated(text, TEXT, false);
    expect(fault).toBe(faults.PE_NONE);
    const wanted = new MessageView(64);
    wanted.parse(view.bytes, view.start, view.end);
    wanted.validateRequest();
    expect(view.topVia).toEqual(wanted.topVia);
    expect(view.topVia.bytes).not.toBe(known.bytes);
  });
});

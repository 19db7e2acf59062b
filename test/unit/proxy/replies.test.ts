/** Answers of our own (RFC 3261 §8.2.6), to good requests and to broken ones. */
import { describe, expect, it } from 'vitest';
import type { Routes } from '../../../src/script/api.js';
import { requestText, responseText } from '../../../src/sim/sent-message.js';
import {
  C_ACKS_DROPPED,
  C_BAD_REQUESTS,
  C_DROP_MALFORMED_REQUEST,
  C_DROP_MALFORMED_RESPONSE,
  C_DROP_NOT_SIP,
  C_SCRIPT_RUNS,
} from '../../../src/telemetry/counters.js';
import { ALICE, BOB, relayAll, Stage, type StageOptions } from './stage.js';

const answering = (status: number, ...rest: [reason?: string, options?: Parameters<Parameters<Routes['request']>[0]['reply']>[2]]): Routes => ({
  request: (req) => void req.reply(status, ...rest),
});

function answerTo(text: string, routes: Routes, options: StageOptions = {}): string {
  const stage = new Stage(routes, options);
  stage.receive(text);
  return stage.takeOne(ALICE).text;
}

const tagOf = (text: string): string => /^To: .*;tag=([^;\r]+)/m.exec(text)?.[1] ?? '';

describe('an answer', () => {
  it('has status, all Vias, From, To with a tag, Call-ID and CSeq of the request, and nothing else of it', () => {
    const text = requestText('OPTIONS', {
      vias: ['SIP/2.0/UDP 10.1.0.1;branch=z9hG4bK-1;rport', 'SIP/2.0/UDP second, SIP/2.0/TCP third;x'],
      headers: ['Contact: <sip:a@b>', 'Record-Route: <sip:r>', 'X-Any: 1', 'Timestamp: 54'],
      body: 'body',
    });
    expect(answerTo(text, answering(404))).toBe(
      [
        'SIP/2.0 404 Not Found',
        'Via: SIP/2.0/UDP 10.1.0.1;branch=z9hG4bK-1;rport=5060;received=10.1.0.1',
        'Via: SIP/2.0/UDP second, SIP/2.0/TCP third;x',
        'From: <sip:alice@10.1.0.1>;tag=a1',
        `To: <sip:bob@10.2.0.1>;tag=${tagOf(answerTo(text, answering(404)))}`,
        'Call-ID: call-1',
        'CSeq: 1 OPTIONS',
        'Content-Length: 0',
        '',
        '',
      ].join('\r\n'),
    );
  });

  it('gives header fields back in the form in which they came', () => {
    const text = requestText('OPTIONS').replace('Via:', 'v :').replace('From:', 'f:').replace('To:', 't\t:').replace('Call-ID:', 'i:\r\n ').replace('CSeq: 1 ', 'cSEQ: 1\r\n\t');
    const out = answerTo(text, answering(404));
    for (const line of ['\r\nv : SIP', '\r\nf: <sip', '\r\nt\t: <sip:bob@10.2.0.1>;tag=', '\r\ni:\r\n  call-1\r\n', '\r\ncSEQ: 1\r\n\tOPTIONS\r\n']) expect(out).toContain(line);
  });

  it('has Vias in their places though other fields stand between them', () => {
    const out = answerTo(requestText('OPTIONS', { headers: ['v: SIP/2.0/UDP later', 'X: 1', 'VIA: SIP/2.0/UDP last'] }), answering(404));
    expect(out.match(/^(v|via): .*$/gim)).toEqual(['Via: SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bK-1', 'v: SIP/2.0/UDP later', 'VIA: SIP/2.0/UDP last']);
  });

  it('keeps the To tag that the request has', () => {
    const out = answerTo(requestText('BYE', { to: '"b;tag=no" <sip:bob@10.2.0.1;tag=no> ; tag = yes ;x' }), answering(481));
    expect(out).toContain('\r\nTo: "b;tag=no" <sip:bob@10.2.0.1;tag=no> ; tag = yes ;x\r\n');
  });

  it('has the same To tag in all answers of a transaction and in its repetitions', () => {
    const stage = new Stage({ request(req) { req.reply(180); req.reply(183); req.reply(486); } });
    stage.receive(requestText('INVITE'));
    stage.receive(requestText('INVITE'));
    const tags = stage.take(ALICE).map(({ text }) => tagOf(text));
    expect(tags).toHaveLength(4);
    expect(new Set(tags).size).toBe(1);
    expect(tags[0]).toMatch(/^[0-9a-f]{16}$/);
  });

  it('has another To tag in another transaction', () => {
    expect(tagOf(answerTo(requestText('OPTIONS'), answering(404)))).not.toBe(tagOf(answerTo(requestText('OPTIONS', { branch: 'z9hG4bK-2' }), answering(404))));
  });

  it('has no To tag, but the Timestamp, when it is a 100', () => {
    const stage = new Stage(relayAll);
    stage.receive(requestText('INVITE', { headers: ['Timestamp: 54.1'] }));
    const trying = stage.takeOne(ALICE);
    expect(trying.startLine).toBe('SIP/2.0 100 Trying');
    expect(trying.header('to')).toBe('<sip:bob@10.2.0.1>');
    expect(trying.header('timestamp')).toBe('54.1');
  });

  it('has Server where it is configured, but not in a 100', () => {
    const stage = new Stage({ request(req) { req.reply(100); req.reply(404); } }, { serverHeader: 'Test/1' });
    stage.receive(requestText('INVITE'));
    expect(stage.take(ALICE).map((message) => message.header('server'))).toEqual(['', 'Test/1']);
  });

  it('has reason, headers and body of the script', () => {
    const out = answerTo(requestText('OPTIONS'), answering(200, 'Fine · here', { headers: [['X-One', '1'], ['X-Two', 'zwö']], body: { type: 'text/plain', content: 'grüß' } }));
    const decoded = new TextDecoder().decode(Uint8Array.from(out, (c) => c.charCodeAt(0)));
    expect(decoded).toContain('SIP/2.0 200 Fine · here\r\n');
    expect(decoded).toContain('\r\nX-One: 1\r\nX-Two: zwö\r\n');
    expect(decoded.endsWith('Content-Type: text/plain\r\nContent-Length: 6\r\n\r\ngrüß')).toBe(true);
  });

  it('with a body that would not fit a datagram gives way to a 500', () => {
    const routes: Routes = { request: (req) => void req.reply(200, 'OK', { body: { type: 'a/b', content: 'x'.repeat(2000) } }) };
    expect(answerTo(requestText('OPTIONS'), routes, { limits: { datagramBytes: 1300 } })).toMatch(/^SIP\/2\.0 500 /);
  });

  it('lists in Unsupported all that Proxy-Require asks for', () => {
    const stage = new Stage(relayAll);
    stage.receive(requestText('INVITE', { headers: ['Proxy-Require: a,\r\n b', 'proxy-require: c'] }));
    const out = stage.takeOne(ALICE);
    expect(out.startLine).toBe('SIP/2.0 420 Bad Extension');
    expect(out.headers('unsupported').map((value) => value.replaceAll(/\s+/g, ' '))).toEqual(['a, b', 'c']);
    expect(stage.count(C_SCRIPT_RUNS)).toBe(0);
  });
});

describe('a broken request', () => {
  it.each([
    ['From: <sip:alice@10.1.0.1>;tag=a1\r\n', '', 400, 'Missing From'],
    ['To: <sip:bob@10.2.0.1>\r\n', '', 400, 'Missing To'],
    ['Call-ID: call-1\r\n', '', 400, 'Missing Call-ID'],
    ['CSeq: 1 OPTIONS\r\n', '', 400, 'Missing CSeq'],
    ['CSeq: 1 OPTIONS', 'CSeq: 1 INVITE', 400, 'Bad CSeq: method differs from the request line'],
    ['CSeq: 1 ', 'CSeq: 2147483648 ', 400, 'Bad CSeq: number must be below 2^31'],
    ['SIP/2.0\r\nVia', 'SIP/7.0\r\nVia', 505, 'Version Not Supported'],
    ['sip:bob@10.2.0.1:5060 ', 'http://x ', 416, 'Unsupported URI Scheme'],
    ['sip:bob@10.2.0.1:5060 ', '<sip:bob@10.2.0.1:5060> ', 400, 'Bad Request-URI: angle bracket in URI'],
    ['Content-Length: 0', 'Content-Length: 5', 400, 'Body shorter than Content-Length'],
    ['Content-Length: 0', 'Content-Length: x', 400, 'Bad Content-Length'],
    ['Content-Length: 0', 'l: 0\r\nContent-Length: 0', 400, 'More than one Content-Length'],
    ['<sip:alice@10.1.0.1>;tag=a1', '"alice <sip:alice@10.1.0.1>;tag=a1', 400, 'Bad From: unbalanced quote'],
    ['Max-Forwards: 70', 'Max-Forwards: seventy', 400, 'Bad Max-Forwards: must be 0 to 255'],
    ['Contact: ', 'no colon\r\nContact: ', 400, 'Bad header line'],
    [';branch=z9hG4bK-1', ';branch=', 400, 'Bad Via: bad parameter value'],
  ])('with %j as %j is answered %i %s', (before, after, status, reason) => {
    const stage = new Stage(relayAll);
    const text = requestText('OPTIONS');
    expect(text).toContain(before);
    stage.receive(text.replace(before, after));
    const out = stage.takeOne(ALICE);
    expect(out.startLine).toBe(`SIP/2.0 ${status} ${reason}`);
    expect(out.headers('via')).toHaveLength(1);
    expect(stage.count(C_BAD_REQUESTS)).toBe(1);
    expect(stage.count(C_SCRIPT_RUNS)).toBe(0);
    expect(stage.leftovers()).toEqual({});
  });

  it('gets its answer with what the transport adds to Via', () => {
    const stage = new Stage(relayAll);
    stage.receive(requestText('OPTIONS', { vias: ['SIP/2.0/UDP h.example:5070;branch=z9hG4bK-1;rport'] }).replace('Call-ID: call-1\r\n', ''), '10.1.0.1:4444');
    expect(stage.takeOne('10.1.0.1:4444').header('via')).toBe('SIP/2.0/UDP h.example:5070;branch=z9hG4bK-1;rport=4444;received=10.1.0.1');
  });

  it('gets no second To tag', () => {
    const stage = new Stage(relayAll);
    stage.receive(requestText('BYE', { to: '"b <sip:bob@10.2.0.1>;tag=b1' }));
    expect(stage.takeOne(ALICE).header('to')).toBe('"b <sip:bob@10.2.0.1>;tag=b1');
  });

  it('that is cut off anywhere is answered in whole lines, or dropped', () => {
    const text = requestText('OPTIONS', { headers: ['Contact: <sip:a@b>'], body: 'body' });
    const stage = new Stage(relayAll);
    for (let length = 0; length < text.length; length++) {
      stage.receive(text.slice(0, length));
      for (const out of stage.take()) {
        expect(out.startLine, `cut at ${length}`).toMatch(/^SIP\/2\.0 400 /);
        expect(out.text, `cut at ${length}`).toMatch(/\r\nContent-Length: 0\r\n\r\n$/);
        for (const line of out.text.split('\r\n').slice(1, -2)) expect(line, `cut at ${length}`).toMatch(/^[A-Za-z-]+ ?:? ?/);
        for (const line of out.text.split('\r\n').slice(2)) expect(line.indexOf('Content-Length:'), `cut at ${length}: ${line}`).toBeLessThanOrEqual(0);
      }
      expect(stage.leftovers()).toEqual({});
    }
  });

  it('without Via, or that is an ACK, is dropped', () => {
    const stage = new Stage(relayAll);
    stage.receive(requestText('OPTIONS', { vias: [] }));
    stage.receive(requestText('ACK').replace('Call-ID: call-1\r\n', ''));
    expect(stage.take()).toEqual([]);
    expect(stage.count(C_DROP_MALFORMED_REQUEST)).toBe(2);
  });

  it('that is no SIP at all is dropped', () => {
    const stage = new Stage(relayAll);
    for (const junk of ['hello\r\n\r\n', 'GET / HTTP/1.1\r\n\r\n', '\r\n\r\nINVITE sip:a@b SIP/2.0\r\n\r\n', 'INVITE\r\n\r\n']) stage.receive(junk);
    expect(stage.take()).toEqual([]);
    expect(stage.count(C_DROP_NOT_SIP)).toBe(4);
  });

  it('is dropped when it is a response', () => {
    const stage = new Stage(relayAll);
    stage.receive(requestText('INVITE'));
    const invite = stage.takeOne(BOB);
    stage.take();
    stage.receive(responseText(invite, 200).replace(/CSeq: .*\r\n/, ''), BOB);
    stage.receive(responseText(invite, 200).replace('SIP/2.0 200', 'SIP/2.0 700'), BOB);
    stage.receive(responseText(invite, 200).replace(/Via: .*\r\n/g, ''), BOB);
    expect(stage.take()).toEqual([]);
    expect(stage.count(C_DROP_MALFORMED_RESPONSE)).toBe(3);
  });
});

describe('an ACK', () => {
  it('to an INVITE that has no final response yet is dropped and counted', () => {
    const stage = new Stage(relayAll);
    stage.receive(requestText('INVITE'));
    stage.take();
    stage.receive(requestText('ACK'));
    expect(stage.take()).toEqual([]);
    expect(stage.count(C_ACKS_DROPPED)).toBe(1);
  });

  it('is never answered', () => {
    for (const routes of [answering(404), { request: () => {} }, { request: () => { throw new Error('on purpose'); } }, { request: (req) => void req.relay('sip:x@name.example') }] satisfies Routes[]) {
      const stage = new Stage(routes);
      stage.receive(requestText('ACK', { branch: 'z9hG4bK-ack' }));
      stage.receive(requestText('ACK', { branch: 'z9hG4bK-0', maxForwards: 0 }));
      expect(stage.take()).toEqual([]);
      expect(stage.leftovers()).toEqual({});
    }
  });
});

/** Arbitraries for whole messages: valid ones in every form, and what becomes of them on a bad day. */
import fc from 'fast-check';
import { bytesOf } from '../../src/sim/sent-message.js';
import * as text from './sip-text.js';

const eol = fc.constantFrom('\r\n', '\r\n', '\r\n', '\n');
const fold = fc.constantFrom(' ', ' ', '', '\t', '\r\n ', ' \r\n\t');
const colon = fc.tuple(fc.constantFrom('', '', ' ', '\t '), fold).map(([before, behind]) => `${before}:${behind}`);

const named = (...names: string[]): fc.Arbitrary<string> => fc.constantFrom(...names);

const branch = fc.oneof(text.token.map((token) => `;branch=z9hG4bK${token}`), fc.constantFrom('', ';branch=1', ';branch=z9hG4bK', ';rport;branch=z9hG4bK1'));
const via = fc.tuple(text.host, text.port, branch, fc.constantFrom('', ';rport', ';received=10.9.9.9', ';x=y')).map(
  ([host, port, branchText, more]) => `SIP/2.0/UDP ${host}${port === 0 ? '' : `:${port}`}${branchText}${branchText.includes('rport') && more === ';rport' ? '' : more}`,
);
const vias = fc.array(via, { minLength: 1, maxLength: 3 }).map((values) => values.join(', '));
const address = fc.tuple(fc.constantFrom('', 'Bob ', '"B, <b>" '), text.user, text.host).map(([name, user, host]) => `${name}<sip:${user}@${host}>`);
const tag = fc.option(text.token, { nil: undefined }).map((token) => (token === undefined ? '' : `;tag=${token}`));
const route = fc.constantFrom('<sip:10.0.0.1:5060;lr;vd=0000>', '<sip:10.0.0.1;lr>', '<sip:10.2.0.2;lr>', '<sip:10.2.0.2>', '<sip:name.example;lr>');
const routes = fc.array(route, { minLength: 1, maxLength: 3 }).map((values) => values.join(' , '));

const otherValue = fc.string({ unit: fc.constantFrom('a', 'B', ' ', ',', ';', '"', '<', '\t', '\r\n ', '\xe9', '\0', '\r'), maxLength: 12 });
const other = fc.tuple(fc.oneof(text.token.map((token) => `X-${token}`), named('Subject', 's', 'k', 'Contact-X', 'Require', 'Timestamp')), colon, otherValue).map((parts) => parts.join(''));

const body = fc.string({ unit: fc.constantFrom('v', '=', '0', '\r\n', '\0', '\xff', ' ', 'Via: x\r\n'), maxLength: 20 });

const METHODS = ['INVITE', 'ACK', 'CANCEL', 'BYE', 'OPTIONS', 'MESSAGE', 'FOO'];

interface Shape {
  readonly line: string;
  readonly method: string;
}

const requestLine = fc.tuple(fc.constantFrom(...METHODS), fc.constantFrom('sip:bob@10.2.0.1:5060', 'sip:10.2.0.2;x=y', 'sip:name.example', 'sip:10.0.0.1:5060;lr;vd=0000', 'tel:+49')).map(
  ([method, uri]): Shape => ({ line: `${method} ${uri} SIP/2.0`, method }),
);
// Nothing answers an ACK.
const statusLine = fc.tuple(fc.constantFrom(...METHODS.filter((method) => method !== 'ACK')), fc.integer({ min: 100, max: 699 }), fc.constantFrom('OK', '', 'S\xc3\xb6')).map(
  ([method, status, reason]): Shape => ({ line: `SIP/2.0 ${status} ${reason}`, method }),
);

function messageOf(shape: fc.Arbitrary<Shape>): fc.Arbitrary<string> {
  return fc
    .record({
      shape,
      eol,
      via: fc.tuple(named('Via', 'v', 'VIA'), colon, vias).map((parts) => parts.join('')),
      moreVias: fc.array(fc.tuple(named('Via', 'v'), colon, vias).map((parts) => parts.join('')), { maxLength: 2 }),
      from: fc.tuple(named('From', 'f'), colon, address, tag).map((parts) => parts.join('')),
      to: fc.tuple(named('To', 't', 'TO'), colon, address, tag).map((parts) => parts.join('')),
      callId: fc.tuple(named('Call-ID', 'i'), colon, text.token).map((parts) => parts.join('')),
      cseq: fc.tuple(colon, fc.nat(0x7fffffff)),
      maxForwards: fc.option(fc.tuple(colon, fc.nat(300)).map(([separator, hops]) => `Max-Forwards${separator}${hops}`), { nil: undefined }),
      routes: fc.array(fc.tuple(named('Route', 'ROUTE'), colon, routes).map((parts) => parts.join('')), { maxLength: 2 }),
      others: fc.array(other, { maxLength: 5 }),
      order: fc.array(fc.nat(), { minLength: 20, maxLength: 20 }),
      body,
      length: fc.constantFrom('exact', 'none', 'shorter'),
    })
    .map((parts) => {
      // The top Via stays the first of its kind; the rest comes in any order.
      const rest = [parts.from, parts.to, parts.callId, `CSeq${parts.cseq[0]}${parts.cseq[1]} ${parts.shape.method}`, ...parts.others];
      if (parts.maxForwards !== undefined) rest.push(parts.maxForwards);
      if (parts.length !== 'none') rest.push(`Content-Length: ${parts.length === 'exact' ? parts.body.length : Math.floor(parts.body.length / 2)}`);
      const shuffled = rest.map((line, i) => ({ line, rank: parts.order[i % parts.order.length]! })).sort((a, b) => a.rank - b.rank).map(({ line }) => line);
      const lines = [parts.shape.line, parts.via, ...parts.moreVias, ...parts.routes, ...shuffled];
      return lines.join(parts.eol) + parts.eol + parts.eol + parts.body;
    });
}

/** A valid request, one octet a character. */
export const request = messageOf(requestLine);
/** A valid response. */
export const response = messageOf(statusLine);

/** One thing that happens to bytes on the way. */
export const mutation = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at: fc.nat(), value: fc.nat(255) }),
  fc.record({ kind: fc.constant('cut' as const), at: fc.nat(), value: fc.nat(40) }),
  fc.record({ kind: fc.constant('truncate' as const), at: fc.nat(), value: fc.constant(0) }),
  fc.record({ kind: fc.constant('repeat' as const), at: fc.nat(), value: fc.nat(60) }),
  fc.record({ kind: fc.constant('special' as const), at: fc.nat(), value: fc.nat(63) }),
);

export type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

const SPECIAL = '\r\n;:,<>"=@?%&[]/\\ \t\0';

/** What is left of a message. */
export function mutate(message: string, mutations: readonly Mutation[]): Uint8Array {
  let out = message;
  for (const { kind, at, value } of mutations) {
    if (out.length === 0) break;
    const place = at % out.length;
    switch (kind) {
      case 'flip':
        out = out.slice(0, place) + String.fromCharCode(value) + out.slice(place + 1);
        break;
      case 'special':
        out = out.slice(0, place) + SPECIAL[value % SPECIAL.length]! + out.slice(place + (value & 1));
        break;
      case 'cut':
        out = out.slice(0, place) + out.slice(place + value);
        break;
      case 'truncate':
        out = out.slice(0, place);
        break;
      case 'repeat':
        out = out.slice(0, place + value) + out.slice(place);
        break;
    }
  }
  return bytesOf(out.slice(0, 65_535));
}

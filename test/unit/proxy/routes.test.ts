/** Route sets: preprocessing (RFC 3261 §16.4), the next hop (§16.6 step 6), and the paths of §16.12.1. */
import { describe, expect, it } from 'vitest';
import type { Routes } from '../../../src/script/api.js';
import { requestText, type SentMessage } from '../../../src/sim/sent-message.js';
import { BOB, CAROL, relayAll, Stage, V4, V6 } from './stage.js';

const OURS = '<sip:10.0.0.1:5060;lr;vd=0000>';
/** Of our other listener. */
const OURS_V6 = '<sip:[2001:db8::1]:5060;lr;vd=0000>';

function relayed(parts: Parameters<typeof requestText>[1], to: string, routes: Routes = relayAll): SentMessage {
  const stage = new Stage(routes, { listeners: [V4, V6] });
  stage.receive(requestText('BYE', parts));
  return stage.takeOne(to);
}

/** Route fields as they go out, for a header that has these lines. */
function routeLines(lines: readonly string[], to = CAROL): string[] {
  const out = relayed({ headers: lines }, to).text;
  return out.split('\r\n').filter((line) => /^(route|x-end|\s)/i.test(line));
}

describe('loose routing', () => {
  it('takes our Route out and goes on to the Request-URI', () => {
    const out = relayed({ routes: [OURS] }, BOB);
    expect(out.headers('route')).toEqual([]);
    expect(out.uri).toBe('sip:bob@10.2.0.1:5060');
  });

  it('goes to the next Route, which stays, whatever the Request-URI is', () => {
    const out = relayed({ routes: [OURS, `<sip:${CAROL};lr>`, '<sip:third.example;lr>'], uri: 'sip:bob@name.example' }, CAROL);
    expect(out.headers('route')).toEqual([`<sip:${CAROL};lr>`, '<sip:third.example;lr>']);
    expect(out.uri).toBe('sip:bob@name.example');
  });

  it('leaves the Route set alone that does not begin with us', () => {
    const out = relayed({ routes: [`<sip:${CAROL};lr>`, OURS] }, CAROL);
    expect(out.headers('route')).toEqual([`<sip:${CAROL};lr>`, OURS]);
  });

  it.each([
    ['by address and port', '<sip:10.0.0.1;lr>'],
    ['by address and default port', '<sip:10.0.0.1:5060;lr>'],
    ['with a user and parameters', '"us" <sip:me@10.0.0.1:5060;lr=on;x=y>;z'],
    ['with the mark of another shard', '<sip:10.0.0.1:5060;lr;vd=0007>'],
  ])('knows a Route of ours %s', (_, route) => {
    expect(relayed({ routes: [route] }, BOB).headers('route')).toEqual([]);
  });

  it('knows a Route of ours by any of its names, in any case and form', () => {
    for (const route of ['<sip:PROXY.Example;lr>', '<sip:[2001:DB8:0::1]:5060;lr>', '<sip:10.0.0.1;lr>']) {
      const stage = new Stage(relayAll, { listeners: [V4, V6] });
      stage.receive(requestText('BYE', { routes: [route] }));
      expect(stage.takeOne(BOB).headers('route')).toEqual([]);
    }
  });

  it.each(['<sip:10.0.0.1:5061;lr>', '<sip:10.0.0.2;lr>', '<sip:proxy.example;lr>', '<tel:+49>'])('does not take %s for a Route of ours', (route) => {
    let own = true;
    const stage = new Stage({ request: (req) => { own = req.looseRouted; req.reply(404); } });
    stage.receive(requestText('BYE', { routes: [route] }));
    expect(own).toBe(false);
  });

  it.each<[string, string[], string[]]>([
    ['one field a value', [`Route: ${OURS}`, `Route: <sip:${CAROL};lr>`, 'X-End: 1'], [`Route: <sip:${CAROL};lr>`, 'X-End: 1']],
    ['both in one field', [`Route: ${OURS}, <sip:${CAROL};lr>`, 'X-End: 1'], [`Route: <sip:${CAROL};lr>`, 'X-End: 1']],
    ['without white space', [`Route:${OURS},<sip:${CAROL};lr>`, 'X-End: 1'], [`Route:<sip:${CAROL};lr>`, 'X-End: 1']],
    ['in odd case', [`rOUTE : ${OURS} , <sip:${CAROL};lr>`, 'X-End: 1'], [`rOUTE : <sip:${CAROL};lr>`, 'X-End: 1']],
    ['folded', [`Route:\r\n ${OURS},\r\n\t<sip:${CAROL};lr>`, 'X-End: 1'], ['Route:', ` <sip:${CAROL};lr>`, 'X-End: 1']],
    ['our two listeners in one field', [`Route: ${OURS},${OURS_V6},<sip:${CAROL};lr>`, 'X-End: 1'], [`Route: <sip:${CAROL};lr>`, 'X-End: 1']],
    ['our two in two fields', [`Route: ${OURS_V6}`, 'X-End: 1', `Route: ${OURS}, <sip:${CAROL};lr>`], ['X-End: 1', `Route: <sip:${CAROL};lr>`]],
    ['a comma in a display name', [`Route: "a,b" ${OURS}, "c,>d" <sip:${CAROL};lr>`, 'X-End: 1'], [`Route: "c,>d" <sip:${CAROL};lr>`, 'X-End: 1']],
    ['as the last header', ['X-End: 1', `Route: ${OURS}`, `Route: <sip:${CAROL};lr>`], ['X-End: 1', `Route: <sip:${CAROL};lr>`]],
  ])('takes its Route out: %s', (_, lines, expected) => {
    expect(routeLines(lines)).toEqual(expected);
  });

  it('takes out one of two Routes of the same listener: the request comes through here twice', () => {
    const out = relayed({ routes: [OURS, OURS, `<sip:${CAROL};lr>`] }, '10.0.0.1:5060');
    expect(out.headers('route')).toEqual([OURS, `<sip:${CAROL};lr>`]);
  });

  it('tells the script what it did', () => {
    const seen: unknown[] = [];
    const stage = new Stage({ request: (req) => { seen.push([req.looseRouted, req.hasRoute]); req.reply(404); } });
    for (const routes of [[], [OURS], [OURS, '<sip:a.example;lr>'], ['<sip:a.example;lr>']]) stage.receive(requestText('BYE', { routes, branch: `z9hG4bK${seen.length}` }));
    expect(seen).toEqual([[false, false], [true, false], [true, true], [false, true]]);
  });
});

describe('strict routing', () => {
  const target = 'sip:bob@10.2.0.9:5060;x=y';

  it('to a strict router: its URI becomes the Request-URI, and the Request-URI the last Route', () => {
    const out = relayed({ routes: [OURS, `<sip:strict@${CAROL};x=1>`, '<sip:next.example;lr>'], uri: target }, CAROL);
    expect(out.uri).toBe(`sip:strict@${CAROL};x=1`);
    expect(out.headers('route')).toEqual(['<sip:next.example;lr>', `<${target}>`]);
  });

  it('to a strict router that is the only Route', () => {
    const out = relayed({ routes: [`<sip:${CAROL}>`], uri: target }, CAROL);
    expect(out.uri).toBe(`sip:${CAROL}`);
    expect(out.headers('route')).toEqual([`<${target}>`]);
  });

  it('to a strict router with the Request-URI that the script set', () => {
    const out = relayed({ routes: [`<sip:${CAROL}>`], uri: target }, CAROL, { request: (req) => { req.uri = 'sip:other@h.example'; req.relay(); } });
    expect(out.headers('route')).toEqual(['<sip:other@h.example>']);
  });

  it.each([['first', 0], ['in the middle', 1], ['last', 2]])('to a strict router, with script headers once, Route %s in the header', (_, place) => {
    const lines = ['X-A: a', 'X-B: b'];
    lines.splice(place, 0, `Route: <sip:${CAROL}>, <sip:n.example;lr>`);
    const stage = new Stage({ request: (req) => { req.headers.remove('X-A'); req.headers.remove('X-B'); req.headers.add('X-New', '1'); req.relay(); } });
    // Without a body length behind the Route: it is the very last field.
    stage.receive(requestText('BYE', { headers: lines, uri: target }).replace('Content-Length: 0\r\n', ''));
    const out = stage.takeOne(CAROL);
    expect(out.headers('x-new')).toEqual(['1']);
    expect(out.headers('x-a')).toEqual([]);
    expect(out.headers('x-b')).toEqual([]);
    expect(out.headers('route')).toEqual(['<sip:n.example;lr>', `<${target}>`]);
  });

  it('from a strict router: our URI as Request-URI gives way to the last Route', () => {
    const out = relayed({ uri: 'sip:10.0.0.1:5060;lr;vd=0000', routes: ['<sip:10.2.0.2:5060;lr>', `<${target}>`] }, CAROL);
    expect(out.uri).toBe(target);
    expect(out.headers('route')).toEqual(['<sip:10.2.0.2:5060;lr>']);
  });

  it('from a strict router straight to the target', () => {
    const out = relayed({ uri: 'sip:10.0.0.1:5060;lr;vd=0000', routes: [`<sip:bob@${BOB}>`] }, BOB);
    expect(out.uri).toBe(`sip:bob@${BOB}`);
    expect(out.headers('route')).toEqual([]);
  });

  it.each<[string, string[], string[]]>([
    ['in one field', [`Route: ${OURS_V6}, <sip:bob@${BOB}>`, 'X-End: 1'], ['X-End: 1']],
    ['in two fields', [`Route: ${OURS}`, `Route: <sip:bob@${BOB}>`, 'X-End: 1'], ['X-End: 1']],
  ])('from a strict router, our other listener and the target %s: no Route is left', (_, lines, expected) => {
    const out = relayed({ uri: 'sip:10.0.0.1:5060;lr;vd=0000', headers: lines }, BOB);
    expect(out.uri).toBe(`sip:bob@${BOB}`);
    expect(out.text.split('\r\n').filter((line) => /^(route|x-end)/i.test(line))).toEqual(expected);
  });

  it('from a strict router, with values in between kept', () => {
    const lines = [`Route: ${OURS} , <sip:${CAROL};lr> , <sip:z.example;lr> , <sip:bob@${BOB}>`];
    const out = relayed({ uri: 'sip:10.0.0.1:5060;lr;vd=0000', headers: lines }, CAROL);
    expect(out.uri).toBe(`sip:bob@${BOB}`);
    expect(out.text).toContain(`\r\nRoute: <sip:${CAROL};lr> , <sip:z.example;lr> \r\n`);
  });

  it('leaves the Request-URI alone when the last Route is no URI', () => {
    const out = relayed({ uri: 'sip:10.0.0.1:5060;lr;vd=0000', routes: [`<sip:${CAROL};lr>`, '<s0;lr>'] }, CAROL);
    expect(out.uri).toBe('sip:10.0.0.1:5060;lr;vd=0000');
  });

  it('leaves a Request-URI of ours without our mark to the script', () => {
    let uri = '';
    const stage = new Stage({ request: (req) => { uri = req.uri.toString(); req.reply(404); } });
    stage.receive(requestText('BYE', { uri: 'sip:service@10.0.0.1:5060', routes: ['<sip:a.example;lr>'] }));
    expect(uri).toBe('sip:service@10.0.0.1:5060');
  });
});

describe('the paths of RFC 3261 §16.12.1', () => {
  // U1 -> P1 -> P2 -> U2; both proxies Record-Route, and U2 hangs up.
  const addresses = { u1: '10.1.0.1:5060', p1: '10.0.0.1:5060', p2: '10.0.0.9:5060', u2: '10.2.0.1:5060' };

  it('the basic one: a request of the dialog goes back through the proxies in order', () => {
    const toP1 = requestText('BYE', {
      uri: `sip:u1@${addresses.u1}`,
      vias: ['SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bKp2', 'SIP/2.0/UDP 10.2.0.1:5060;branch=z9hG4bKu2'],
      routes: [`<sip:${addresses.p1};lr;vd=0000>`],
    });
    const stage = new Stage(relayAll);
    stage.receive(toP1, addresses.p2);
    const out = stage.takeOne(addresses.u1);
    expect(out.uri).toBe(`sip:u1@${addresses.u1}`);
    expect(out.headers('route')).toEqual([]);
    expect(out.vias).toHaveLength(3);
  });

  it('through a strict router behind us, and back from it', () => {
    const strict = addresses.p2;
    const stage = new Stage(relayAll);
    stage.receive(requestText('BYE', { uri: `sip:u2@${addresses.u2}`, routes: [OURS, `<sip:${strict}>`, '<sip:p3.example;lr>'] }));
    const out = stage.takeOne(strict);
    expect(out.uri).toBe(`sip:${strict}`);
    expect(out.headers('route')).toEqual(['<sip:p3.example;lr>', `<sip:u2@${addresses.u2}>`]);
    // The other way the strict router has put our URI into the Request-URI.
    stage.receive(requestText('BYE', { branch: 'z9hG4bKback', uri: 'sip:10.0.0.1:5060;lr;vd=0000', routes: [`<sip:u1@${addresses.u1}>`] }), strict);
    expect(stage.takeOne(addresses.u1).uri).toBe(`sip:u1@${addresses.u1}`);
  });
});

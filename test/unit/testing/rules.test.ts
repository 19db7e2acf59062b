/** The rules that `finish` checks find each fault that a proxy could have, in messages that no Viaduct sends. */
import { expect, it } from 'vitest';
import { Message } from '../../../src/testing/message.js';
import { protocolProblems } from '../../../src/testing/rules.js';

const PLACES = {
  alice: { name: 'alice', address: '10.1.0.1:5060' },
  bob: { name: 'bob', address: '10.1.0.2:5060' },
  mallory: { name: 'mallory', address: '10.1.0.3:5060' },
  viaduct: { name: 'viaduct', address: '10.0.0.1:5060' },
};

/** Messages of one call from lines such as `alice>viaduct INVITE`, 10 ms apart; `z9hG4bK-` and the phone's name is the branch. */
function messages(...lines: readonly string[]): Message[] {
  return lines.map((line, i) => {
    const [, from, to, what, of, tag = 'b'] = /^(\w+)>(\w+) (\w+)(?: (\w+))?(?: tag (\w+))?$/.exec(line) ?? [];
    const isResponse = /^\d/.test(what!);
    const method = isResponse ? (of ?? 'INVITE') : what!;
    const phone = from === 'viaduct' ? to! : from!;
    const text = [
      isResponse ? `SIP/2.0 ${what!} Text` : `${what!} sip:bob@10.1.0.2 SIP/2.0`,
      `Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK-${phone}`,
      'From: <sip:alice@example.com>;tag=a',
      `To: <sip:bob@example.com>${isResponse ? `;tag=${tag}` : ''}`,
      'Call-ID: call',
      `CSeq: 1 ${method}`,
      ...(isResponse ? [] : [`X-Number: ${of ?? ''}`]),
      '',
      '',
    ].join('\r\n');
    const message = new Message(new TextEncoder().encode(text), PLACES[from as keyof typeof PLACES], PLACES[to as keyof typeof PLACES], i * 10, false);
    message.arrivesMs = i * 10;
    return message;
  });
}

const GOOD = ['alice>viaduct INVITE', 'viaduct>bob INVITE', 'viaduct>alice 100', 'bob>viaduct 180', 'viaduct>alice 180'];

it.each<[string, readonly string[], readonly string[]]>([
  ['an answered call is fine', [...GOOD, 'bob>viaduct 200', 'viaduct>alice 200', 'alice>viaduct ACK', 'viaduct>bob ACK'], []],
  ['two 2xx are fine', [...GOOD, 'bob>viaduct 200', 'bob>viaduct 200 INVITE tag c', 'viaduct>alice 200', 'viaduct>alice 200 INVITE tag c'], []],
  ['a cancelled call is fine', [...GOOD, 'alice>viaduct CANCEL', 'viaduct>alice 200 CANCEL', 'viaduct>bob CANCEL', 'viaduct>alice 487'], []],
  ['a request other than INVITE may stay without an answer', ['alice>viaduct OPTIONS', 'viaduct>bob OPTIONS'], []],
  ['a provisional response after a final', [...GOOD, 'viaduct>alice 486', 'viaduct>alice 180'], ['alice was sent 180 after the final 486']],
  ['two different finals', [...GOOD, 'viaduct>alice 486', 'viaduct>alice 487'], ['alice was sent 487 after the final 486']],
  ['an INVITE without a final', GOOD, ['the INVITE of alice never got a final response']],
  ['a CANCEL without a final', [...GOOD, 'alice>viaduct CANCEL', 'viaduct>alice 487'], ['the CANCEL of alice never got a final response']],
  ['a 2xx that is kept back', [...GOOD, 'bob>viaduct 200', 'viaduct>alice 487'], ['the 200 of bob never went upstream']],
  [
    'a second 2xx that is kept back',
    [...GOOD, 'bob>viaduct 200', 'viaduct>alice 200', 'bob>viaduct 200 INVITE tag c'],
    ['the 200 of bob never went upstream'],
  ],
  ['a forged 2xx that is kept back is fine', [...GOOD, 'mallory>viaduct 200 INVITE tag m', 'viaduct>alice 486'], []],
  [
    'a CANCEL before a provisional response',
    ['alice>viaduct INVITE', 'viaduct>bob INVITE', 'viaduct>bob CANCEL', 'viaduct>alice 487'],
    ['bob was sent a CANCEL before its provisional response had come (RFC 3261 §9.1)'],
  ],
  [
    'two CANCELs for one branch',
    [...GOOD, 'viaduct>bob CANCEL first', 'viaduct>bob CANCEL second', 'viaduct>alice 487'],
    ['bob was sent two different CANCELs for one INVITE'],
  ],
])('%s', (_what, lines, problems) => {
  expect(protocolProblems(messages(...lines))).toEqual(problems);
});

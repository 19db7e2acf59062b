import { describe, expect, it } from 'vitest';
import { BUILT_IN_SCENARIOS } from '../../../src/load/scenario/built-in.js';
import { defineScenario } from '../../../src/load/scenario/scenario.js';
import { CALLEE_PORT, UaStage, header } from './ua-stage.js';

const FLOWS: Readonly<Record<string, readonly string[]>> = {
  call: ['INVITE', '180', '200', 'ACK', 'BYE', '200'],
  cancel: ['INVITE', '180', 'CANCEL', '200', '487', 'ACK'],
  busy: ['INVITE', '486', 'ACK'],
  'no-answer': ['INVITE', '180', 'CANCEL', '200', '487', 'ACK'],
  reinvite: ['INVITE', '180', '200', 'ACK', 'INVITE', '200', 'ACK', 'BYE', '200'],
  register: ['REGISTER', '401', 'REGISTER', '200', 'REGISTER', '200'],
  options: ['OPTIONS', '200'],
  message: ['MESSAGE', '200'],
};

describe('the built-in scenarios, caller straight to callee', () => {
  it.each(BUILT_IN_SCENARIOS.map(({ name }) => name))('%s goes as it says, and nothing is left of it', (name) => {
    const stage = new UaStage({ scenario: name, ring: { kind: 'fixed', ms: 300 }, hold: { kind: 'fixed', ms: 200 } });
    stage.start();
    stage.pass(1500);
    expect(stage.flow).toEqual(FLOWS[name]);
    expect(stage.counter('succeeded')).toBe(1);
    expect(stage.counter('answered')).toBe(name === 'register' ? 2 : 1);
    for (const zero of ['failed', 'unexpectedMessages', 'unreadableMessages', 'retransmissionsSeen', 'retransmissionsSent']) expect(stage.counter(zero), zero).toBe(0);
    stage.expectClean();
  });

  it('all of them go through at once without a time to wait', () => {
    for (const name of ['call', 'busy', 'reinvite', 'register', 'options', 'message']) {
      const stage = new UaStage({ scenario: name });
      stage.start(50);
      expect(stage.counter('succeeded'), name).toBe(50);
      stage.expectClean();
    }
  });
});

describe('the requests of a dialog', () => {
  const routed = (stage: UaStage): void => {
    // A proxy that stays in the path: two of them, the second one on the callee's side.
    stage.tap = ({ text, fromPort, toPort }) => {
      if (!text.startsWith('INVITE') || text.includes('Record-Route')) return true;
      stage.inject(text.replace('\r\n', '\r\nRecord-Route: <sip:127.0.0.1:7002;lr>, <sip:a,b@127.0.0.1:7001;lr>\r\n'), fromPort, toPort);
      return false;
    };
  };

  it('carry the recorded route in reverse at the caller and go to its first entry', () => {
    const stage = new UaStage();
    routed(stage);
    stage.start();
    const ack = stage.elsewhere.find(({ text }) => text.startsWith('ACK'))!;
    expect(ack.toPort).toBe(7001);
    expect(ack.text.split('\r\n').filter((line) => line.startsWith('Route'))).toEqual(['Route: <sip:a,b@127.0.0.1:7001;lr>', 'Route: <sip:127.0.0.1:7002;lr>']);
    expect(ack.text).toMatch(new RegExp(`^ACK sip:127.0.0.1:${CALLEE_PORT} SIP/2.0\r\n`));
  });

  it('carry it as it stands at the callee, whose requests have From and To the other way round', () => {
    const scenario = defineScenario({
      name: 'callee-bye',
      summary: 'the callee ends the call',
      caller: [{ send: 'INVITE', body: 'sdp' }, { receive: 'BYE' }, { reply: 200 }],
      callee: [{ receive: 'INVITE' }, { reply: 200, body: 'sdp' }, { pause: '10ms' }, { send: 'BYE' }],
    });
    const plain = new UaStage({ scenario });
    plain.start();
    plain.pass(20);
    expect(plain.flow).toEqual(['INVITE', '200', 'ACK', 'BYE', '200']);
    expect(plain.counter('succeeded')).toBe(1);
    expect(plain.counter('answered')).toBe(1);
    plain.expectClean();

    const stage = new UaStage({ scenario });
    routed(stage);
    stage.start();
    const ack = stage.elsewhere.find(({ text }) => text.startsWith('ACK'))!;
    stage.inject(ack.text, 7002, CALLEE_PORT);
    stage.pass(20);
    const bye = stage.elsewhere.find(({ text }) => text.startsWith('BYE'))!;
    expect(bye.toPort).toBe(7002);
    expect(bye.text.split('\r\n').filter((line) => line.startsWith('Route'))).toEqual(['Route: <sip:127.0.0.1:7002;lr>', 'Route: <sip:a,b@127.0.0.1:7001;lr>']);
    expect(header(bye.text, 'From')).toBe(header(ack.text, 'To'));
    expect(header(bye.text, 'To')).toBe(header(ack.text, 'From'));
    expect(header(bye.text, 'Call-ID')).toBe(header(ack.text, 'Call-ID'));
  });
});

describe('messages', () => {
  it('fill in the words of a scenario and count the body right', () => {
    const stage = new UaStage({
      scenario: defineScenario({
        name: 'words',
        summary: 'x',
        caller: [{ send: 'MESSAGE', headers: ['X-Call: {callId} {number} {user}->{peer}'], body: { type: 'text/plain', text: 'é {peer}/{user} {number} {callId}' } }],
        callee: [{ receive: 'MESSAGE' }, { reply: 202, reason: 'Taken' }],
      }),
    });
    // 202 is not what it expects.
    stage.start();
    const { text } = stage.sent[0]!;
    const callId = header(text, 'Call-ID');
    const [, user, peer] = /^X-Call: \S+ 1 (user\d)->(user\d)\r$/m.exec(text)!;
    expect(header(text, 'X-Call')).toBe(`${callId} 1 ${user!}->${peer!}`);
    expect(text.slice(text.indexOf('\r\n\r\n') + 4)).toBe(`é ${peer!}/${user!} 1 ${callId}`);
    expect(stage.sent[1]!.text).toMatch(/^SIP\/2.0 202 Taken\r\n/);
    expect(stage.counter('unexpectedStatus')).toBe(1);
  });

  it('are filled up to the size asked for', () => {
    const stage = new UaStage({
      scenario: defineScenario({ name: 'large', summary: 'x', caller: [{ send: 'INVITE', body: 'sdp', bodyBytes: 3000, expect: 480 }], callee: [{ receive: 'INVITE' }, { reply: 480 }] }),
    });
    stage.start();
    expect(header(stage.sent[0]!.text, 'Content-Length')).toBe('3000');
    expect(stage.counter('succeeded')).toBe(1);
  });
});

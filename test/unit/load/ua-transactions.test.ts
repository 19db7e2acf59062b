import { describe, expect, it } from 'vitest';
import { defineScenario } from '../../../src/load/scenario/scenario.js';
import { Random } from '../../../src/load/random.js';
import { statusAt } from '../../../src/load/metrics.js';
import { CALLEE_PORT, CALLER_PORT, UaStage, header, type Flight } from './ua-stage.js';

const is = (flight: Flight, what: string): boolean => flight.text.startsWith(/^\d/.test(what) ? `SIP/2.0 ${what}` : `${what} `);
/** Loses the first `count` of a kind. */
const losing = (what: string, count: number) => (flight: Flight): boolean => !(is(flight, what) && count-- > 0);
const times = (stage: UaStage, what: string): number => stage.sent.filter((flight) => is(flight, what)).length;

describe('retransmission', () => {
  it('of an INVITE doubles from T1 until 64·T1, byte for byte the same, and the call fails by timeout', () => {
    const stage = new UaStage();
    stage.tap = () => false;
    stage.start();
    const at: number[] = [];
    for (let ms = 1; ms <= 33_000; ms++) {
      const before = stage.sent.length;
      stage.pass(1);
      if (stage.sent.length > before) at.push(ms);
    }
    expect(at).toEqual([500, 1500, 3500, 7500, 15_500, 31_500]);
    expect(new Set(stage.sent.map(({ text }) => text)).size).toBe(1);
    expect(stage.counter('timeout')).toBe(1);
    expect(stage.counter('failed')).toBe(1);
    expect(stage.counter('retransmissionsSent')).toBe(6);
    stage.expectClean();
  });

  it('of another request stays below T2', () => {
    const stage = new UaStage({ scenario: 'options' });
    stage.tap = () => false;
    stage.start();
    stage.pass(33_000);
    // 0.5, 1.5, 3.5, 7.5, then every 4 seconds up to 31.5
    expect(stage.sent).toHaveLength(11);
    expect(stage.counter('timeout')).toBe(1);
    stage.expectClean();
  });

  it('of the 2xx goes on until the ACK comes, and the ACK is sent again to each', () => {
    const stage = new UaStage({ hold: { kind: 'fixed', ms: 5000 } });
    stage.tap = losing('ACK', 2);
    stage.start();
    stage.pass(10_000);
    expect(times(stage, '200')).toBe(4);
    expect(times(stage, 'ACK')).toBe(3);
    expect(new Set(stage.sent.filter((flight) => is(flight, 'ACK')).map(({ text }) => text)).size).toBe(1);
    expect(stage.counter('succeeded')).toBe(1);
    expect(stage.counter('answered')).toBe(1);
    expect(stage.counter('retransmissionsSeen')).toBe(2);
    stage.expectClean();
  });

  it('of a 2xx that is never acknowledged ends after 64·T1 as a missing ACK', () => {
    const stage = new UaStage({ hold: { kind: 'fixed', ms: 60_000 } });
    stage.tap = (flight) => !is(flight, 'ACK');
    stage.start();
    stage.pass(33_000);
    expect(stage.counter('missingAck')).toBe(1);
    expect(stage.counter('failed')).toBe(1);
  });

  it('of a 486 goes on until the ACK comes, also from a caller whose call is over', () => {
    const stage = new UaStage({ scenario: 'busy' });
    stage.tap = losing('ACK', 1);
    stage.start();
    stage.pass(2000);
    expect(stage.flow).toEqual(['INVITE', '486', 'ACK', '486', 'ACK']);
    expect(stage.sent[4]!.text).toBe(stage.sent[2]!.text);
    expect(header(stage.sent[2]!.text, 'Via')).toBe(header(stage.sent[0]!.text, 'Via'));
    expect(stage.counter('succeeded')).toBe(1);
    expect(stage.counter('answered')).toBe(1);
    stage.expectClean();
  });

  it('makes up for any single message that is lost', () => {
    for (const scenario of ['call', 'cancel', 'busy', 'reinvite', 'register', 'options', 'message']) {
      const whole = new UaStage({ scenario, ring: { kind: 'fixed', ms: 1000 }, hold: { kind: 'fixed', ms: 4000 } });
      whole.start();
      whole.pass(12_000);
      for (let lost = 0; lost < whole.sent.length; lost++) {
        const stage = new UaStage({ scenario, ring: { kind: 'fixed', ms: 1000 }, hold: { kind: 'fixed', ms: 4000 } });
        let seen = 0;
        stage.tap = () => seen++ !== lost;
        stage.start();
        stage.pass(60_000);
        expect([scenario, lost, stage.counter('succeeded'), stage.counter('failed'), stage.counter('unexpectedMessages')]).toEqual([scenario, lost, 1, 0, 0]);
        stage.expectClean();
      }
    }
  });

  it('and every message that arrives twice is absorbed', () => {
    for (const scenario of ['call', 'cancel', 'busy', 'reinvite', 'register', 'options', 'message']) {
      const stage = new UaStage({ scenario, ring: { kind: 'fixed', ms: 1000 }, hold: { kind: 'fixed', ms: 300 } });
      let again = false;
      stage.tap = ({ text, fromPort, toPort }) => {
        if (again) return true;
        again = true;
        stage.inject(text, fromPort, toPort);
        again = false;
        return true;
      };
      stage.start(3);
      stage.pass(40_000);
      expect([scenario, stage.counter('succeeded'), stage.counter('failed'), stage.counter('unexpectedMessages')]).toEqual([scenario, 3, 0, 0]);
      expect(stage.counter('answered')).toBe(scenario === 'register' ? 6 : 3);
      expect(stage.counter('retransmissionsSeen')).toBeGreaterThan(0);
      stage.expectClean();
    }
  });
});

describe('times', () => {
  it('do not have in them what the callee of this process took to answer, nor how long an answer waited to be read', () => {
    const stage = new UaStage();
    // Every message is read 3 ms after it came, and takes no time on its way.
    stage.readLateUs = 3000;
    stage.start();
    stage.pass(5);
    expect(stage.counter('succeeded')).toBe(1);
    for (const name of ['invite180', 'invite200', 'bye200', 'added']) expect([name, stage.time(name).count, stage.time(name).mostUs]).toEqual([name, 1, 0]);
  });

  it('have in them how long it rang, and everything where the callee is of another process', () => {
    const stage = new UaStage({ ring: { kind: 'fixed', ms: 100 } });
    stage.start();
    stage.pass(150);
    expect(stage.time('invite200').leastUs).toBeGreaterThanOrEqual(100_000);
  });
});

describe('a bad network', () => {
  it('loses so much that calls fail at one end or both, and every call begun is one success or one failure', () => {
    for (const scenario of ['call', 'cancel', 'busy', 'reinvite']) {
      const random = new Random(7);
      const stage = new UaStage({ scenario, t1Ms: 20, concurrency: 300, hold: { kind: 'fixed', ms: 50 } });
      stage.tap = () => !random.percent(70);
      for (let calls = 0; calls < 300; calls += 30) {
        stage.start(30);
        stage.pass(300);
      }
      stage.pass(20_000);
      const [succeeded, failed] = [stage.counter('succeeded'), stage.counter('failed')];
      expect([scenario, succeeded + failed], `${succeeded} succeeded, ${failed} failed`).toEqual([scenario, 300]);
      expect(succeeded).toBeGreaterThan(0);
      expect(failed).toBeGreaterThan(0);
      stage.expectClean();
    }
  });

  it('takes a success back when the callee finds out later that its last message never came', () => {
    const stage = new UaStage({ scenario: 'busy' });
    stage.tap = (flight) => !is(flight, 'ACK');
    stage.start();
    stage.pass(20_000);
    expect([stage.counter('succeeded'), stage.counter('failed')]).toEqual([1, 0]);
    stage.pass(20_000);
    expect([stage.counter('succeeded'), stage.counter('failed'), stage.counter('missingAck')]).toEqual([0, 1, 1]);
    stage.expectClean();
  });
});

describe('CANCEL', () => {
  const ringing = defineScenario({ name: 'c', summary: 'x', caller: [{ send: 'INVITE', cancelAfter: '100ms', expect: 487 }], callee: [{ receive: 'INVITE' }, { pause: '1s' }, { reply: 180 }, { receive: 'CANCEL' }] });

  it('waits for a provisional response, and has branch, To and CSeq number of the INVITE', () => {
    const stage = new UaStage({ scenario: ringing });
    stage.start();
    stage.pass(900);
    expect(times(stage, 'CANCEL')).toBe(0);
    stage.pass(200);
    const [cancel] = stage.sent.filter((flight) => is(flight, 'CANCEL'));
    const invite = stage.sent[0]!.text;
    for (const name of ['Via', 'From', 'To', 'Call-ID']) expect(header(cancel!.text, name)).toBe(header(invite, name));
    expect(header(cancel!.text, 'CSeq')).toBe('1 CANCEL');
    expect(stage.counter('succeeded')).toBe(1);
    stage.expectClean();
  });

  it('that crosses a 200 leads to ACK and BYE, and the call counts as one with an unexpected status', () => {
    const stage = new UaStage({ scenario: 'cancel', ring: { kind: 'fixed', ms: 1000 } });
    stage.tap = (flight) => !is(flight, 'CANCEL');
    stage.start();
    stage.pass(150);
    const ringingResponse = stage.sent.find((flight) => is(flight, '180'))!.text;
    stage.inject(`${ringingResponse.replace('180 Ringing', '200 OK')}`, CALLEE_PORT, CALLER_PORT);
    expect(stage.flow.slice(-3)).toEqual(['ACK', 'BYE', '200']);
    expect(stage.counter('unexpectedStatus')).toBe(1);
    expect(stage.metrics[statusAt(200)]).toBe(1);
  });

  it('with another branch than its INVITE is answered 481, and the call goes on ringing until it fails', () => {
    const stage = new UaStage({ scenario: ringing });
    stage.tap = (flight) => {
      if (!is(flight, 'CANCEL') || flight.text.includes('-other')) return true;
      stage.inject(flight.text.replace(/(branch=[^;\r]+)/, '$1-other'), flight.fromPort, flight.toPort);
      return false;
    };
    stage.start();
    stage.pass(1100);
    expect(stage.counter('unexpectedMessages')).toBeGreaterThan(0);
    expect(stage.flow).toContain('481');
    expect(stage.flow).not.toContain('487');
    stage.pass(200_000);
    expect([stage.counter('succeeded'), stage.counter('answered'), stage.counter('failed')]).toEqual([0, 0, 1]);
    expect(stage.flow).not.toContain('487');
    stage.expectClean();
  });
});

describe('an INVITE that has to ring', () => {
  /** Answers the INVITE of a caller alone, as a proxy would that stands in the way. */
  const answered = (stage: UaStage, status: string): void => {
    const invite = stage.sent.findLast((flight) => is(flight, 'INVITE'))!.text;
    const lines = ['Via', 'From', 'To', 'Call-ID', 'CSeq'].map((name) => `${name}: ${header(invite, name)}${name === 'To' && status !== '100 Trying' ? ';tag=x' : ''}\r\n`);
    stage.inject(`SIP/2.0 ${status}\r\n${lines.join('')}Content-Length: 0\r\n\r\n`, CALLEE_PORT, CALLER_PORT);
  };
  const counts = (stage: UaStage): number[] => ['succeeded', 'failed', 'neverRang'].map((name) => stage.counter(name));

  it.each(['180 Ringing', '183 Session Progress'])('is cancelled so long after its %s, not after the 100 of a proxy', (ringing) => {
    const stage = new UaStage({ role: 'uac', scenario: 'cancel' });
    stage.start();
    answered(stage, '100 Trying');
    stage.pass(2000);
    expect(times(stage, 'CANCEL')).toBe(0);
    answered(stage, ringing);
    stage.pass(98);
    // It rings on: the time does not begin anew.
    answered(stage, '180 Ringing');
    expect(times(stage, 'CANCEL')).toBe(0);
    stage.pass(3);
    expect(times(stage, 'CANCEL')).toBe(1);
    answered(stage, '487 Request Terminated');
    expect(counts(stage)).toEqual([1, 0, 0]);
    stage.expectClean();
  });

  it.each([
    ['cancel', '487 Request Terminated'], ['cancel', '408 Request Timeout'], ['no-answer', '487 Request Terminated'], ['no-answer', '408 Request Timeout'], ['no-answer', '480 Temporarily Unavailable'],
  ])('has failed for that when nobody was reached: %s, %s behind a 100', (scenario, status) => {
    const stage = new UaStage({ role: 'uac', scenario });
    stage.start();
    answered(stage, '100 Trying');
    stage.pass(2000);
    answered(stage, status);
    expect(stage.flow).toEqual(['INVITE', 'ACK']);
    expect(counts(stage)).toEqual([0, 1, 1]);
    stage.expectClean();
  });

  it('has failed by the status when the scenario does not expect that one', () => {
    const stage = new UaStage({ role: 'uac', scenario: 'cancel' });
    stage.start();
    answered(stage, '404 Not Found');
    expect([...counts(stage), stage.counter('unexpectedStatus'), stage.metrics[statusAt(404)]]).toEqual([0, 1, 0, 1, 1]);
  });

  it('has failed by timeout when nothing comes behind the 100', () => {
    const stage = new UaStage({ role: 'uac', scenario: 'cancel' });
    stage.start();
    answered(stage, '100 Trying');
    stage.pass(60_000);
    expect([...counts(stage), stage.counter('timeout')]).toEqual([0, 1, 0, 1]);
    stage.expectClean();
  });

  it('rings anew behind a digest challenge', () => {
    const stage = new UaStage({ role: 'uac', scenario: 'cancel' });
    stage.start();
    answered(stage, '180 Ringing');
    answered(stage, '407 Proxy Authentication Required\r\nProxy-Authenticate: Digest realm="r", nonce="n"');
    stage.pass(2000);
    expect(stage.flow).toEqual(['INVITE', 'ACK', 'INVITE', 'INVITE', 'INVITE']);
    answered(stage, '487 Request Terminated');
    expect(counts(stage)).toEqual([0, 1, 1]);
    stage.expectClean();
  });

  it('may be one of the operator’s own, also without a CANCEL', () => {
    const early = defineScenario({ name: 'early', summary: 'x', caller: [{ send: 'INVITE', mustRing: true }, { send: 'BYE' }], callee: [{ receive: 'INVITE' }, { reply: 200 }, { receive: 'BYE' }, { reply: 200 }] });
    const stage = new UaStage({ scenario: early });
    stage.start();
    // What was answered is ended all the same.
    expect(stage.flow).toEqual(['INVITE', '200', 'ACK', 'BYE', '200']);
    expect(counts(stage)).toEqual([0, 1, 1]);
    stage.expectClean();
  });
});

describe('the ACK to an answer other than 2xx', () => {
  it('with another branch than its INVITE acknowledges nothing', () => {
    const stage = new UaStage({ scenario: 'busy' });
    stage.tap = (flight) => {
      if (!is(flight, 'ACK')) return true;
      stage.inject(flight.text.replace(/(branch=[^;\r]+)/, '$1-other'), flight.fromPort, flight.toPort);
      return false;
    };
    stage.start();
    stage.pass(33_000);
    expect(stage.counter('answered')).toBe(0);
    expect(times(stage, '486')).toBeGreaterThan(5);
    expect(stage.counter('unexpectedMessages')).toBe(times(stage, '486'));
    expect(stage.counter('missingAck')).toBe(1);
    stage.expectClean();
  });
});

describe('digest', () => {
  const registrar = (challenge: 401 | 407, algorithm: 'MD5' | 'SHA-256' | 'SHA-512-256', qop: 'auth' | 'none', send: 'REGISTER' | 'INVITE') =>
    defineScenario({
      name: 'digest',
      summary: 'x',
      caller: send === 'INVITE' ? [{ send, body: 'sdp' }, { send: 'BYE' }] : [{ send }],
      callee: send === 'INVITE'
        ? [{ receive: send }, { challenge, algorithm, qop }, { reply: 200, body: 'sdp' }, { receive: 'BYE' }, { reply: 200 }]
        : [{ receive: send }, { challenge, algorithm, qop }, { reply: 200 }],
    });

  it.each([
    [401, 'MD5', 'auth', 'REGISTER'], [407, 'SHA-256', 'auth', 'REGISTER'], [401, 'SHA-512-256', 'none', 'REGISTER'], [407, 'MD5', 'none', 'INVITE'],
  ] as const)('%i with %s and qop %s is answered for %s', (challenge, algorithm, qop, send) => {
    const stage = new UaStage({ scenario: registrar(challenge, algorithm, qop, send) });
    stage.start(2);
    expect(stage.counter('succeeded')).toBe(2);
    expect(stage.counter('answered')).toBe(2);
    const second = stage.sent.find((flight) => is(flight, send) && header(flight.text, 'CSeq').startsWith('2 '))!.text;
    expect(header(second, challenge === 401 ? 'Authorization' : 'Proxy-Authorization')).toMatch(/^Digest username="user\d"/);
    stage.expectClean();
  });

  it('is sent again in advance, with the next nonce count', () => {
    const stage = new UaStage({ scenario: 'register', hold: { kind: 'fixed', ms: 10 } });
    stage.start();
    stage.pass(20);
    const counts = stage.sent.map(({ text }) => /nc=(\w+)/.exec(header(text, 'Authorization'))?.[1]).filter((nc) => nc !== undefined);
    expect(counts).toEqual(['00000001', '00000002']);
  });

  it('matches the example of RFC 2617', async () => {
    const { answerChallenge, parseChallenge } = await import('../../../src/load/ua/digest.js');
    const challenge = parseChallenge('Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"')!;
    const answer = answerChallenge(challenge, { method: 'GET', uri: '/dir/index.html', user: 'Mufasa', password: 'Circle Of Life', count: 1, cnonce: '0a4f113b' });
    expect(answer).toContain('response="6629fae49393a05397450978507c4ef1"');
  });

  it.each([['REGISTER', false], ['REGISTER', true], ['INVITE', false], ['INVITE', true]] as const)('with wrong credentials is one failure of a callee alone: %s, twice: %s', (send, twice) => {
    const scenario = registrar(401, 'MD5', 'auth', send);
    const callee = new UaStage({ role: 'uas', scenario, users: { kind: 'generated', count: 10, password: 'other' } });
    const caller = new UaStage({ role: 'uac', scenario });
    caller.start();
    // Two processes: what one sends reaches the other.
    for (let moved = true; moved; ) {
      moved = false;
      for (const [from, to] of [[caller, callee], [callee, caller]] as const) {
        for (const flight of from.elsewhere.splice(0)) {
          moved = true;
          to.inject(flight.text, flight.fromPort, flight.toPort);
          if (twice && header(flight.text, 'Authorization') !== '') to.inject(flight.text, flight.fromPort, flight.toPort);
        }
      }
    }
    expect(callee.flow).toContain('403');
    expect(['answered', 'failed', 'authentication'].map((name) => callee.counter(name))).toEqual([0, 1, 1]);
    expect([caller.counter('failed'), caller.metrics[statusAt(403)]]).toEqual([1, 1]);
  });

  it.each(['REGISTER', 'INVITE'] as const)('with wrong credentials is counted by the caller where there is one: %s', (send) => {
    const stage = new UaStage({ scenario: registrar(401, 'MD5', 'auth', send) });
    stage.tap = ({ text, fromPort, toPort }) => {
      if (!text.includes('response="') || text.includes('response="0000')) return true;
      stage.inject(text.replace(/response="..../, 'response="0000'), fromPort, toPort);
      return false;
    };
    stage.start();
    expect(['failed', 'unexpectedStatus', 'authentication'].map((name) => stage.counter(name))).toEqual([1, 1, 0]);
    stage.expectClean();
  });

  it('with wrong credentials is a failure of its own', () => {
    const stage = new UaStage({ role: 'uac', scenario: 'register' });
    stage.start();
    const challenge = (request: string, cseq: number) =>
      `SIP/2.0 401 Unauthorized\r\nVia: ${header(request, 'Via')}\r\nFrom: ${header(request, 'From')}\r\nTo: ${header(request, 'To')};tag=x\r\nCall-ID: ${header(request, 'Call-ID')}\r\nCSeq: ${cseq} REGISTER\r\nWWW-Authenticate: Digest realm="r", nonce="n${cseq}"\r\nContent-Length: 0\r\n\r\n`;
    stage.inject(challenge(stage.sent[0]!.text, 1), CALLEE_PORT, CALLER_PORT);
    stage.inject(challenge(stage.sent[1]!.text, 2), CALLEE_PORT, CALLER_PORT);
    expect(stage.sent).toHaveLength(2);
    expect(stage.counter('authentication')).toBe(1);
    expect(stage.counter('failed')).toBe(1);
    stage.expectClean();
  });
});

describe('a call that fails at both ends', () => {
  it.each([['BYE', 'timeout'], ['200', 'missingAck'], ['INVITE', 'timeout']])('is one failure: every %s is lost', (what, cause) => {
    const calls = 20;
    const stage = new UaStage();
    stage.tap = (flight) => !is(flight, what);
    // One after the other, so that the places of callers are used again while callees still wait for the ones before.
    for (let call = 0; call < calls; call++) {
      stage.start();
      stage.pass(33_000);
    }
    stage.pass(200_000);
    expect([stage.counter('started'), stage.counter('succeeded'), stage.counter('failed'), stage.counter(cause)]).toEqual([calls, 0, calls, calls]);
    stage.expectClean();
  });

  it('is a failure also when only the callee sees it', () => {
    const stage = new UaStage({ scenario: 'cancel', hold: { kind: 'fixed', ms: 0 } });
    // Somebody in between answers the CANCEL and the INVITE, and the callee never hears of it.
    stage.tap = (flight) => {
      if (flight.toPort !== CALLEE_PORT || !is(flight, 'CANCEL')) return !is(flight, 'ACK');
      const invite = stage.sent.find((sent) => is(sent, 'INVITE'))!.text;
      const answer = (status: string, request: string) =>
        `SIP/2.0 ${status}\r\n${['Via', 'From', 'To', 'Call-ID', 'CSeq'].map((name) => `${name}: ${header(request, name)}${name === 'To' ? ';tag=x' : ''}\r\n`).join('')}Content-Length: 0\r\n\r\n`;
      stage.inject(answer('200 OK', flight.text), CALLEE_PORT, CALLER_PORT);
      stage.inject(answer('487 Request Terminated', invite), CALLEE_PORT, CALLER_PORT);
      return false;
    };
    stage.start();
    stage.pass(200_000);
    expect([stage.counter('succeeded'), stage.counter('failed'), stage.counter('neverCame')]).toEqual([0, 1, 1]);
    stage.expectClean();
  });
});

describe('what fits no call', () => {
  const request = (method: string, more = ''): string =>
    `${method} sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKq\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>${more}\r\nCall-ID: strange\r\nCSeq: 7 ${method}\r\nContent-Length: 0\r\n\r\n`;

  it('is answered and counted', () => {
    const stage = new UaStage();
    stage.inject(request('BYE', ';tag=nobody'), 9, CALLEE_PORT);
    stage.inject(request('BYE'), 9, CALLEE_PORT);
    stage.inject(request('OPTIONS'), 9, CALLEE_PORT);
    stage.inject(request('CANCEL'), 9, CALLEE_PORT);
    stage.inject(request('ACK', ';tag=nobody'), 9, CALLEE_PORT);
    stage.inject('SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:1111;branch=z9hG4bKother\r\nCSeq: 1 INVITE\r\n\r\n', 9, CALLER_PORT);
    expect(stage.flow).toEqual(['481', '481', '200', '481']);
    expect(stage.counter('unexpectedMessages')).toBe(5);
  });

  it('is counted and dropped when it is no SIP, whatever the bytes', () => {
    const stage = new UaStage();
    stage.strict = false;
    let random = 1;
    const whole = request('INVITE');
    for (let i = 0; i < 3000; i++) {
      random = (Math.imul(random, 1103515245) + 12345) >>> 0;
      const at = random % whole.length;
      const text = i % 3 === 0 ? whole.slice(0, at) : `${whole.slice(0, at)}${String.fromCharCode(random >>> 24)}${whole.slice(at + 1 + (random & 7))}`;
      stage.inject(text.replace('strange', `s${i}`), 9, i % 2 === 0 ? CALLEE_PORT : CALLER_PORT);
    }
    expect(stage.counter('unreadableMessages')).toBeGreaterThan(500);
  });

  it('is a call in an INVITE from a stranger, whoever it is', () => {
    const stage = new UaStage();
    stage.inject(request('INVITE'), 9, CALLEE_PORT);
    expect(stage.flow).toEqual(['180', '200']);
    const tag = /tag=(v\w+)/.exec(header(stage.sent[1]!.text, 'To'))![1]!;
    stage.inject(request('ACK', `;tag=${tag}`), 9, CALLEE_PORT);
    stage.inject(request('BYE', `;tag=${tag}`).replace('7 BYE', '8 BYE'), 9, CALLEE_PORT);
    expect(stage.counter('answered')).toBe(1);
    stage.expectClean();
  });
});

describe('bounds and ends', () => {
  it('a full table is counted and answered 503', () => {
    const stage = new UaStage({ hold: { kind: 'fixed', ms: 1000 }, concurrency: 1 });
    // 4096 places are kept in spare.
    stage.start(2100);
    expect(stage.counter('tableFull')).toBeGreaterThan(0);
    stage.pass(1100);
    stage.expectClean();
  });

  it('a BYE that the scenario does not wait for ends the call as ended by the peer', () => {
    const stage = new UaStage({ hold: { kind: 'fixed', ms: 60_000 }, scenario: 'call' });
    stage.start();
    const ack = stage.sent.find((flight) => is(flight, 'ACK'))!.text;
    const bye = `BYE sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:2222;branch=z9hG4bKb\r\nFrom: ${header(ack, 'To')}\r\nTo: ${header(ack, 'From')}\r\nCall-ID: ${header(ack, 'Call-ID')}\r\nCSeq: 9 BYE\r\nContent-Length: 0\r\n\r\n`;
    stage.inject(bye, CALLEE_PORT, CALLER_PORT);
    expect(stage.flow.at(-1)).toBe('200');
    expect(stage.counter('endedByPeer')).toBe(1);
  });

  it('calls in progress at the end count as aborted', () => {
    const stage = new UaStage({ hold: { kind: 'fixed', ms: 60_000 } });
    stage.start(5);
    stage.agent.abort();
    expect(stage.counter('aborted')).toBe(5);
    expect(stage.counter('failed')).toBe(5);
    stage.expectClean();
  });

  it('the time that a proxy adds counts both directions', () => {
    const stage = new UaStage({ ring: { kind: 'fixed', ms: 10 } });
    stage.start();
    stage.pass(50);
    expect(stage.time('added').count).toBe(1);
    expect(stage.time('invite180').count).toBe(1);
    expect(stage.time('invite200').mostUs).toBeGreaterThanOrEqual(10_000);
    expect(stage.time('bye200').count).toBe(1);
    expect(stage.time('call').count).toBe(1);
  });
});

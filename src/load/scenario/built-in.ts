/** The scenarios that come with the generator, in the public form. Data, any thread. */
import type { ScenarioShare } from '../options.js';
import { defineScenario, type CalleeStep, type Scenario } from './scenario.js';

/** Answers an INVITE after the ring time. */
const ANSWER: readonly CalleeStep[] = [{ receive: 'INVITE' }, { reply: 180 }, { pause: 'ring' }, { reply: 200, body: 'sdp' }];
/** Rings until the caller has had enough. */
const RING_ONLY: readonly CalleeStep[] = [{ receive: 'INVITE' }, { reply: 180 }, { receive: 'CANCEL' }];
const BYE: readonly CalleeStep[] = [{ receive: 'BYE' }, { reply: 200 }];

export const BUILT_IN_SCENARIOS: readonly Scenario[] = [
  defineScenario({
    name: 'call',
    summary: 'INVITE, 180, 200, ACK, hold, BYE',
    caller: [{ send: 'INVITE', body: 'sdp' }, { pause: 'hold' }, { send: 'BYE' }],
    callee: [...ANSWER, ...BYE],
  }),
  defineScenario({
    name: 'cancel',
    summary: 'INVITE, 180, CANCEL while it rings, 487',
    caller: [{ send: 'INVITE', body: 'sdp', cancelAfter: 'cancel', mustRing: true, expect: 487 }],
    callee: RING_ONLY,
  }),
  defineScenario({
    name: 'busy',
    summary: 'INVITE, 486',
    caller: [{ send: 'INVITE', body: 'sdp', expect: 486 }],
    callee: [{ receive: 'INVITE' }, { reply: 486 }],
  }),
  defineScenario({
    name: 'no-answer',
    summary: 'INVITE that rings until the caller gives up after the ring time (or the proxy before that)',
    // 408 and 480 are what a proxy answers whose Timer C ends the ringing: without any ringing, it has reached nobody.
    caller: [{ send: 'INVITE', body: 'sdp', cancelAfter: 'ring', mustRing: true, expect: [487, 408, 480] }],
    callee: RING_ONLY,
  }),
  defineScenario({
    name: 'reinvite',
    summary: 'a call with a re-INVITE in the middle',
    caller: [
      { send: 'INVITE', body: 'sdp' },
      { pause: 'hold' },
      { send: 'INVITE', body: 'sdp' },
      { pause: 'hold' },
      { send: 'BYE' },
    ],
    callee: [...ANSWER, { receive: 'INVITE' }, { reply: 200, body: 'sdp' }, ...BYE],
  }),
  defineScenario({
    name: 'register',
    summary: 'REGISTER with digest, refreshed once after the hold time',
    caller: [
      { send: 'REGISTER', headers: ['Expires: 3600'] },
      { pause: 'hold' },
      { send: 'REGISTER', headers: ['Expires: 3600'] },
    ],
    callee: [{ receive: 'REGISTER' }, { challenge: 401 }, { reply: 200, headers: ['Expires: 3600'] }],
  }),
  defineScenario({
    name: 'options',
    summary: 'OPTIONS, 200',
    caller: [{ send: 'OPTIONS', headers: ['Accept: application/sdp'] }],
    callee: [{ receive: 'OPTIONS' }, { reply: 200, headers: ['Allow: INVITE, ACK, CANCEL, BYE, OPTIONS'] }],
  }),
  defineScenario({
    name: 'message',
    summary: 'MESSAGE, 200',
    caller: [{ send: 'MESSAGE', body: { type: 'text/plain', text: 'Hello {peer}, this is {user}.' } }],
    callee: [{ receive: 'MESSAGE' }, { reply: 200 }],
  }),
];

/** What `mix` stands for: mostly calls, with what else a proxy of a telephone network sees. */
export const DEFAULT_MIX: readonly ScenarioShare[] = [
  { scenario: 'call', weight: 60 },
  { scenario: 'register', weight: 12 },
  { scenario: 'options', weight: 8 },
  { scenario: 'cancel', weight: 6 },
  { scenario: 'busy', weight: 5 },
  { scenario: 'message', weight: 4 },
  { scenario: 'no-answer', weight: 3 },
  { scenario: 'reinvite', weight: 2 },
];

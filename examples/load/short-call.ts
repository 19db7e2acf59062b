/**
 * A load scenario of your own: the callee ends the call, after an INFO from the caller in the middle of it.
 *
 *     viaduct load --scenario ./examples/load/short-call.ts --target 127.0.0.1:5060
 *
 * The steps of caller and callee are data. What SIP asks for anyhow (ACK, retransmissions, tags, route sets, answers to digest
 * challenges) happens by itself. `ring` and `hold` are the times of the run, `--ring` and `--hold`.
 */
import { defineScenario } from 'viaduct/load';

export default defineScenario({
  name: 'short-call',
  summary: 'INVITE, INFO with a digit, BYE by the callee',
  caller: [
    { send: 'INVITE', body: 'sdp', headers: ['Subject: call number {number} of {user}', 'P-Called-Party: {peer}'] },
    { pause: '20ms-80ms' },
    { send: 'INFO', body: { type: 'application/dtmf-relay', text: 'Signal=5\r\nDuration=160\r\n' } },
    { receive: 'BYE', within: '10s' },
    { reply: 200 },
  ],
  callee: [
    { receive: 'INVITE' },
    { reply: 180 },
    { pause: 'ring' },
    { reply: 200, body: 'sdp' },
    { receive: 'INFO' },
    { reply: 200 },
    { pause: 'hold' },
    { send: 'BYE' },
  ],
});

/**
 * Digest over INVITE, with bodies of 4,000 bytes: what a proxy makes of messages that do not fit a network frame.
 *
 *     viaduct load --scenario ./examples/load/large-messages.ts --users users.csv
 */
import { defineScenario } from 'viaduct/load';

export default defineScenario({
  name: 'large-messages',
  summary: 'calls with digest and SDP of 4,000 bytes',
  caller: [{ send: 'INVITE', body: 'sdp', bodyBytes: 4000 }, { pause: 'hold' }, { send: 'BYE' }],
  callee: [
    { receive: 'INVITE' },
    { challenge: 407, algorithm: 'SHA-256' },
    { reply: 180 },
    { pause: 'ring' },
    { reply: 200, body: 'sdp', bodyBytes: 4000 },
    { receive: 'BYE' },
    { reply: 200 },
  ],
});

/** People who forward their calls to somebody else. Nobody has checked that the last one is not the first again. */
import { defineRoutes } from 'viaduct';

const FORWARDED: Readonly<Record<string, string>> = {
  anna: 'sip:ben@192.0.2.21:5060',
  carl: 'sip:dora@10.0.0.1:5060',
  dora: 'sip:carl@10.0.0.1:5060',
};

export default defineRoutes({
  request(req) {
    const target = FORWARDED[req.uri.user ?? ''];
    if (target !== undefined) req.relay(target);
    else if (req.method !== 'ACK') req.reply(404);
  },
});

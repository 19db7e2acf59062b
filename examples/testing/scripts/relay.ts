/** Everything new goes to one gateway, and this proxy stays in the path of what it starts. */
import { defineRoutes } from 'viaduct';

const GATEWAY = 'sip:192.0.2.10:5060';

export default defineRoutes({
  request(req) {
    if (req.inDialog) {
      if (req.looseRouted) req.relay();
      else if (req.method !== 'ACK') req.reply(404);
      return;
    }
    if (req.method === 'INVITE') req.recordRoute();
    req.relay({ nextHop: GATEWAY });
  },
});

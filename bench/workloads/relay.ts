/**
 * The routing script of the macro benchmarks: what bench/peers/kamailio.cfg does, line by line. Max-Forwards and sanity of
 * requests are checked by the engine before it. NEXT_HOP is replaced by the port of the run's callee.
 */
import { defineRoutes } from 'viaduct';

const NEXT_HOP = 'sip:127.0.0.1:5070';

export default defineRoutes({
  request(req) {
    if (req.inDialog) {
      if (req.looseRouted) req.relay();
      else if (req.method !== 'ACK') req.reply(404, 'Not Here');
      return;
    }
    if (req.method === 'INVITE' || req.method === 'SUBSCRIBE' || req.method === 'REFER') req.recordRoute();
    req.relay({ nextHop: NEXT_HOP });
  },
});

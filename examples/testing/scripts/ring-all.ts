/** Desk phone and mobile ring at once; the first that answers gets the call. */
import { defineRoutes } from 'viaduct';

const PHONES = ['sip:desk@192.0.2.21:5060', 'sip:mobile@192.0.2.22:5060'];

export default defineRoutes({
  request(req) {
    if (req.inDialog) {
      if (req.looseRouted) req.relay();
      else if (req.method !== 'ACK') req.reply(404);
      return;
    }
    if (req.uri.user !== 'reception') {
      if (req.method !== 'ACK') req.reply(404);
      return;
    }
    if (req.method === 'INVITE') req.recordRoute();
    req.relay(PHONES);
  },
});

/** Asks a service where a call should go. The service has two seconds. */
import { defineRoutes } from 'viaduct';

const LOOKUP_URL = 'http://lookup.example.com/';

export default defineRoutes({
  async request(req) {
    if (req.inDialog) {
      if (req.looseRouted) req.relay();
      else if (req.method !== 'ACK') req.reply(404);
      return;
    }
    if (req.method !== 'INVITE') {
      if (req.method !== 'ACK') req.reply(405);
      return;
    }
    const signal = AbortSignal.any([req.signal, AbortSignal.timeout(2000)]);
    let nextHop: string;
    try {
      const answer = await fetch(LOOKUP_URL + encodeURIComponent(req.uri.user ?? ''), { signal });
      nextHop = await answer.text();
    } catch (error) {
      if (req.signal.aborted) return; // The caller has hung up.
      req.log.error('the lookup failed', { error: String(error) });
      req.reply(503);
      return;
    }
    req.recordRoute();
    req.relay({ nextHop });
  },
});

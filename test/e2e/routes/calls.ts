/** Routing script of the call tests: relays to the Request-URI, and misbehaves for some users on purpose. */
import { setTimeout as delay } from 'node:timers/promises';
import { defineRoutes, type Handled, type RouteRequest } from 'viaduct';

/** Longer than a caller of the tests takes to cancel. */
const LOOKUP_MS = 600;

async function relayLate(req: RouteRequest): Promise<void> {
  await delay(LOOKUP_MS);
  req.recordRoute();
  req.relay();
}

export default defineRoutes({
  request(req): Handled {
    if (req.inDialog) {
      if (req.looseRouted) req.relay();
      else req.reply(404, 'Not Here');
      return;
    }
    switch (req.uri.user) {
      case 'late':
        return relayLate(req);
      case 'throws':
        throw new Error('this user makes the script throw');
      case 'rejects':
        return Promise.reject(new Error('this user makes the script reject'));
      default:
        req.recordRoute();
        req.relay();
    }
  },
});

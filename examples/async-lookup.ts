/**
 * Asks an HTTP service where a call should go. While the script awaits the answer, the engine goes on: other calls are
 * routed, retransmissions of this one are absorbed, and a CANCEL is answered at once. `req.signal` aborts the question
 * when the caller gives up meanwhile; a `relay()` that comes too late does nothing and returns false.
 */
import { defineRoutes, type RouteRequest } from 'viaduct';

/** Answers `GET /<user>` with `{ "nextHop": "sip:…" }`, or 404 for a user that nobody knows. */
const LOOKUP_URL = 'http://127.0.0.1:8080/';
const LOOKUP_TIMEOUT_MS = 2000;

export default defineRoutes({
  async request(req) {
    if (req.inDialog) {
      if (req.looseRouted) req.relay();
      else if (req.method !== 'ACK') req.reply(404);
      return;
    }
    // Only calls are looked up; a stray CANCEL or ACK is not worth a question.
    if (req.method !== 'INVITE') {
      if (req.method !== 'ACK') req.reply(405, undefined, { headers: [['Allow', 'INVITE, ACK, CANCEL, BYE']] });
      return;
    }
    const nextHop = await lookUp(req);
    if (req.signal.aborted) return;
    if (nextHop === undefined) {
      req.reply(404);
      return;
    }
    req.recordRoute();
    if (!req.relay({ nextHop })) req.log.debug('the call was over before it could be relayed');
  },
});

/** The next hop for the called user, `undefined` when there is none. Throws when the service fails: the caller gets 500. */
async function lookUp(req: RouteRequest): Promise<string | undefined> {
  const signal = AbortSignal.any([req.signal, AbortSignal.timeout(LOOKUP_TIMEOUT_MS)]);
  try {
    const answer = await fetch(LOOKUP_URL + encodeURIComponent(req.uri.user ?? ''), { signal });
    if (answer.status === 404) return undefined;
    if (!answer.ok) throw new Error(`the lookup service answered ${answer.status}`);
    const found = (await answer.json()) as { nextHop?: unknown };
    return typeof found.nextHop === 'string' ? found.nextHop : undefined;
  } catch (error) {
    if (req.signal.aborted) return undefined; // The caller has hung up: nobody waits for an answer.
    throw error;
  }
}

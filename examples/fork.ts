/**
 * Parallel ringing: all phones of one user ring at once. The first that answers gets the call, the engine cancels the
 * others. When none answers, the caller gets the best of their answers (RFC 3261 §16.7 step 6).
 */
import { defineRoutes } from 'viaduct';

/** Who rings where. */
const PHONES: Readonly<Record<string, readonly string[]>> = {
  reception: ['sip:desk@127.0.0.1:5071', 'sip:mobile@127.0.0.1:5072'],
  workshop: ['sip:bench@127.0.0.1:5073'],
};

export default defineRoutes({
  request(req) {
    if (req.inDialog) {
      if (req.looseRouted) req.relay();
      else if (req.method !== 'ACK') req.reply(404);
      return;
    }
    const phones = PHONES[req.uri.user ?? ''];
    if (phones === undefined) {
      if (req.method !== 'ACK') req.reply(404, 'No Such Extension');
      return;
    }
    if (req.method === 'INVITE') req.recordRoute();
    req.relay(phones);
  },
});

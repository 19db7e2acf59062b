/**
 * A plain relay: calls go to one next hop and back, and the proxy stays in the path of each dialog.
 * Not an open relay: new requests go to NEXT_HOP and nowhere else, later ones along the route that was recorded for them.
 */
import { defineRoutes } from 'viaduct';

/** Where new calls go. */
const NEXT_HOP = 'sip:127.0.0.1:5070';

/** Requests that start a dialog: what follows them has to come through here again. */
const DIALOG_METHODS = ['INVITE', 'SUBSCRIBE', 'REFER'];

export default defineRoutes({
  request(req) {
    // ACK, BYE, re-INVITE …: along the path that our Record-Route wrote into the dialog.
    if (req.inDialog && req.looseRouted) return void req.relay();
    if (!req.inDialog && DIALOG_METHODS.includes(req.method)) req.recordRoute();
    // Everything else goes the same way, and nowhere else: new requests, a CANCEL that matched no transaction, and what
    // peers that know nothing of Record-Route (such as SIPp's built-in caller) send within a dialog.
    req.relay({ nextHop: NEXT_HOP });
  },
});

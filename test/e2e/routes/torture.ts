/** Routing script of the torture tests: every request, in a dialog or not, goes to one next hop. */
import { defineRoutes } from 'viaduct';

const NEXT_HOP = process.env['E2E_NEXT_HOP'] ?? 'sip:127.0.0.1:5070';

export default defineRoutes({
  request(req) {
    req.relay({ nextHop: NEXT_HOP });
  },
});

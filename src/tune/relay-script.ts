/**
 * The script of the proxies that `viaduct tune` measures when it does not use the operator's: a stateful relay that stays in the
 * path and sends a call to whom it is for. Pure.
 */

/** Its text. It is no open relay: the proxies that run it listen on loopback, and sockets bound there reach nothing else. */
export const RELAY_SCRIPT = `import { defineRoutes } from 'viaduct';

export default defineRoutes({
  request(req) {
    if (req.inDialog && req.looseRouted) return void req.relay();
    if (req.method === 'INVITE') req.recordRoute();
    req.relay();
  },
});
`;

/**
 * Two gateways: when the first does not answer, or says that it cannot serve the call, the second gets it.
 * The caller sees one call, and the better of the two answers when both fail.
 */
import { defineRoutes } from 'viaduct';

const FIRST_GATEWAY = 'sip:127.0.0.1:5070';
const SECOND_GATEWAY = 'sip:127.0.0.1:5071';

export default defineRoutes({
  request(req) {
    if (req.inDialog) {
      if (req.looseRouted) req.relay();
      else if (req.method !== 'ACK') req.reply(404);
      return;
    }
    if (req.method === 'INVITE') req.recordRoute();
    req.state.gateway = 1;
    req.relay({ nextHop: FIRST_GATEWAY });
  },

  failure(failure) {
    // A busy or declined call is an answer, not a failing gateway: it goes back to the caller as it is.
    const gatewayFailed = failure.status === 408 || (failure.status >= 500 && failure.status < 600);
    if (!gatewayFailed || failure.state.gateway !== 1) return;
    failure.state.gateway = 2;
    failure.log.warn('first gateway failed, trying the second', { status: failure.status, noAnswer: failure.local });
    failure.relay({ nextHop: SECOND_GATEWAY });
  },
});

/** Two gateways: the second gets the call when the first does not answer, or says that it cannot. */
import { defineRoutes } from 'viaduct';

export default defineRoutes({
  request(req) {
    if (req.inDialog) {
      if (req.looseRouted) req.relay();
      else if (req.method !== 'ACK') req.reply(404);
      return;
    }
    if (req.method === 'INVITE') req.recordRoute();
    req.relay({ nextHop: 'sip:192.0.2.10:5060' });
  },

  failure(failure) {
    const gatewayFailed = failure.status === 408 || (failure.status >= 500 && failure.status < 600);
    if (!gatewayFailed || failure.state.triedSecond) return;
    failure.state.triedSecond = true;
    failure.log.warn('first gateway failed, trying the second', { status: failure.status, noAnswer: failure.local });
    failure.relay({ nextHop: 'sip:192.0.2.11:5060' });
  },
});

/**
 * Headers on their way through: what callers may not assert is taken off, what the next hop wants is put on, and the
 * software names of the network behind are hidden in responses.
 */
import { defineRoutes } from 'viaduct';

const NEXT_HOP = 'sip:127.0.0.1:5070';
const TRUSTED_ADDRESSES = ['127.0.0.1', '::1'];

export default defineRoutes({
  request(req) {
    if (req.inDialog) {
      if (req.looseRouted) req.relay();
      else if (req.method !== 'ACK') req.reply(404);
      return;
    }
    // An identity is only believed from those who are allowed to assert one (RFC 3325).
    if (!TRUSTED_ADDRESSES.includes(req.source.address)) {
      const removed = req.headers.remove('P-Asserted-Identity') + req.headers.remove('P-Preferred-Identity');
      if (removed > 0) req.log.warn('identity removed', { from: req.source.address, removed });
    }
    req.headers.add('X-Received-From', `${req.source.protocol}:${req.source.address}:${req.source.port}`);
    if (req.headers.has('User-Agent')) req.headers.replace('User-Agent', 'Viaduct');
    if (req.method === 'INVITE') req.recordRoute();
    req.relay({ nextHop: NEXT_HOP });
  },

  reply(res) {
    res.headers.remove('Server');
    // Early media of a queue announcement is of no use to callers here: they keep their own ringing tone.
    if (res.status === 183 && res.method === 'INVITE') res.drop();
  },
});

/**
 * Saying no, with reasons: unwanted clients, methods that are not served, numbers that may not be called, and a
 * redirection for one that has moved. What is left is relayed.
 */
import { defineRoutes } from 'viaduct';

const NEXT_HOP = 'sip:127.0.0.1:5070';
const METHODS = ['INVITE', 'ACK', 'CANCEL', 'BYE', 'OPTIONS'];
const SCANNERS = /friendly-scanner|sipvicious|pplsip/i;
const PREMIUM_NUMBER = /^(\+|00)?(900|979)/;
const MOVED: Readonly<Record<string, string>> = { '2001': 'sip:3001@127.0.0.1:5070' };

export default defineRoutes({
  request(req) {
    if (req.inDialog) {
      if (req.looseRouted) req.relay();
      else if (req.method !== 'ACK') req.reply(404);
      return;
    }
    // An ACK outside of a dialog belongs to nothing, and is never answered.
    if (req.method === 'ACK') return;

    if (SCANNERS.test(req.headers.get('User-Agent') ?? '')) {
      req.reply(403);
      return;
    }
    if (!METHODS.includes(req.method)) {
      req.reply(405, undefined, { headers: [['Allow', METHODS.join(', ')]] });
      return;
    }
    const user = req.uri.user ?? '';
    if (PREMIUM_NUMBER.test(user)) {
      req.log.info('premium number refused', { user, from: req.from.uri.toString() });
      req.reply(603, 'Premium Numbers Are Not Allowed');
      return;
    }
    const moved = MOVED[user];
    if (moved !== undefined) {
      req.reply(302, undefined, { headers: [['Contact', `<${moved}>`]] });
      return;
    }
    if (req.method === 'INVITE') req.recordRoute();
    req.relay({ nextHop: NEXT_HOP });
  },
});

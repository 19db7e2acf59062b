/** Calls to the desk; when it is busy or does not want the call, voicemail takes it. */
import { defineRoutes } from 'viaduct';

const DESK = 'sip:desk@192.0.2.21:5060';
const VOICEMAIL = 'sip:desk@192.0.2.30:5060';

export default defineRoutes({
  request(req) {
    if (req.inDialog) {
      if (req.looseRouted) req.relay();
      else if (req.method !== 'ACK') req.reply(404);
      return;
    }
    if (req.method === 'INVITE') req.recordRoute();
    req.relay(DESK);
  },

  failure(failure) {
    const wantsVoicemail = failure.status === 486 || failure.status === 480 || failure.status === 408;
    if (!wantsVoicemail || failure.state.voicemail) return;
    failure.state.voicemail = true;
    failure.relay(VOICEMAIL);
  },
});

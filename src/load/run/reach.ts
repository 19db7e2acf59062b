/** Whether anybody listens at the target, as far as that can be told without a SIP message. Main thread. */
import { createSocket } from 'node:dgram';
import type { LoadOptions } from '../options.js';

/** How long an ICMP refusal is waited for: it comes at once on this machine, after a round trip from another. */
const LOCAL_WAIT_MS = 50;
const REMOTE_WAIT_MS = 300;
/** RFC 5626 §3.5.1, and RFC 3261 §7.5: line ends between messages, which nobody takes for one. */
const KEEPALIVE = '\r\n\r\n';

/** Sends a keepalive; true when the target's machine refuses it, because no socket is bound there. */
export function isRefused({ host, family, port }: NonNullable<LoadOptions['target']>): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
    const waitMs = host === '::1' || host.startsWith('127.') ? LOCAL_WAIT_MS : REMOTE_WAIT_MS;
    let ended = false;
    const end = (refused: boolean): void => {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      socket.close();
      resolve(refused);
    };
    // When this thread stood still for so long, a refusal is there already and is read behind the timers.
    const timer = setTimeout(() => setImmediate(() => end(false)), waitMs);
    socket.once('error', (error) => end('code' in error && error.code === 'ECONNREFUSED'));
    socket.once('message', () => end(false));
    // Only a connected socket hears of refusals.
    socket.once('connect', () => socket.send(KEEPALIVE));
    socket.connect(port, host);
  });
}

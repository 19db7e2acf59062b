/**
 * Routing script of the numbered cases: relays to the Request-URI, forks, asks before it decides, answers a CANCEL itself,
 * and takes its own thread down, each when a user of that name is called.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { defineRoutes, type Handled, type RouteRequest } from 'viaduct';

/** Asks the port that the request names, and goes on when an answer comes: a lookup that takes as long as the test wants. */
async function ask(req: RouteRequest): Promise<void> {
  if (req.uri.user === 'asks-ringing') req.reply(183, 'Looking It Up');
  const socket = createSocket('udp4');
  socket.send(`asked for ${req.callId}`, Number(req.headers.get('X-Ask')), '127.0.0.1');
  await once(socket, 'message');
  socket.close();
  req.recordRoute();
  req.relay();
}

/** The same for callers that cannot be asked. */
async function wait(req: RouteRequest): Promise<void> {
  await delay(600);
  req.recordRoute();
  req.relay();
}

export default defineRoutes({
  request(req): Handled {
    // In a worker thread this ends the thread at once, in the middle of a batch: no promise, no handler runs any more.
    if (req.uri.user === 'die') process.exit(1);
    if (req.inDialog) return void req.relay();
    if (req.method === 'CANCEL' && req.uri.user === 'strict') return void req.reply(481);
    if (req.method !== 'INVITE') return void req.relay();
    if (req.uri.user?.startsWith('asks') === true) return ask(req);
    if (req.uri.user === 'late') return wait(req);
    req.recordRoute();
    if (req.uri.user === 'fork') req.relay((req.headers.get('X-Targets') ?? '').split(' '));
    else req.relay();
  },
});

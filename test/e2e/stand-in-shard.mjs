/**
 * A shard with a stand-in engine, for tests of the process around the engine: it does what the datagram says, so that a
 * test can make a shard die, hang or offer at will. Loaded by the pool in place of `dist/shard/task.js`; with `shards: 0` a test
 * hands the engine itself over.
 *
 *   `echo TEXT`          sends `shard N WORD TEXT` back, N being this shard, WORD what the script wrote into `request.word`
 *   `later TEXT`         the same, a promise later
 *   `offer N TEXT`       offers the message to shard N, which answers as for `echo`, with the hops
 *   `die`                throws, as a broken invariant would
 *   `reject`             leaves a rejected promise behind that nobody looks at, as a careless script would
 *   `spin MS`            blocks the thread
 *   `twice TEXT`         answers now, and again when a timer of 30 ms is due
 *   `nowhere`            sends to an address that the kernel refuses, and tells the next `echo` about it
 */
import { TextDecoder, TextEncoder } from 'node:util';
import { runShard } from '../../dist/shard/run-shard.js';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class StandInEngine {
  onWork = undefined;
  abandoned = false;

  constructor(options, ports, routes) {
    this.shard = options.shard;
    this.outbox = ports.outbox;
    this.routes = routes;
    this.scripts = 0;
    this.timers = [];
    this.nowMs = 0;
    this.failures = 0;
  }

  receive(bytes, start, end, meta) {
    const [, command, rest = ''] = /^(\S+) ?([^]*)$/.exec(decoder.decode(bytes.slice(start, end))) ?? [];
    switch (command) {
      case 'echo':
        return this.reply(this.failures > 0 ? `${rest} failures ${this.failures}` : rest, meta);
      case 'later': {
        const to = { ...meta };
        this.scripts++;
        setTimeout(() => {
          this.scripts--;
          this.reply(rest, to);
          this.onWork?.();
        }, 5);
        return undefined;
      }
      case 'offer': {
        if (meta.hops > 0) return this.reply(`hops ${meta.hops} ${rest}`, meta);
        if (!this.outbox.offer(Number(rest.split(' ', 1)[0]), bytes, start, end, meta)) throw new Error('offer refused');
        return undefined;
      }
      case 'die':
        throw new Error('died as it was told');
      case 'reject':
        void Promise.reject(new Error('rejected as it was told'));
        return undefined;
      case 'spin': {
        const endMs = performance.now() + Number(rest);
        while (performance.now() < endMs);
        return undefined;
      }
      case 'twice':
        this.reply(`first ${rest}`, meta);
        this.timers.push({ atMs: this.nowMs + 30, to: { ...meta }, text: `second ${rest}` });
        return undefined;
      case 'nowhere':
        this.outbox.send(encoder.encode('x'), 0, 1, { ...meta, a0: 0xffffffff | 0, port: 9 }, 1);
        return undefined;
      default:
        return undefined;
    }
  }

  advance(nowMs) {
    this.nowMs = nowMs;
    while (this.timers.length > 0 && this.timers[0].atMs <= nowMs) {
      const { text, to } = this.timers.shift();
      this.reply(text, to);
    }
  }

  nextDeadlineMs() {
    return this.timers[0]?.atMs ?? Infinity;
  }

  sendFailed() {
    this.failures++;
  }

  suspended() {
    return this.scripts;
  }

  setRoutes(routes) {
    this.routes = routes;
  }

  pending() {
    return this.timers.length;
  }

  drain() {}

  abandon() {
    this.abandoned = true;
  }

  reply(text, to) {
    if (this.abandoned) return;
    const request = { word: '' };
    this.routes.request(request);
    const bytes = encoder.encode(`shard ${this.shard} ${request.word}${text}`);
    this.outbox.send(bytes, 0, bytes.length, to, -1);
  }
}

/** Makes one. */
export const createStandIn = (options, ports, routes) => new StandInEngine(options, ports, routes);

export default (task) => runShard(task, createStandIn);

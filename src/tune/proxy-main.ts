/**
 * The process of a proxy that is measured, started by `fork`: the real server with the configuration that it is sent. It ends
 * with the channel to its parent, so none outlives `viaduct tune`, however that ended. Main thread of the proxy.
 */
import { BroadcastChannel } from 'node:worker_threads';
import type { RunningServer } from '../main/server.js';
import { THREADS_CHANNEL, type ProxyOrder, type ProxyReport, type ShardThread } from './proxy-protocol.js';

/** A server that does not stop in this time is ended. */
const STOP_LIMIT_MS = 2000;
/** How long shards that take messages may need to have said where they run. */
const THREADS_LIMIT_MS = 2000;

let server: RunningServer | undefined;

// Ctrl+C reaches every process of the terminal; it is the parent's to decide what it means.
process.on('SIGINT', () => undefined).on('SIGTERM', () => undefined);
process.once('message', (order) => void start(order as ProxyOrder));
process.once('disconnect', () => void stop());

async function start({ config }: ProxyOrder): Promise<void> {
  const threads = new Map<number, number>();
  const channel = new BroadcastChannel(THREADS_CHANNEL);
  let heard: () => void = () => undefined;
  channel.onmessage = (event) => {
    const { shard, tid } = (event as { readonly data: ShardThread }).data;
    threads.set(shard, tid);
    heard();
  };
  try {
    const { startServer } = await import('../main/server.js');
    server = await startServer(config, { shardModule: new URL('./measured-shard.js', import.meta.url) });
    const limitMs = performance.now() + THREADS_LIMIT_MS;
    while (threads.size < config.shards && performance.now() < limitMs) await until((done) => (heard = done));
    if (threads.size < config.shards) throw new Error('its shards do not say in which threads they run');
    report({
      type: 'ready',
      port: Number(server.addresses[0]!.bound.split(':').at(-1)),
      driver: server.driver,
      shardThreads: Array.from({ length: config.shards }, (_, shard) => threads.get(shard)!),
    });
  } catch (error) {
    report({ type: 'failed', line: error instanceof Error ? error.message : String(error) });
    await stop();
  } finally {
    channel.close();
  }
}

/** A moment for messages to come in: until `listen` hears of one, and no longer than a few milliseconds. */
function until(listen: (done: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 20);
    listen(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function report(message: ProxyReport): void {
  if (process.connected) process.send?.(message);
}

async function stop(): Promise<void> {
  setTimeout(() => process.exit(1), STOP_LIMIT_MS).unref();
  await server?.stop({ drainMs: 0 }).catch(() => undefined);
  process.exit(0);
}

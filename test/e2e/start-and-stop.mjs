/** Starts and stops a server twice and then does nothing: a process in which nothing is left ends by itself. */
import { startServer } from '../../dist/index.js';
import { createStandIn } from './stand-in-shard.mjs';

const [driver, routes, shards] = process.argv.slice(2);
const config = {
  file: undefined,
  listen: [{ host: '127.0.0.1', family: 4, port: 0, advertise: undefined }],
  shards: Number(shards),
  routes,
  io: { driver, coalesceUs: 100, receiveBufferBytes: 0, sendBufferBytes: 0, ringBytes: 1 << 18 },
  sharding: { key: 'transaction', node: 0, secret: undefined },
  timers: { t1Ms: 500, t2Ms: 4000, t4Ms: 5000, timerCMs: 185_000, timerDMs: 32_000 },
  limits: { transactions: 1000, branches: 1000, storeBytes: 1 << 20, datagramBytes: 65_507, headers: 256, targets: 32, heldCancels: 256 },
  proxy: { serverHeader: '', maxForwards: 70, earlyCancelMs: 50 },
  log: { level: 'silent', format: 'json' },
  control: { socket: undefined },
  shutdown: { drainMs: 0 },
};
for (let i = 0; i < 2; i++) {
  const server = await startServer(config, { shardModule: new URL('./stand-in-shard.mjs', import.meta.url), createEngine: createStandIn });
  console.log('started');
  await server.stop();
  console.log('stopped');
}

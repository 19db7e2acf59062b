/**
 * What the load generator itself costs: a thread (or several) that calls itself straight over loopback, with no proxy in
 * between, so that everything measured is the generator's and the kernel's.
 *
 *     npm run build
 *     node bench/load/self.mjs --rate 5000 [--threads 1] [--seconds 8] [--warm-up 5] [--hold 0] [--concurrency 20000] [--scenario call]
 *
 * Prints CPU per call (on-CPU time of all load threads, /proc/self/task/TID/schedstat, over the calls that ended in the same time),
 * calls per second reached, failures, lateness of arrivals, latencies, and memory per call in progress. Linux.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { pathToFileURL } from 'node:url';
import { resolve } from 'node:path';

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '5000' },
    threads: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '8' },
    'warm-up': { type: 'string', default: '5' },
    hold: { type: 'string', default: '0' },
    ring: { type: 'string', default: '0' },
    concurrency: { type: 'string', default: '20000' },
    scenario: { type: 'string', default: 'call' },
    target: { type: 'string', default: '' },
    listen: { type: 'string', default: '127.0.0.1:0' },
    driver: { type: 'string', default: 'auto' },
    coalesce: { type: 'string', default: '1000' },
    arrivals: { type: 'string', default: 'poisson' },
    dist: { type: 'string', default: resolve(import.meta.dirname, '../../dist') },
    profile: { type: 'string', default: '' },
  },
});
const number = (name) => Number(values[name]);
const load = (file) => import(pathToFileURL(resolve(values.dist, 'load', file)).href);
const { Histogram } = await load('histogram.js');
const metricsModule = await load('metrics.js');
const control = await load('control.js');
const { setupBytes } = await load('ua/build.js');
const { LOAD_COUNTERS, LOAD_TIMES, METRICS_SLOTS, timeAt } = metricsModule;

const threads = number('threads');
const hostPort = (text) => ({ host: text.slice(0, text.lastIndexOf(':')), family: 4, port: Number(text.slice(text.lastIndexOf(':') + 1)) });
const options = {
  role: 'both',
  target: values.target === '' ? { host: '127.0.0.1', family: 4, port: 0 } : hostPort(values.target),
  listen: hostPort(values.listen),
  callerHost: '127.0.0.1',
  socketsPerThread: 1,
  threads,
  scenarios: [{ scenario: values.scenario, weight: 100 }],
  arrivals: values.arrivals,
  concurrency: number('concurrency'),
  ring: { kind: 'fixed', ms: number('ring') },
  hold: { kind: 'fixed', ms: number('hold') },
  cancelAfter: { kind: 'fixed', ms: 50 },
  domain: '127.0.0.1:5060',
  users: { kind: 'generated', count: 1000, password: 'secret' },
  faults: { retransmitPercent: 0, lossPercent: 0, delayMs: 0, reorderPercent: 0 },
  t1Ms: 500,
  seed: 1,
  driver: values.driver,
  coalesceUs: number('coalesce'),
};
const setup = new SharedArrayBuffer(setupBytes(options));
const blocks = [];
const cells = [];
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const tasks = () => readdirSync('/proc/self/task');
const workers = [];
const loadTasks = [];
for (let thread = 0; thread < threads; thread++) {
  const metrics = new SharedArrayBuffer(METRICS_SLOTS * 8);
  const cell = new SharedArrayBuffer(control.CTL_SLOTS * 8);
  blocks.push(new Float64Array(metrics));
  cells.push(new Float64Array(cell));
  const before = new Set(tasks());
  const worker = new Worker(resolve(values.dist, 'load/thread.js'), {
    workerData: { thread, threads, options, metrics, control: cell, setup, run: 1234 },
    execArgv: values.profile === '' ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`],
  });
  await new Promise((ready) => worker.on('message', (message) => {
    if (message.type === 'ready') ready();
    else if (message.type === 'error') { console.error(message.line); process.exit(1); }
  }));
  loadTasks.push(...tasks().filter((task) => !before.has(task)));
  workers.push(worker);
}
const rssBefore = process.memoryUsage.rss();
for (const cell of cells) {
  cell[control.CTL_RATE] = number('rate') / threads;
  cell[control.CTL_BUDGET] = Infinity;
  cell[control.CTL_STATE] = control.RUN_GO;
}
const counter = (name) => {
  const at = LOAD_COUNTERS.findIndex((info) => info.name === name);
  return blocks.reduce((sum, block) => sum + block[at], 0);
};
const onCpuNs = () => loadTasks.reduce((sum, task) => sum + Number(readFileSync(`/proc/self/task/${task}/schedstat`, 'utf8').split(' ')[0]), 0);
const merged = (index) => {
  const histogram = new Histogram();
  for (const block of blocks) histogram.add(block, timeAt(index));
  return histogram;
};
const reading = () => ({ ns: onCpuNs(), at: performance.now(), ended: counter('succeeded'), histograms: LOAD_TIMES.map((_, i) => merged(i)) });

await sleep(number('warm-up') * 1000);
const first = reading();
await sleep(number('seconds') * 1000);
const last = reading();
const calls = last.ended - first.ended;
const inFlight = counter('inFlight');
const rss = process.memoryUsage.rss();
console.log(`asked ${values.rate}/s, ${threads} thread(s): ${(calls / (last.at - first.at) * 1000).toFixed(0)} calls/s, ${(((last.ns - first.ns) / 1000) / calls).toFixed(1)} µs CPU per call, both sides; ${((last.ns - first.ns) / 1e4 / (last.at - first.at) / threads).toFixed(0)} % busy`);
for (const [i, { name }] of LOAD_TIMES.entries()) {
  const histogram = last.histograms[i].since(first.histograms[i]);
  if (histogram.count > 0) console.log(`  ${name.padEnd(10)} p50 ${histogram.percentileUs(50)} µs  p99 ${histogram.percentileUs(99)}  p99.9 ${histogram.percentileUs(99.9)}  max ${histogram.mostUs}`);
}
if (inFlight > 1000) console.log(`  in flight ${inFlight} + ${counter('inFlightUas')}: ${((rss - rssBefore) / inFlight).toFixed(0)} bytes of memory per call`);
for (const cell of cells) cell[control.CTL_STATE] = control.RUN_DRAIN;
const drain = Math.min(2000, 300 + number('hold'));
await sleep(drain);
console.log(`  ${LOAD_COUNTERS.map(({ name }) => [name, counter(name)]).filter(([, value]) => value !== 0).map(([name, value]) => `${name} ${value}`).join(', ')}`);
for (const cell of cells) cell[control.CTL_STATE] = control.RUN_STOP;
await Promise.all(workers.map((worker) => new Promise((done) => worker.on('exit', done))));

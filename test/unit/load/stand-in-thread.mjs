/**
 * A load thread without sockets, for tests of what is around it: it counts and times calls that never happen. How they go
 * stands in the domain of the run, `KEY=VALUE` joined by `&`:
 *
 *   us=N          median of the answer times, microseconds (default 800)
 *   fail=N        percent of calls that fail
 *   knee=N        above N calls/s of all threads the answer times are ten times as long and 5 % of the calls fail
 *   slow=N        the generator itself begins no more than N calls/s and says so
 *   late=N        above N calls/s of all threads it begins calls a second late, without saying so
 *   silent=1      nothing is ever received
 *   die=TEXT      throws a moment after the first call
 *   refuse=TEXT   says TEXT instead of being ready
 *   stuck=1       calls never end
 */
import { clearInterval, setInterval } from 'node:timers';
import { URLSearchParams } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { CTL_BUDGET, CTL_RATE, CTL_STATE, RUN_DRAIN, RUN_GO, RUN_STOP } from '../../../dist/load/control.js';
import {
  L_DUE, L_FAIL_ABORTED, L_FAIL_STATUS, L_FAIL_TIMEOUT, L_FAILED, L_IN_FLIGHT, L_IN_FLIGHT_UAS, L_ANSWERED_UAS, L_OVERRUN, L_RECEIVED, L_RETRANSMISSIONS_SEEN, L_SENT, L_STARTED, L_SUCCEEDED,
  recordTime, T_100, T_180, T_200, T_ADDED, T_BYE, T_CALL, T_LATENESS,
} from '../../../dist/load/metrics.js';

const { options, thread, threads } = workerData;
const block = new Float64Array(workerData.metrics);
const control = new Float64Array(workerData.control);
const behaviour = Object.fromEntries(new URLSearchParams(options.domain));
const number = (key, other) => (behaviour[key] === undefined ? other : Number(behaviour[key]));

let seed = options.seed + thread * 7919;
/** From 0 to 1 (mulberry32). */
function random() {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}

/** Around `medianUs`, with a tail. */
function timeUs(medianUs) {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return medianUs * Math.exp(0.45 * normal) + (random() < 0.004 ? medianUs * 6 * random() : 0);
}

function lengthMs(duration) {
  if (duration.kind === 'fixed') return duration.ms;
  if (duration.kind === 'uniform') return duration.minMs + random() * (duration.maxMs - duration.minMs);
  return -Math.log(1 - random()) * duration.meanMs;
}

/** Ends of calls in progress, milliseconds. */
let ends = [];
let last = performance.now();
let carry = 0;
let saidIdle = false;

function end(failed) {
  block[L_IN_FLIGHT]--;
  if (options.role === 'both') block[L_IN_FLIGHT_UAS]--;
  if (failed) {
    block[L_FAILED]++;
    block[random() < 0.7 ? L_FAIL_STATUS : L_FAIL_TIMEOUT]++;
    return;
  }
  block[L_SUCCEEDED]++;
  block[L_ANSWERED_UAS]++;
}

function begin(now) {
  const overKnee = control[CTL_RATE] * threads > number('knee', Infinity);
  const medianUs = number('us', 800) * (overKnee ? 10 : 1);
  const ringMs = lengthMs(options.ring);
  const totalMs = ringMs + lengthMs(options.hold);
  const answerUs = timeUs(medianUs);
  block[L_STARTED]++;
  block[L_IN_FLIGHT]++;
  if (options.role === 'both') block[L_IN_FLIGHT_UAS]++;
  block[L_SENT] += 7;
  recordTime(block, T_LATENESS, control[CTL_RATE] * threads > number('late', Infinity) ? 1e6 : timeUs(40));
  if (behaviour.silent === undefined) {
    block[L_RECEIVED] += 7;
    if (random() < 0.001) block[L_RETRANSMISSIONS_SEEN]++;
    recordTime(block, T_100, answerUs * 0.6);
    recordTime(block, T_180, answerUs);
    recordTime(block, T_ADDED, answerUs * 0.7);
    recordTime(block, T_200, answerUs + ringMs * 1000);
    recordTime(block, T_BYE, timeUs(medianUs * 0.8));
    recordTime(block, T_CALL, totalMs * 1000 + answerUs);
  }
  ends.push({ atMs: behaviour.stuck === undefined ? now + totalMs : Infinity, failed: random() * 100 < (overKnee ? 5 : number('fail', 0)) });
}

function step() {
  const now = performance.now();
  const state = control[CTL_STATE];
  if (state === RUN_GO) {
    saidIdle = false;
    carry += (control[CTL_RATE] * (now - last)) / 1000;
    const limit = (number('slow', Infinity) / threads) * ((now - last) / 1000);
    let begun = 0;
    while (carry >= 1) {
      carry--;
      if (control[CTL_BUDGET] <= 0) continue;
      block[L_DUE]++;
      if (begun >= limit) {
        block[L_OVERRUN]++;
        continue;
      }
      begun++;
      control[CTL_BUDGET]--;
      begin(now);
      if (behaviour.die !== undefined) throw new Error(behaviour.die);
    }
  }
  last = now;
  const [over, open] = [ends.filter(({ atMs }) => atMs <= now), ends.filter(({ atMs }) => atMs > now)];
  ends = open;
  for (const { failed } of over) end(failed);
  if (state === RUN_DRAIN && ends.length === 0 && !saidIdle) {
    saidIdle = true;
    parentPort.postMessage({ type: 'idle' });
  }
  if (state === RUN_STOP) {
    block[L_FAILED] += ends.length;
    block[L_FAIL_ABORTED] += ends.length;
    clearInterval(timer);
    process.exit();
  }
}

const timer = setInterval(step, 4);
if (behaviour.refuse !== undefined) parentPort.postMessage({ type: 'error', line: behaviour.refuse });
else parentPort.postMessage({ type: 'ready', uac: ['127.0.0.1:40000'], uas: options.role === 'uac' ? [] : ['127.0.0.1:5070'] });

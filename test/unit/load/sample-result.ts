/** A result to show, compare and judge: three minutes of calls that never were, the same every time. */
import { type Histogram } from '../../../src/load/histogram.js';
import { FAILURE_CAUSES, LOAD_COUNTERS } from '../../../src/load/metrics.js';
import { timeFigures } from '../../../src/load/report/figures.js';
import { RESULT_FORMAT, type LoadResult, type SeriesRow } from '../../../src/load/report/result.js';
import { histogramOf } from './recorded.js';

/** Answer times with a tail, from 0.4 to some 20 ms. */
export function answerTimes(count: number, factor = 1): Histogram {
  const us = Array.from({ length: count }, (_, i) => factor * (400 + 600 * -Math.log(1 - i / count) + (i % 500 === 0 ? 15_000 : 0)));
  return histogramOf(us);
}

function rows(): SeriesRow[] {
  return Array.from({ length: 190 }, (_, i): SeriesRow => {
    const wave = Math.sin(i / 9);
    const phase = i < 10 ? 'warm-up' : i < 180 ? 'measured' : 'drain';
    const quiet = i > 182;
    return {
      atS: i + 1, phase,
      askedPerS: phase === 'drain' ? 0 : Math.min(2000, (i + 1) * 200), startedPerS: phase === 'drain' ? 0 : Math.min(2000, (i + 1) * 200) - 10 - 8 * wave,
      succeededPerS: quiet ? 0 : 1980, failedPerS: i % 40 === 39 ? 3 : 0, inFlight: quiet ? 0 : Math.round(2200 + 90 * wave),
      p50Us: quiet ? null : 800 + 40 * wave, p90Us: quiet ? null : 1600 + 120 * wave, p99Us: quiet ? null : 3100 + 700 * wave + (i === 120 ? 9000 : 0), maxUs: quiet ? null : 9000 + 4000 * wave + (i === 120 ? 60_000 : 0),
      watchCpuPercent: quiet ? 1 : 22 + 3 * wave,
    };
  });
}

const HISTOGRAMS = { invite100: answerTimes(20_000, 0.6), invite180: answerTimes(20_000), invite200: answerTimes(20_000, 40), bye200: answerTimes(20_000, 0.8), added: answerTimes(20_000, 0.7), lateness: answerTimes(20_000, 0.05) };
const TIMES = Object.fromEntries(Object.entries(HISTOGRAMS).map(([name, histogram]) => [name, timeFigures(histogram)]));

/** The result; `changes` replace its parts. */
export function sampleResult(changes: Partial<LoadResult> = {}): LoadResult {
  return {
    format: RESULT_FORMAT,
    version: '0.0.0',
    command: "viaduct load --rate 2000 --fail-if 'p99 > 20ms'",
    startedAt: '2026-01-02T03:04:05.678Z',
    machine: { cpu: 'Imaginary <8> & more', cores: 8, memoryBytes: 16e9, kernel: 'Linux 6.0', node: '20.20.0' },
    options: {
      role: 'both', target: '127.0.0.1:5060', listen: '127.0.0.1:5070', ratePerS: 2000, durationS: 170, calls: null, rampS: 10, warmUpS: 10, scenarios: [{ scenario: 'call', weight: 8 }, { scenario: 'cancel', weight: 2 }],
      arrivals: 'poisson', ring: '100ms', hold: 'exp:1s', cancelAfter: '100ms-500ms', concurrency: 100_000, threads: 1, socketsPerThread: 1, users: 1000, domain: '127.0.0.1',
      faults: { retransmitPercent: 0, lossPercent: 0, delayMs: 0, reorderPercent: 0 }, t1Ms: 500, seed: 7, driver: 'auto',
    },
    interrupted: false,
    valid: true,
    reasons: [],
    measuredS: 170,
    askedPerS: 2000,
    reachedPerS: 1990,
    inFlightAtStart: 2200,
    totals: { ...Object.fromEntries(LOAD_COUNTERS.map(({ name }) => [name, 0])), due: 338_310, started: 338_300, succeeded: 338_287, failed: 13, timeout: 9, unexpectedStatus: 4, messagesSent: 2_368_100, messagesReceived: 2_368_080, retransmissionsSeen: 41 },
    failurePercent: (100 * 13) / 338_300,
    failures: { ...Object.fromEntries(FAILURE_CAUSES.map((cause) => [LOAD_COUNTERS[cause]!.name, 0])), timeout: 9, unexpectedStatus: 4 },
    statuses: { 503: 4 },
    times: TIMES,
    mainTime: 'invite180',
    series: rows(),
    watch: [
      {
        pid: 4711, name: 'proxy', processes: 2, cpuUs: 30_000_000, cpuUsPerCall: 88.7, cpuPercent: 22.4, peakRssBytes: 145_000_000,
        threads: [
          { pid: 4711, tid: 4711, name: 'proxy', cpuUs: 20_000_000, cpuUsPerCall: 59.1, cpuPercent: 15, ended: false },
          { pid: 4712, tid: 4713, name: 'shard <0>', cpuUs: 10_000_000, cpuUsPerCall: 29.6, cpuPercent: 7.4, ended: true },
        ],
      },
    ],
    generator: { cpuUsPerCall: 35.2, cpuPercent: 9.1, peakRssBytes: 95_000_000 },
    thresholds: [{ text: 'p99 > 20ms', value: 3200, measured: '3.20 ms', held: true }],
    ...changes,
  };
}

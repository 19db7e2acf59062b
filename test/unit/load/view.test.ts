/** What a run looks like while it goes on and when it is over: terminal, lines, tables, charts. */
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { countOf, countText, durationText, parseDuration, parseTimeUs, percentText, rateText, timeText } from '../../../src/load/units.js';
import { searchProblems } from '../../../src/load/report/deciding-steps.js';
import type { FindMaxResult, FindMaxStep } from '../../../src/load/report/result.js';
import { finalText, foundSpans } from '../../../src/load/view/final.js';
import { htmlReport } from '../../../src/load/view/html.js';
import { layout, LiveView } from '../../../src/load/view/live.js';
import { SCRIPT } from '../../../src/load/view/page-style.js';
import { PlainView, progressLine } from '../../../src/load/view/plain.js';
import { linearScale, logScale, timeScale } from '../../../src/load/view/scale.js';
import { progressBar, sparkline } from '../../../src/load/view/sparkline.js';
import { lineOf, screenOf } from '../../../src/load/view/style.js';
import type { Progress, RunHeading } from '../../../src/load/view/view.js';
import { stepOutcome } from '../../../src/load/view/steps.js';
import { sampleResult } from './sample-result.js';

const SECOND = sampleResult().series[20]!;

const heading: RunHeading = { scenarios: 'call 80 %, cancel 20 %', where: 'caller and callee → 127.0.0.1:5060', plan: '2,000 calls/s for 30s', listens: ['127.0.0.1:5070'] };

function progress(changes: Partial<Progress> = {}): Progress {
  return {
    phase: 'measured', step: undefined, elapsedMs: 12_345, totalMs: 30_000, done: 0.41, calleeOnly: false, askedPerS: 2000, reachedPerS: 1998.4, inFlight: 2210, begun: 23_976, succeeded: 21_750, failed: 16,
    failurePercent: 0.0735, failures: [['timeout', 12], ['unexpectedStatus', 4]], retransmissionsSeen: 3, unexpectedMessages: 1,
    time: { label: 'INVITE → 180', p50Us: 812, p90Us: 1610, p99Us: 3120, p999Us: 8200, maxUs: 15_600 },
    watchCpuPercent: 22.4, lastMinute: sampleResult().series.slice(0, 70), warnings: ['3 messages not taken by the kernel'], ...changes,
  };
}

describe('the live view', () => {
  it('fits into every width', () => {
    for (let width = 1; width <= 100; width++) {
      for (const state of [progress(), progress({ phase: 'drain', done: 1 }), progress({ calleeOnly: true, done: undefined, totalMs: undefined }), progress({ step: { number: 3, ratePerS: 4000 } })]) {
        for (const spans of layout(heading, state, width)) expect(lineOf(spans, { colors: false, columns: width }).length).toBeLessThanOrEqual(width);
      }
    }
  });

  it('shows rate, calls, causes, percentiles, what was seen, sparklines and warnings', () => {
    const lines = layout(heading, progress(), 100).map((spans) => lineOf(spans, { colors: false, columns: 100 }));
    expect(lines[2]).toMatch(/^█+[▏▎▍▌▋▊▉]?░+ +41 % +00:12 \/ 00:30 +measuring$/);
    expect(lines.slice(3, 8)).toEqual([
      'rate       2,000/s asked   1,998/s reached   2,210 in flight',
      'calls      23,976 begun   21,750 succeeded   16 failed (0.0735 %)',
      '           12 timeout   4 unexpectedStatus',
      'INVITE → 180 p50 812 µs   p90 1.61 ms   p99 3.12 ms   p99.9 8.20 ms   max 15.6 ms',
      'seen       3 retransmissions   1 unexpected messages   CPU of the watched 22 % of a core',
    ]);
    expect(lines.at(-3)).toMatch(/^rate +[▁▂▃▄▅▆▇█]{60} {2}1,998\/s at most$/);
    expect(lines.at(-2)).toMatch(/^p99 +[▁▂▃▄▅▆▇█]{60} /);
    expect(lines.at(-1)).toBe('! 3 messages not taken by the kernel');
  });

  it('draws over what it drew before, and leaves the screen as it was', () => {
    let written = '';
    const view = new LiveView((text) => (written += text), () => ({ terminal: true, colors: false, columns: 80 }));
    view.begin(heading);
    view.progress(progress());
    const lines = written.split('\n').length - 1;
    written = '';
    view.progress(progress({ failures: [] }));
    expect(written).toContain(`\x1b[${lines}F`);
    expect(written).not.toContain('\x1b[2J');
    const fewer = written.split('\n').length - 1;
    written = '';
    view.note('stopping');
    expect(written).toBe(`\x1b[${fewer}F\x1b[Jstopping\n`);
    view.progress(progress());
    written = '';
    view.end();
    expect(written.startsWith('\x1b[')).toBe(true);
    expect(written.endsWith('F\x1b[J\x1b[?25h')).toBe(true);
    written = '';
    view.end();
    expect(written).toBe('');
  });

  it('has colours on a terminal only, and not with NO_COLOR', () => {
    expect(screenOf({ isTTY: true, columns: 90 }, {})).toEqual({ terminal: true, colors: true, columns: 90 });
    expect(screenOf({ isTTY: true, columns: 90 }, { NO_COLOR: '1' })).toEqual({ terminal: true, colors: false, columns: 90 });
    expect(screenOf({ isTTY: true, columns: 90 }, { TERM: 'dumb' })).toMatchObject({ terminal: false, colors: false });
    expect(screenOf({}, {})).toEqual({ terminal: false, colors: false, columns: 80 });
    const spans = [['abc', 'red'], 'def'] as const;
    expect(lineOf(spans, { colors: true, columns: 5 })).toBe('\x1b[31mabc\x1b[39md…');
    expect(stripVTControlCharacters(finalText(sampleResult(), { colors: true }))).toBe(finalText(sampleResult(), { colors: false }));
  });
});

describe('plain lines', () => {
  it('come once a second at first, later every five', () => {
    let written = '';
    const view = new PlainView((text) => (written += text));
    view.begin(heading);
    for (let ms = 250; ms <= 30_000; ms += 250) view.progress(progress({ elapsedMs: ms, warnings: [] }));
    expect(written.split('\n').slice(1, -1).map((line) => Number(line.slice(3, 5)))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30]);
  });

  it('begin with every callee socket, or with the first, the last and their number when they are many', () => {
    const firstLine = (sockets: number): string => {
      let written = '';
      new PlainView((text) => (written += text)).begin({ ...heading, listens: Array.from({ length: sockets }, (_, i) => `127.0.0.1:${6000 + i}`) });
      return written;
    };
    expect(firstLine(2)).toContain(', callee on 127.0.0.1:6000, 127.0.0.1:6001: ');
    expect(firstLine(2000)).toContain(', callee on 127.0.0.1:6000 … 127.0.0.1:7999 (2,000 sockets): ');
  });

  it('say a kind of warning once', () => {
    let written = '';
    const view = new PlainView((text) => (written += text));
    for (const count of [3, 4, 5]) view.progress(progress({ elapsedMs: 10, warnings: [`${count} messages not taken by the kernel`] }));
    expect(written).toBe('! 3 messages not taken by the kernel\n');
  });

  it('have all that counts', () => {
    expect(progressLine(progress())).toBe('00:12  2,000/s asked  1,998/s reached  2,210 in flight  21,750 ok  16 failed (0.0735 %)  INVITE → 180 p50 812 µs p99 3.12 ms max 15.6 ms');
    expect(progressLine(progress({ calleeOnly: true, failed: 0, time: undefined }))).toBe('00:12  1,998/s answered  2,210 in flight  21,750 ok  0 failed');
  });
});

describe('the final table', () => {
  it('says which statuses were not expected', () => {
    const statuses = { 404: 3, 503: 1 };
    expect(finalText(sampleResult({ statuses }), { colors: false })).toContain('4 unexpectedStatus (404: 3, 503: 1): a final');
    expect(htmlReport(sampleResult({ statuses, failures: { unexpectedStatus: 4 } }))).toContain('mostly unexpectedStatus (404: 3, 503: 1)');
  });

  it('gives no rate of less than a second', () => {
    const text = finalText(sampleResult({ measuredS: 0.02 }), { colors: false });
    expect(text).toContain('too short for a rate: 0.02 s');
    expect(text).not.toContain('reached');
    expect(htmlReport(sampleResult({ measuredS: 0.02 }))).toContain('too short for a rate');
  });

  it('gives no CPU per call when there was no call', () => {
    const { generator } = sampleResult();
    expect(finalText(sampleResult(), { colors: false })).toContain('of CPU per call');
    const idle = sampleResult({ generator: { ...generator, cpuUsPerCall: 0 } });
    expect(finalText(idle, { colors: false })).toMatch(/generator +\d+ % of a core/);
    expect(htmlReport(idle)).not.toContain('0 µs of CPU per call');
  });

  it('says which steps had too few calls, or came again', () => {
    const step = { step: 1, askedPerS: 100, reachedPerS: 100, calls: 999, failures: 0, failurePercent: 0, p50Us: 1, p99Us: 1, maxUs: 1, passed: true };
    expect(stepOutcome(step)).toBe('passed; too few calls for a p99');
    expect(stepOutcome({ ...step, calls: 1000 })).toBe('passed');
    expect(stepOutcome({ ...step, calls: 1000, passed: false, reason: 'late', repeated: true })).toBe('late; repeated');
    expect(stepOutcome({ ...step, passed: false, reason: 'slow', repeated: true })).toBe('slow; too few calls for a p99; repeated');
  });

  it('names the seed, with which the run can be repeated', () => {
    expect(finalText(sampleResult(), { colors: false })).toMatch(/\n {2}seed {8}7: with it, --seed repeats the random choices\n/);
  });

  it('does not stand by a highest rate that a few calls decided', () => {
    const step = { step: 1, askedPerS: 6, reachedPerS: 6, calls: 180, failures: 0, failurePercent: 0, p50Us: 1, p99Us: 1, maxUs: 1, passed: true };
    const failed = { ...step, step: 2, askedPerS: 7, passed: false, limit: 'p99' as const, reason: 'slow' };
    const search = (...steps: FindMaxStep[]) => ({ maxFailurePercent: 0.01, maxP99Us: 4000, bestPerS: steps[0]!.passed ? 6 : 0, limit: 'p99' as const, steps });
    const said = (found: FindMaxResult): string => foundSpans(found).map((span) => (typeof span === 'string' ? span : span[0])).join('');
    const both = search(step, { ...failed, calls: 1 });
    const doubt = 'the steps at 6/s (180 calls) and 7/s (1 call) had too few calls for a p99, which takes 1,000: give steps a longer --duration';
    expect(said(both)).toMatch(/^Highest rate: 6\/s with .*; beyond it, p99 is the limit\. But /);
    expect(said(both)).toContain(` But ${doubt}.`);
    expect(searchProblems(both)).toEqual([doubt]);
    expect(searchProblems(search(failed))).toEqual(['no rate passed', expect.stringMatching(/^the step at 7\/s \(180 calls\) had too few calls/)]);
    // A repeated one decides nothing, and failures need no p99.
    const sound = search({ ...step, calls: 1000 }, { ...failed, repeated: true }, { ...failed, calls: 1100 });
    expect([said(sound).includes('too few'), searchProblems(sound)]).toEqual([false, []]);
    expect(searchProblems({ ...search({ ...step, calls: 1000 }, { ...failed, limit: 'failures' }), limit: 'failures' })).toEqual([]);
  });

  it('has the figures, with the main time marked', () => {
    const text = finalText(sampleResult(), { colors: false });
    expect(text).toContain('  rate        1,990/s reached, 2,000/s asked, over 170.0 s\n');
    expect(text).toContain('338,300 begun (2,200 before, in the warm-up), 338,287 succeeded, 13 failed (0.00384 %)\n');
    expect(text).toContain('              9 timeout: no final response in 64·T1\n');
    expect(text).toMatch(/\n\* INVITE → 180 +20,000 /);
    expect(text).toMatch(/\nproxy \(4711\) and 1 below it, 145 MB at most +89 µs +22 %\n/);
    expect(text).toContain('\nheld    fail if p99 > 20ms: 3.20 ms\n');
    expect(text).not.toContain('INVALID');
  });

  it('says so when the result is invalid, or was stopped', () => {
    const text = finalText(sampleResult({ valid: false, reasons: ['it was too slow'], interrupted: true, totals: { ...sampleResult().totals, failed: 20, aborted: 7 }, failures: { timeout: 13, aborted: 7 } }), { colors: false });
    expect(text).toContain('Result (stopped before its time)');
    expect(text).toContain('13 failed (0.00384 %), 7 cut off when the run was stopped\n');
    expect(text).toMatch(/\nINVALID: these figures say little about the target\n {2}it was too slow\n$/);
  });
});

/** What arithmetic leaves behind when it had nothing to work with. */
function brokenNumbers(page: string): string[] {
  return page.replace(SCRIPT, '').match(/NaN|Infinity|undefined/g) ?? [];
}

describe('the HTML report', () => {
  it('is one page that fetches nothing, with every chart drawn', () => {
    const page = htmlReport(sampleResult());
    expect(brokenNumbers(page)).toEqual([]);
    expect(page.match(/(?:src|href)="(?!data:)|url\(|@import/)).toBeNull();
    expect(page.match(/<svg /g)).toHaveLength(6);
    expect(page.includes("default-src 'none'")).toBe(true);
  });

  it('escapes what comes from outside', () => {
    const page = htmlReport(sampleResult({ command: 'viaduct load --domain "<script>alert(1)</script>"' }));
    expect(page.includes('<script>alert')).toBe(false);
    expect(page.includes('Imaginary &lt;8&gt; &amp; more')).toBe(true);
    expect(page.includes('shard &lt;0&gt;')).toBe(true);
  });

  it.each([
    ['nothing was measured', { series: [], times: {}, watch: [], thresholds: [] }],
    ['one row of nothing', { series: [{ atS: 0.01, phase: 'drain' as const, askedPerS: 0, startedPerS: 0, succeededPerS: 0, failedPerS: 0, inFlight: 0, p50Us: null, p90Us: null, p99Us: null, maxUs: null }], times: {} }],
    ['a callee alone', { options: { ...sampleResult().options, role: 'uas' as const, target: null, ratePerS: null }, times: {} }],
    ['a day of rows', { series: Array.from({ length: 86_400 }, (_, i) => ({ ...SECOND, atS: i + 1 })) }],
  ])('is whole when there is %s', (_, changes) => {
    const page = htmlReport(sampleResult(changes));
    expect(brokenNumbers(page)).toEqual([]);
    expect(page.length).toBeLessThan(1_000_000);
  });

  it('shows the steps of a search', () => {
    const step = { step: 1, askedPerS: 500, reachedPerS: 500, calls: 2500, failures: 0, failurePercent: 0, p50Us: 800, p99Us: 2000, maxUs: 4000, passed: true };
    const steps = [step, { ...step, step: 2, askedPerS: 1000, passed: false, limit: 'p99' as const, reason: 'p99 30.0 ms, allowed is less than 20.0 ms' }];
    const page = htmlReport(sampleResult({ findMax: { maxFailurePercent: 0.01, maxP99Us: 20_000, bestPerS: 500, limit: 'p99', steps } }));
    expect(page.slice(page.indexOf('Steps of the search'))).toContain('Highest rate: 500/s with failures under 0.01 % and p99 under 20.0 ms; beyond it, p99 is the limit.');
    expect(page).toContain('p99 30.0 ms, allowed is less than 20.0 ms');
    expect(page.match(/<circle class="dot/g)).toHaveLength(2);
  });
});

describe('pictures in a line', () => {
  it('rise with their values, and have gaps', () => {
    expect(sparkline([0, 1, null, 4, 8])).toBe('▁▁ ▄█');
    expect(sparkline([0, 0])).toBe('▁▁');
    expect(progressBar(0.5, 10)).toEqual({ filled: '█████', empty: '░░░░░' });
    for (const share of [-1, 0, 0.001, 0.33, 0.999, 1, 2]) {
      const { filled, empty } = progressBar(share, 10);
      expect(filled.length + empty.length).toBe(10);
    }
  });
});

describe('axes', () => {
  it('have round ticks from nothing to above the most', () => {
    expect(linearScale(2345).ticks).toEqual([0, 500, 1000, 1500, 2000, 2500]);
    expect(linearScale(0).at(0)).toBe(0);
    expect(linearScale(10).at(10)).toBe(1);
    expect(logScale(300, 40_000).ticks).toEqual([200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000]);
    expect(logScale(10, 1000).at(100)).toBeCloseTo(0.5);
    expect([logScale(10, 1000).at(3), logScale(10, 1000).at(2000)]).toEqual([0, 1]);
    expect(timeScale(190).ticks).toEqual([0, 30, 60, 90, 120, 150, 180]);
  });
});

describe('quantities', () => {
  it.each([['500us', 500], ['20ms', 20_000], ['1.5s', 1_500_000], ['2m', 120e6], ['1h', 3.6e9], ['0', 0], ['10 ms', 10_000], ['5µs', 5]])('%s is a time', (text, us) => {
    expect(parseTimeUs(text)).toBe(us);
  });

  it.each(['', '5', '5x', 'ms', '-5ms', '1e3s', '5 toString'])('%j is none', (text) => {
    expect(parseTimeUs(text)).toBeUndefined();
  });

  it.each(['2s', '250ms', '1s-3s', 'exp:30s', '0s', '2m', '1500us'])('%s survives reading and writing', (text) => {
    expect(parseDuration(durationText(parseDuration(text)!))).toEqual(parseDuration(text));
  });

  it.each(['3s-1s', '1s-2s-3s', 'exp:', 'exp:3', '1-3s'])('%s is no duration', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  it('are shown with three digits and their unit', () => {
    expect([0, 7, 850.4, 999.7, 1234, 45_600, 999_600, 1_500_000, 59_960_000, 125_000_000, 3_720_000_000].map(timeText)).toEqual([
      '0 µs', '7 µs', '850 µs', '1.00 ms', '1.23 ms', '45.6 ms', '1.00 s', '1.50 s', '1 min 00 s', '2 min 05 s', '1 h 02 min',
    ]);
    expect([0, 0.00384, 12.34, 99.96, 100].map(percentText)).toEqual(['0 %', '0.00384 %', '12.3 %', '100 %', '100 %']);
    expect([rateText(1998.4), rateText(25.37), countText(1_234_567)]).toEqual(['1,998/s', '25.4/s', '1,234,567']);
    expect([0, 1, 2000].map((count) => countOf(count, 'call'))).toEqual(['0 calls', '1 call', '2,000 calls']);
  });
});

/** CPU and memory of other processes, read from a folder that looks like /proc. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Watch } from '../../../src/load/run/watch.js';

let root: string;
let nowMs: number;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'viaduct-proc-'));
  nowMs = 1000;
  mkdirSync(join(root, 'self'));
  writeFileSync(join(root, 'self/stat'), '');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Threads by number: nanoseconds on a core. */
function processIs(pid: number, parent: number, threads: Readonly<Record<number, number>>, peakKb = 1000, name = 'proxy'): void {
  const folder = join(root, String(pid));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'task'), { recursive: true });
  writeFileSync(join(folder, 'comm'), `${name}\n`);
  writeFileSync(join(folder, 'cmdline'), `/usr/sbin/${name}\0-x\0`);
  // A name may hold what looks like the end of it.
  writeFileSync(join(folder, 'stat'), `${pid} (${name}) 1 2) S ${parent} 1 1 0`);
  writeFileSync(join(folder, 'status'), `Name:\t${name}\nVmHWM:\t  ${peakKb} kB\n`);
  for (const [tid, ns] of Object.entries(threads)) {
    mkdirSync(join(folder, 'task', tid));
    writeFileSync(join(folder, 'task', tid, 'schedstat'), `${ns} 999 7\n`);
    writeFileSync(join(folder, 'task', tid, 'comm'), `thread ${tid}\n`);
  }
}

function gone(pid: number): void {
  rmSync(join(root, String(pid)), { recursive: true });
}

describe('a watch', () => {
  it('counts what threads use while it watches, those that come later from their beginning', () => {
    processIs(10, 1, { 10: 5_000_000, 11: 7_000_000 });
    const watch = new Watch([10], () => nowMs, root);
    const from = watch.read();
    nowMs += 1000;
    processIs(10, 1, { 10: 6_000_000, 11: 7_000_000, 12: 250_000 }, 2000);
    const to = watch.read();
    expect(watch.report(from, to, to, 10)).toEqual([
      {
        pid: 10, name: 'proxy', processes: 1, cpuUs: 1250, cpuUsPerCall: 125, cpuPercent: 0.13, peakRssBytes: 2_048_000,
        threads: [
          { pid: 10, tid: 10, name: 'thread 10', cpuUs: 1000, cpuUsPerCall: 100, cpuPercent: 0.1, ended: false },
          { pid: 10, tid: 12, name: 'thread 12', cpuUs: 250, cpuUsPerCall: 25, cpuPercent: 0.03, ended: false },
          { pid: 10, tid: 11, name: 'thread 11', cpuUs: 0, cpuUsPerCall: 0, cpuPercent: 0, ended: false },
        ],
      },
    ]);
  });

  it('takes children and their children along, and keeps what those used that have ended', () => {
    processIs(10, 1, { 10: 0 });
    processIs(20, 10, { 20: 0 }, 500);
    processIs(30, 20, { 30: 0 }, 300);
    processIs(40, 1, { 40: 0 });
    const watch = new Watch([10], () => nowMs, root);
    const from = watch.read();
    processIs(30, 20, { 30: 4_000_000 }, 300);
    processIs(40, 1, { 40: 9_000_000 });
    watch.read();
    gone(30);
    gone(20);
    processIs(50, 10, { 50: 1_000_000 }, 200);
    const to = watch.read();
    const [report] = watch.report(from, to, to, 1);
    expect(report).toMatchObject({ processes: 4, cpuUs: 5000, peakRssBytes: 1024 * (1000 + 500 + 300 + 200) });
    expect(report!.threads.map(({ pid, cpuUs, ended }) => [pid, cpuUs, ended])).toEqual([[30, 4000, true], [50, 1000, false], [10, 0, false], [20, 0, true]]);
  });

  it('is not misled by a thread number that is given to another thread', () => {
    processIs(10, 1, { 10: 0, 11: 9_000_000 });
    const watch = new Watch([10], () => nowMs, root);
    const from = watch.read();
    processIs(10, 1, { 10: 0, 11: 2_000_000 });
    const to = watch.read();
    expect(watch.report(from, to, to, 1)[0]!.cpuUs).toBe(2000);
  });

  it('gives the share of a core since it was last asked', () => {
    processIs(10, 1, { 10: 0 });
    const watch = new Watch([10], () => nowMs, root);
    nowMs += 500;
    processIs(10, 1, { 10: 250_000_000 });
    expect(watch.percentSinceLast(nowMs)).toBe(50);
    nowMs += 1000;
    expect(watch.percentSinceLast(nowMs)).toBe(0);
  });

  it('divides by no call without harm', () => {
    processIs(10, 1, { 10: 0 });
    const watch = new Watch([10], () => nowMs, root);
    const reading = watch.read();
    expect(watch.report(reading, reading, reading, 0)[0]).toMatchObject({ cpuUsPerCall: 0, cpuPercent: 0 });
  });

  it('refuses what it cannot watch, in one line', () => {
    processIs(10, 1, {});
    expect(() => new Watch([77], () => nowMs, root)).toThrow('--watch-pid 77: there is no such process');
    expect(() => new Watch([10], () => nowMs, root)).toThrow(/^--watch-pid 10: cannot read .*schedstat/);
    rmSync(join(root, 'self'), { recursive: true });
    expect(() => new Watch([10], () => nowMs, root)).toThrow('--watch-pid needs /proc, which this system does not have (Linux only)');
  });

  it.runIf(process.platform === 'linux')('reads this very process', () => {
    const watch = new Watch([process.pid], () => nowMs);
    const from = watch.read();
    // Work that is not optimized away.
    let sum = 0;
    for (let i = 0; i < 2e7; i++) sum = (sum + i) | 0;
    const to = watch.read();
    expect(sum).not.toBe(0.5);
    const [report] = watch.report(from, to, to, 1);
    expect(report!.cpuUs).toBeGreaterThan(0);
    expect(report!.peakRssBytes).toBeGreaterThan(10_000_000);
  });
});

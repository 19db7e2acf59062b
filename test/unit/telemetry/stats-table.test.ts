/** Snapshots and the table that people see of them. */
import { describe, expect, it } from 'vitest';
import { allocateBlocks, mainBlock, shardBlock, shardBlocks } from '../../../src/telemetry/blocks.js';
import {
  COUNTERS, C_DATAGRAMS_IN, C_DROP_NOT_SIP, C_LONGEST_PAUSE, C_REPLY_1XX, C_REQUESTS_IN, C_RETRANSMISSIONS_IN, C_SCRIPT_RUNS, C_SERVER_TX, C_SERVER_TX_ALIVE,
} from '../../../src/telemetry/counters.js';
import { takeSnapshot, type RingLevels, type StatsSnapshot } from '../../../src/telemetry/snapshot.js';
import { statsTable } from '../../../src/telemetry/stats-table.js';

interface Setting {
  readonly uptimeMs?: number;
  readonly shards?: number;
  readonly rings?: readonly RingLevels[];
  readonly factor?: number;
}

function snapshot({ uptimeMs = 83_000, shards = 2, rings, factor = 1 }: Setting = {}): StatsSnapshot {
  const memory = allocateBlocks(shards);
  const main = mainBlock(memory);
  main[C_DATAGRAMS_IN] = 12_345 * factor;
  main[C_DROP_NOT_SIP] = 2;
  for (let shard = 0; shard < shards; shard++) {
    const block = shardBlock(memory, shard);
    block[C_REQUESTS_IN] = (6000 + shard) * factor;
    block[C_SERVER_TX] = 4000 * factor;
    block[C_SERVER_TX_ALIVE] = 17;
    block[C_SCRIPT_RUNS] = 4000 * factor;
    block[C_REPLY_1XX] = 2000 * factor;
    block[C_RETRANSMISSIONS_IN] = shard;
  }
  return takeSnapshot({
    nowMs: Date.UTC(2026, 0, 2, 3, 4, 5), uptimeMs, node: 3, pid: 4711, version: '1.2.3', main, shards: shardBlocks(memory), ...(rings === undefined ? {} : { rings }),
  });
}

describe('a snapshot', () => {
  it('names every counter of every thread and sums them', () => {
    const { threads, totals, time } = snapshot();
    expect(time).toBe('2026-01-02T03:04:05.000Z');
    expect(threads.map(({ thread }) => thread)).toEqual(['main', 'shard 0', 'shard 1']);
    for (const { counters } of threads) expect(Object.keys(counters)).toEqual(COUNTERS.map(({ name }) => name));
    expect(totals).toMatchObject({ requestsIn: 12_001, datagramsIn: 12_345, serverTransactionsAlive: 34, dropNotSip: 2, timeouts: 0 });
  });

  it('has the largest peak of all threads', () => {
    const memory = allocateBlocks(2);
    shardBlock(memory, 0)[C_LONGEST_PAUSE] = 3.25;
    shardBlock(memory, 1)[C_LONGEST_PAUSE] = 1.5;
    const now = takeSnapshot({ nowMs: 0, uptimeMs: 0, node: 0, pid: 1, version: '0', main: mainBlock(memory), shards: shardBlocks(memory) });
    expect(now.totals['longestPauseMs']).toBe(3.25);
    expect(statsTable(now, { previous: { ...now, uptimeMs: -1000 } })).toMatch(/longestPauseMs +· +3\.3 +1\.5 +3\.3$/m);
  });

  it('is a copy', () => {
    const memory = allocateBlocks(1);
    const source = { nowMs: 0, uptimeMs: 0, node: 0, pid: 1, version: '0', main: mainBlock(memory), shards: shardBlocks(memory) };
    const before = takeSnapshot(source);
    mainBlock(memory)[C_REQUESTS_IN] = 1;
    expect(before.totals['requestsIn']).toBe(0);
  });
});

describe('the table', () => {
  it('says that there are no shards, and has one column then', () => {
    const table = statsTable(snapshot({ shards: 0 }));
    expect(table).toMatch(/^Viaduct 1\.2\.3, process 4711, node 3, inline \(no shards\), up /);
    expect(table.split('\n')[1]).toMatch(/^ +total$/);
  });

  it('has a column a thread and hides groups and drops without anything in them', () => {
    expect(statsTable(snapshot())).toMatchInlineSnapshot(`
      "Viaduct 1.2.3, process 4711, node 3, up 1 min 23 s, at 2026-01-02T03:04:05.000Z
                                     main  shard 0  shard 1   total
      Traffic
        requestsIn                      ·    6,000    6,001  12,001
        responsesIn                     ·        ·        ·       ·
        requestsOut                     ·        ·        ·       ·
        responsesOut                    ·        ·        ·       ·
        keepalivesIn                    ·        ·        ·       ·
        datagramsIn                12,345        ·        ·  12,345
        datagramsOut                    ·        ·        ·       ·
      Transactions
        serverTransactions              ·    4,000    4,000   8,000
        clientTransactions              ·        ·        ·       ·
        serverTransactionsAlive         ·       17       17      34
        clientTransactionsAlive         ·        ·        ·       ·
        retransmissionsIn               ·        ·        1       1
        responseRetransmissionsIn       ·        ·        ·       ·
        retransmissionsOut              ·        ·        ·       ·
        timeouts                        ·        ·        ·       ·
        ackTimeouts                     ·        ·        ·       ·
        cancelsMatched                  ·        ·        ·       ·
        cancelsUnmatched                ·        ·        ·       ·
        cancelsHeld                     ·        ·        ·       ·
        cancelsHeldMatched              ·        ·        ·       ·
        cancelsHeldNow                  ·        ·        ·       ·
        cancelsNotHeld                  ·        ·        ·       ·
        cancelsOut                      ·        ·        ·       ·
        acksUnmatched                   ·        ·        ·       ·
        acksDropped                     ·        ·        ·       ·
        offersOut                       ·        ·        ·       ·
        offersMatched                   ·        ·        ·       ·
        statelessResponses              ·        ·        ·       ·
      Script
        scriptRuns                      ·    4,000    4,000   8,000
      Answers of our own
        replies1xx                      ·    2,000    2,000   4,000
      Drops
        dropNotSip                      2        ·        ·       2
      "
    `);
  });

  it('shows rates since an earlier snapshot, but none of gauges', () => {
    const table = statsTable(snapshot({ uptimeMs: 85_000, factor: 2 }), { previous: snapshot({ uptimeMs: 83_000 }) });
    expect(row(table, 'requestsIn')).toEqual(['requestsIn', '·', '12,000', '12,002', '24,002', '6,001']);
    expect(row(table, 'retransmissionsIn').at(-1)).toBe('·');
    expect(row(table, 'serverTransactionsAlive')).toEqual(['serverTransactionsAlive', '·', '17', '17', '34']);
  });

  it('shows no negative rate after the instance was started again', () => {
    const table = statsTable(snapshot({ uptimeMs: 85_000 }), { previous: snapshot({ uptimeMs: 83_000, factor: 2 }) });
    expect(row(table, 'requestsIn').at(-1)).toBe('·');
    expect(statsTable(snapshot({ uptimeMs: 1000 }), { previous: snapshot() })).not.toContain('per second');
  });

  it('shows every counter when all are asked for', () => {
    const table = statsTable(snapshot(), { all: true });
    for (const { name } of COUNTERS) expect(table).toContain(`  ${name} `);
  });

  it('shows the total alone when the threads do not fit the terminal', () => {
    const table = statsTable(snapshot({ shards: 8 }), { columns: 80 });
    expect(Math.max(...table.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(row(table, 'serverTransactions')).toEqual(['serverTransactions', '32,000']);
    expect(row(statsTable(snapshot({ shards: 8 }), { columns: 200 }), 'serverTransactions')).toHaveLength(11);
  });

  it('shows how full the rings are', () => {
    const level = { inBytes: 1024, outBytes: 0, ringBytes: 4096 };
    const table = statsTable(snapshot({ rings: [level, { ...level, inBytes: 4096 }] }));
    expect(table).toMatch(/in, full to +25 % +100 %\n/);
    expect(table).toMatch(/out, full to +0 % +0 %\n/);
  });
});

/** Cells of the row of a counter. */
function row(table: string, name: string): string[] {
  const line = table.split('\n').find((text) => text.trim().startsWith(`${name} `));
  return line?.trim().split(/\s+/) ?? [];
}

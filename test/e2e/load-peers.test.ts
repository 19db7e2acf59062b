/**
 * The load generator against SIPp, which knows nothing of it: our caller with SIPp's callee, SIPp's caller with our callee.
 * Both ends count the same, and no call fails.
 */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { LoadResult } from '../../src/load/report/result.js';
import { hostPort } from './free-port.js';
import { startLoad } from './load-process.js';
import { ProcessGroup } from './process-group.js';
import { peersAvailable } from './require-peers.js';
import { startUac, startUas, type SippResult } from './sipp.js';

const CALLS = 5000;
const CALLS_PER_SECOND = 2000;
/** A machine that stands still for a moment is no reason to send anything again: SIPp has trouble with copies. */
const T1 = '2s';
/** Calls of the run in which all are to fail. */
const FEW_CALLS = 100;

// Two processes a run.
vi.setConfig({ maxConcurrency: 2 });

interface Scenario {
  readonly name: string;
  readonly caller: string;
  readonly callee: string;
  /** Requests to the callee, per call. */
  readonly requests: Readonly<Record<string, number>>;
  /** Flags of our caller beside the common ones. */
  readonly flags: readonly string[];
}

const SCENARIOS: readonly Scenario[] = [
  { name: 'call', caller: 'load-uac', callee: 'load-call-uas', requests: { INVITE: 1, ACK: 1, BYE: 1 }, flags: ['--hold', '100ms'] },
  { name: 'cancel', caller: 'load-cancel-uac', callee: 'load-cancel-uas', requests: { INVITE: 1, CANCEL: 1, ACK: 1 }, flags: ['--cancel-after', '20ms-100ms'] },
  // The refresh comes with credentials for the nonce of before, and is not challenged.
  { name: 'register', caller: 'load-register-uac', callee: 'load-register-uas', requests: { REGISTER: 3 }, flags: ['--hold', '100ms'] },
];

/** What stands in an error message when a run went wrong. */
function report(result: LoadResult, sipp: SippResult): string {
  return `${JSON.stringify({ totals: result.totals, failures: result.failures, reasons: result.reasons }, null, 1)}\n${sipp.report()}`;
}

describe.skipIf(!peersAvailable('load generator and SIPp')).concurrent('the load generator and SIPp', () => {
  let group: ProcessGroup;
  beforeAll(() => {
    group = new ProcessGroup('load-peers');
  });
  afterAll(() => group.dispose());

  test.each(SCENARIOS)('count the same: our caller, SIPp’s callee ($name)', async ({ name, callee, requests, flags }) => {
    const sipp = await startUas(group, { scenario: callee, calls: CALLS, messageLog: false, timeoutSeconds: 60 });
    const load = startLoad(
      group, '--role', 'uac', '--target', hostPort(sipp.address), '--scenario', name, '--calls', String(CALLS), '--rate', String(CALLS_PER_SECOND), '--t1', T1, ...flags,
    );
    const { code, output, result } = await load.end;
    const peer = await sipp.result;
    const told = report(result, peer);
    const { totals } = result;
    expect([totals['started'], totals['succeeded'], totals['failed'], totals['unexpectedMessages'], totals['unreadableMessages']], told).toEqual([CALLS, CALLS, 0, 0, 0]);
    expect([peer.exitCode, peer.created, peer.successful, peer.failed, peer.outOfCall], told).toEqual([0, CALLS, CALLS, 0, 0]);
    // Copies come when the machine stands still; without any, each message was received once.
    const copies = totals['retransmissionsSent']! + totals['retransmissionsSeen']! + peer.retransmissions;
    for (const [method, perCall] of Object.entries(requests)) {
      const received = peer.count(method, 'Recv');
      if (copies === 0) expect(received, `${method}: ${told}`).toBe(perCall * CALLS);
      // What SIPp had no room for was sent again, but for an ACK: the BYE behind it says as much.
      else if (method !== 'ACK') expect(received, `${method}: ${told}`).toBeGreaterThanOrEqual(perCall * CALLS);
    }
    // On a busy machine calls begin late, which makes a result invalid and is not what this is about.
    expect(code, output).toBe(result.valid ? 0 : 1);
  });

  test('agree on wrong passwords: SIPp’s registrar refuses them', async () => {
    const sipp = await startUas(group, { scenario: 'load-register-uas', calls: FEW_CALLS, messageLog: false, timeoutSeconds: 60 });
    const load = startLoad(
      group, '--role', 'uac', '--target', hostPort(sipp.address), '--scenario', 'register', '--calls', String(FEW_CALLS), '--rate', String(FEW_CALLS), '--password', 'other',
    );
    const [{ code, result }, peer] = await Promise.all([load.end, sipp.result]);
    const told = report(result, peer);
    expect([result.totals['succeeded'], result.totals['failed'], result.failures['unexpectedStatus'], code], told).toEqual([0, FEW_CALLS, FEW_CALLS, 1]);
    expect(peer.count('403', 'Sent'), told).toBe(FEW_CALLS);
  });

  test.each(SCENARIOS)('count the same: SIPp’s caller, our callee ($name)', async ({ name, caller }) => {
    const load = startLoad(group, '--role', 'uas', '--listen', '127.0.0.1:0', '--scenario', name, '--calls', String(CALLS), '--ring', '20ms', '--t1', T1);
    const callee = await load.callee();
    const sipp = await startUac(group, callee, {
      scenario: caller, calls: CALLS, rate: CALLS_PER_SECOND, user: 'user3', keys: { target: hostPort(callee) }, messageLog: false, timeoutSeconds: 60,
    });
    const [peer, { code, output, result }] = await Promise.all([sipp.result, load.end]);
    const told = report(result, peer);
    const { totals } = result;
    expect([totals['answered'], totals['failed'], totals['inFlightUas'], totals['unexpectedMessages'], totals['unreadableMessages']], told).toEqual([CALLS, 0, 0, 0, 0]);
    expect([peer.exitCode, peer.created, peer.successful, peer.failed, peer.outOfCall], told).toEqual([0, CALLS, CALLS, 0, 0]);
    // On a busy machine calls begin late, which makes a result invalid and is not what this is about.
    expect(code, output).toBe(result.valid ? 0 : 1);
  });
});

/**
 * Decides whether the end-to-end tests can run: they need SIPp as a peer. A machine without it skips them and says so;
 * with VIADUCT_REQUIRE_PEERS=1 (continuous integration) a missing peer is a failure instead.
 */
import { spawnSync } from 'node:child_process';

let found: string | undefined;
let looked = false;

/** The SIPp command (`VIADUCT_SIPP`, else `sipp` on the PATH), or undefined when it cannot be run. */
export function findSipp(): string | undefined {
  if (!looked) {
    looked = true;
    const command = process.env['VIADUCT_SIPP'] ?? 'sipp';
    // SIPp leaves with 99 after `-v`: that it started at all is what counts.
    const result = spawnSync(command, ['-v'], { timeout: 10_000, encoding: 'utf8' });
    if (result.error === undefined && result.stdout.includes('SIPp')) found = command;
  }
  return found;
}

/**
 * True when SIPp is there. Without it: prints why the tests named `suite` are skipped and returns false, or throws when
 * VIADUCT_REQUIRE_PEERS=1. Meant for `describe.skipIf(!peersAvailable('…'))`.
 */
export function peersAvailable(suite: string): boolean {
  if (findSipp() !== undefined) return true;
  const text = `${suite}: SIPp not found (Debian package sip-tester, or VIADUCT_SIPP=/path/to/sipp)`;
  if (process.env['VIADUCT_REQUIRE_PEERS'] === '1') throw new Error(`${text}, and VIADUCT_REQUIRE_PEERS=1`);
  console.warn(`${text}: skipped`);
  return false;
}

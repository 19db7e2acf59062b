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

/** The Chromium command (`VIADUCT_CHROMIUM`, else `chromium` on the PATH), or undefined when it cannot be run. */
export function findChromium(): string | undefined {
  const command = process.env['VIADUCT_CHROMIUM'] ?? 'chromium';
  const result = spawnSync(command, ['--version'], { timeout: 10_000, encoding: 'utf8' });
  return result.error === undefined && result.stdout.includes('Chrom') ? command : undefined;
}

/** As `peersAvailable`, for tests that open a page in Chromium: its command, or undefined when they are skipped. */
export function requireChromium(suite: string): string | undefined {
  const command = findChromium();
  if (command !== undefined) return command;
  const text = `${suite}: Chromium not found (Debian package chromium, or VIADUCT_CHROMIUM=/path/to/chromium)`;
  if (process.env['VIADUCT_REQUIRE_PEERS'] === '1') throw new Error(`${text}, and VIADUCT_REQUIRE_PEERS=1`);
  console.warn(`${text}: skipped`);
  return undefined;
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

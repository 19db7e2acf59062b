/**
 * The mutation check as far as it is quick: every fault that the simulation is to see breaks one of its rules, and every
 * fault still fits the source. `npm run mutate` also runs the tests that the other faults name.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type Fault, StaleFault, applyFault, editsOf } from './fault.js';
import { FAULTS } from './faults.js';
import { baseline, proveAll } from './prove.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

describe('the faults', () => {
  it('have names of their own, a case, and tests that exist', () => {
    expect(new Set(FAULTS.map(({ name }) => name)).size).toBe(FAULTS.length);
    expect(FAULTS.length).toBeGreaterThanOrEqual(40);
    for (const fault of FAULTS) expect(fault.case).not.toBe('');
  });

  it.each(FAULTS.map((fault) => [fault.name, fault] as const))('fit the source: %s', (_name, fault) => {
    for (const file of editsOf(fault).keys()) {
      const source = readFileSync(`${ROOT}${file}`, 'utf8');
      expect(applyFault(fault, file, source)).not.toBe(source);
    }
  });

  it('are called stale when their text is gone, or stands twice', () => {
    const fault: Fault = { name: 'x', case: '1', file: 'a.ts', find: 'one', replace: 'two' };
    expect(applyFault(fault, 'a.ts', 'has one')).toBe('has two');
    expect(() => applyFault(fault, 'a.ts', 'nothing')).toThrow(StaleFault);
    expect(() => applyFault(fault, 'a.ts', 'nothing')).toThrow('fault "x" no longer matches its source: a.ts does not contain "one"');
    expect(() => applyFault(fault, 'a.ts', 'one and one')).toThrow('a.ts contains "one" more than once');
  });
});

it('every fault that the simulation is to see breaks a rule, and no fault breaks none', async () => {
  const options = { root: ROOT, jobs: 2, runsTests: false };
  expect(await baseline(FAULTS, options)).toBeUndefined();
  const seen = FAULTS.filter(({ tests }) => tests === undefined);
  const verdicts = await proveAll(seen, options);
  const wrong = verdicts.filter(({ caughtBy }) => caughtBy === undefined).map(({ fault, stale }) => stale ?? `survived: ${fault.name}`);
  expect(wrong).toEqual([]);
  expect(verdicts.length).toBeGreaterThanOrEqual(20);
}, 120_000);

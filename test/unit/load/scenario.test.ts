import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUILT_IN_SCENARIOS } from '../../../src/load/scenario/built-in.js';
import { loadScenario, loadScenarios } from '../../../src/load/scenario/load.js';
import { scenarioProblem } from '../../../src/load/scenario/validate.js';
import { UaStage } from './ua-stage.js';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'viaduct-scenario-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function problemOf(text: string): Promise<string> {
  const file = join(dir, `s${Math.random().toString(36).slice(2)}.ts`);
  await writeFile(file, text);
  const error: unknown = await loadScenario(file).catch((caught: unknown) => caught);
  if (!(error instanceof Error)) throw new Error('it was loaded');
  return error.message.replace(file, 'FILE');
}

const caller = "caller: [{ send: 'OPTIONS' }]";
const exported = (text: string): string => `export default { name: 'x', summary: 'y', ${text} };`;

describe('scenarios', () => {
  it('that are built in are right', () => {
    for (const scenario of BUILT_IN_SCENARIOS) expect(scenarioProblem(scenario)).toBeUndefined();

  });

  it('are known by name, and a mix is its parts by weight', async () => {
    expect((await loadScenario('busy')).name).toBe('busy');
    const mix = await loadScenarios([{ scenario: 'mix', weight: 50 }, { scenario: 'call', weight: 50 }]);
    expect(mix.reduce((sum, { weight }) => sum + weight, 0)).toBe(100);
    await expect(loadScenario('cal')).rejects.toThrow(/^cal: there is no such scenario; the names are call, /);
  });

  it.each(['short-call', 'large-messages'])('of the examples go through: %s', async (name) => {
    const scenario = await loadScenario(fileURLToPath(new URL(`../../../examples/load/${name}.ts`, import.meta.url)));
    const stage = new UaStage({ scenario, ring: { kind: 'fixed', ms: 20 }, hold: { kind: 'fixed', ms: 30 } });
    stage.start(2);
    stage.pass(500);
    expect(stage.counter('succeeded')).toBe(2);
    expect(stage.counter('answered')).toBe(2);
    expect(stage.counter('unexpectedMessages')).toBe(0);
    stage.expectClean();
  });
});

describe('a mistake in a scenario file is one line with its place', () => {
  it.each([
    ['const a = ;', /^FILE:1:11: /],
    ['export const a = 1;', /^FILE: no default export: a scenario file ends in `export default defineScenario/],
    ['\nexport default 1;', /^FILE:2:1: the default export must be defineScenario\(\{ … \}\), but it is a number$/],
    ["throw new Error('no');\nexport default {};", /^FILE:1:7: the script failed while it was loaded: Error: no$/],
    [exported("caller: [{ send: 'ACK' }]"), /caller step 1: ACK is no step/],
    [exported("caller: [{ send: 'CANCEL' }]"), /caller step 1: CANCEL is no step of its own: give the INVITE a cancelAfter/],
    [exported("caller: [{ send: 'OPTIONS', expects: 200 }]"), /caller step 1: unknown property "expects"/],
    [exported("caller: [{ send: 'OPTIONS' }, { pause: '2 weeks' }]"), /caller step 2: "pause" is "2 weeks"; it must be ring, hold, cancel, /],
    [exported("caller: [{ send: 'OPTIONS', headers: ['Via: x'] }]"), /the header "Via: x" is the generator’s own to write/],
    [exported(`${caller}, callee: [{ receive: 'INVITE' }, { reply: 180 }]`), /callee: the INVITE gets no final answer/],
    [exported(`${caller}, callee: [{ reply: 200 }]`), /callee step 1: a callee begins with a receive/],
    [exported(`${caller}, callee: [{ receive: 'MESSAGE' }, { pause: '1s' }, { reply: 200 }]`), /callee step 2: outside of a dialog a MESSAGE is answered at once/],
    [exported(`${caller}, callee: [{ receive: 'INVITE' }, { reply: 200, headers: ['X: {user}'] }]`), /callee step 2: a callee does not know the words in braces/],
    [exported("caller: [{ send: 'INVITE', mustRing: 1 }]"), /caller step 1: "mustRing" must be true or false, but it is 1$/],
    [exported("caller: [{ send: 'OPTIONS', mustRing: true }]"), /caller step 1: only an INVITE rings$/],
    [exported("caller: [{ pause: '1s' }]"), /caller step 1: a caller begins with a send/],
    [exported('caller: []'), /"caller" must have 1 to 64 steps, it has 0/],
  ])('%s', async (text, message) => {
    const problem = await problemOf(text);
    expect(problem).toMatch(message);
    expect(problem).not.toContain('\n');
  });

  it('also when there is no file', async () => {
    await expect(loadScenario(join(dir, 'none.ts'))).rejects.toThrow(/none\.ts: cannot read the scenario file: no such file$/);
  });
});

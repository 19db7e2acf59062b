/** The lint rule that keeps the core sans-I/O: each forbidden thing is found, and the message names what to do instead. */
import { fileURLToPath } from 'node:url';
import { ESLint } from 'eslint';
import tseslint from 'typescript-eslint';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** The repository's own configuration; only the type information is left out, which these rules do not need. */
const eslint = new ESLint({
  cwd: ROOT,
  overrideConfig: [tseslint.configs.disableTypeChecked, { languageOptions: { parserOptions: { projectService: false } } }],
});

async function findings(code: string, file: string): Promise<string[]> {
  const [result] = await eslint.lintText(code, { filePath: `${ROOT}${file}` });
  if (result === undefined) throw new Error(`the lint run skipped ${file}`);
  const fatal = result.messages.find((message) => message.fatal);
  if (fatal !== undefined) throw new Error(fatal.message);
  return result.messages.filter((message) => message.ruleId?.startsWith('no-restricted')).map((message) => message.message);
}

const FORBIDDEN: readonly (readonly [what: string, code: string, replacement: RegExp])[] = [
  ['new Date()', 'export const x = new Date();', /advance\(nowMs\)/],
  ['Date.now()', 'export const x = Date.now();', /advance\(nowMs\)/],
  ['globalThis.Date', 'export const x = globalThis.Date.now();', /advance\(nowMs\)/],
  ['performance', 'export const x = performance.now();', /advance\(nowMs\)/],
  ['setTimeout', 'setTimeout(() => {}, 1);', /timer wheel/],
  ['setInterval', 'setInterval(() => {}, 1);', /timer wheel/],
  ['clearTimeout', 'clearTimeout(0);', /timer wheel/],
  ['setImmediate', 'setImmediate(() => {});', /outbox/],
  ['queueMicrotask', 'queueMicrotask(() => {});', /outbox/],
  ['AbortSignal.timeout', 'export const x = AbortSignal.timeout(1);', /timer wheel/],
  ['Math.random', 'export const x = Math.random();', /keyed hash/],
  ['Math.random taken apart', 'export const { random } = Math;', /keyed hash/],
  ['crypto', 'export const x = crypto.randomUUID();', /keyed hash/],
  ['process', 'export const x = process.pid;', /EngineOptions/],
  ['Buffer', 'export const x = Buffer.alloc(1);', /Uint8Array/],
  ['console', "console.log('');", /EngineLog/],
  ['fetch', "void fetch('http://127.0.0.1/');", /Outbox/],
  ['a module of Node', "import 'node:fs';", /ports/],
  ['a module of Node without its prefix', "import 'fs';", /ports/],
  ['a type of a module of Node', "import type { Socket } from 'node:dgram'; export type X = Socket;", /ports/],
  ['a package', "import { pino } from 'pino'; export const x = pino;", /ports/],
  ['a re-export of a package', "export { pino } from 'pino';", /ports/],
  ['an own module that does I/O', "import '../net/endpoint.js';", /ports/],
  ['the loader of scripts', "import '../script/load.js';", /ports/],
  ['an import at run time', "export const x = await import('node:fs');", /at the top/],
];

const PURE = ['src/sip/x.ts', 'src/transaction/x.ts', 'src/timer/x.ts', 'src/proxy/deep/x.ts', 'src/sim/x.ts', 'src/script/x.ts', 'src/auth/x.ts', 'src/location/x.ts', 'src/telemetry/counters.ts', 'src/main/shard-router.ts'];
const IMPURE = ['src/shard/x.ts', 'src/auth-node/x.ts', 'src/net/x.ts', 'src/telemetry/x.ts', 'src/main/x.ts', 'src/script/load.ts', 'src/script/check.ts', 'test/unit/x.test.ts'];

describe('the purity rule', () => {
  it.each(FORBIDDEN)('forbids %s in the core and names the replacement', async (_what, code, replacement) => {
    const found = await findings(code, 'src/sip/x.ts');
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(replacement);
  });

  it.each(PURE)('holds in %s', async (file) => {
    expect(await findings('export const x = Date.now();', file)).toHaveLength(1);
  });

  it.each(IMPURE)('does not hold in %s', async (file) => {
    expect(await findings("import 'node:fs'; export const x = Date.now();", file)).toEqual([]);
  });

  it('lets the core use its own modules and the plain language', async () => {
    const code = "import { C_TIMEOUTS } from '../telemetry/counters.js';\nimport '../main/shard-router.js';\nexport const x = [C_TIMEOUTS, Math.floor(1), new TextDecoder()];";
    expect(await findings(code, 'src/proxy/x.ts')).toEqual([]);
  });
});

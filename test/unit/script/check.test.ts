/** `checkScript`: the scripts that come with Viaduct are good, and what is wrong with others is found in its place. */
import { mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkScript } from '../../../src/script/check.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const OURS: string[] = [];
for (const folder of ['config', 'examples']) {
  for (const name of await readdir(join(ROOT, folder))) if (name.endsWith('.ts')) OURS.push(`${folder}/${name}`);
}

let dir = '';
beforeAll(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), 'viaduct-check-test-')));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

let files = 0;
async function problems(text: string, extension = 'ts'): Promise<string[]> {
  const file = join(dir, `routes-${++files}.${extension}`);
  await writeFile(file, text);
  const found = await checkScript(file);
  return found.map((problem) => {
    expect(problem.file).toBe(file);
    return `${problem.line}:${problem.column} ${problem.code} ${problem.message}`;
  });
}

describe('checkScript', { timeout: 120_000 }, () => {
  it.each(OURS)('finds nothing in %s', async (name) => {
    expect(await checkScript(join(ROOT, name))).toEqual([]);
  });

  it('knows the types of the API in a folder outside of any project', async () => {
    const found = await problems(`import { defineRoutes } from 'viaduct';
export default defineRoutes({
  request(req) {
    req.realy();
    const status: number = req.method;
    req.reply(status, 5);
  },
});
`);
    expect(found).toEqual([
      expect.stringMatching(/^4:9 TS2551 .*Did you mean 'relay'/),
      expect.stringMatching(/^5:11 TS2322 Type 'string' is not assignable to type 'number'/),
      expect.stringMatching(/^6:23 TS2345 /),
    ]);
  });

  it('is strict, and knows what Node has', async () => {
    const found = await problems(`import { readFileSync } from 'node:fs';
import { defineRoutes } from 'viaduct';
const size = readFileSync(new URL('./x', import.meta.url)).length;
function name(user) { return user.length + size; }
export default defineRoutes({ request(req) { name(req.uri.user); setTimeout(() => {}, 1); req.uri.user.length; } });
`.replace('const size = readFileSync', 'const size = () => readFileSync'));
    expect(found).toEqual([
      expect.stringMatching(/^4:15 TS7006 /),
      expect.stringMatching(/^5:91 TS(18048|2532) /),
    ]);
  });

  it('lists what keeps the script from loading, each thing once', async () => {
    const found = await problems(`import x from './missing';
import { defineRoutes } from 'viaduct';
export default defineRoutes({ request(req) { req.state.x = x; req.realy(); } });
`);
    expect(found).toEqual([
      expect.stringMatching(/^1:15 VD_SCRIPT_LOAD cannot find ".\/missing"/),
      expect.stringMatching(/^3:67 TS2551 /),
    ]);
    expect(await problems('export const a: number = 1;')).toEqual([expect.stringMatching(/^0:0 VD_SCRIPT_LOAD no default export/)]);
    expect(await problems('export default { request() {}, failur() {} };')).toEqual([expect.stringMatching(/^1:32 VD_SCRIPT_LOAD unknown handler/)]);
  });

  it('reports a top level that throws, waits for ever, or ends the process', async () => {
    const rest = '\nexport default { request() {} };\n';
    expect(await problems(`throw new Error('no');${rest}`)).toEqual([expect.stringMatching(/^1:7 VD_SCRIPT_LOAD .*Error: no/)]);
    expect(await problems(`await new Promise(() => {});${rest}`)).toEqual([expect.stringMatching(/^0:0 VD_SCRIPT_LOAD .*never finishes/)]);
    expect(await problems(`process.exit(3);${rest}`)).toEqual([expect.stringMatching(/^0:0 VD_SCRIPT_LOAD .*exit code 3/)]);
  });

  it('ends what the top level of a good script has started', async () => {
    expect(await problems('setInterval(() => {}, 1000);\nexport default { request() {} };\n')).toEqual([]);
  });

  it('takes JavaScript as it is', async () => {
    expect(await problems("import { defineRoutes } from 'viaduct';\nexport default defineRoutes({ request(req) { helper(req); } });\nfunction helper(req) { req.relay(); }\n", 'js')).toEqual([]);
  });

  it('says so when there is no such file', async () => {
    expect(await checkScript(join(dir, 'nowhere.ts'))).toMatchObject([{ line: 0, code: 'VD_SCRIPT_LOAD' }]);
  });
});

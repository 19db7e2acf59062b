/** Loading routing scripts: from a file that somebody wrote to handlers, or to an error that says where and what. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RouteRequest } from '../../../src/script/api.js';
import { compileScript, instantiateScript, routeSource, ScriptLoadError } from '../../../src/script/load.js';

let dir = '';
beforeEach(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), 'viaduct-load-test-')));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function write(name: string, text: string): Promise<string> {
  const file = join(dir, name);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  return file;
}

/** Loads a script and returns what its request handler left in `req.state.out`. */
async function run(file: string): Promise<unknown> {
  const routes = await instantiateScript(await compileScript(file));
  const state: Record<string, unknown> = {};
  await routes.request({ method: 'INVITE', state } as Partial<RouteRequest> as RouteRequest);
  return state.out;
}

async function loadError(file: string): Promise<ScriptLoadError> {
  try {
    await run(file);
  } catch (error) {
    if (error instanceof ScriptLoadError) return error;
    throw error;
  }
  throw new Error('the script loaded');
}

const script = (body: string) => `import { defineRoutes } from 'viaduct';\nexport default defineRoutes({ request(req) { ${body} } });\n`;

describe('a script that loads', () => {
  it('imports viaduct from this installation, wherever the script lies', async () => {
    const file = await write('routes.ts', `import { defineRoutes, ScriptError } from 'viaduct';\nexport default defineRoutes({ request(req) { req.state.out = new ScriptError('A', 'b').code; } });`);
    expect(await run(file)).toBe('A');
  });

  it('may be JavaScript, as a module or as CommonJS', async () => {
    expect(await run(await write('a.mjs', script('req.state.out = 1;')))).toBe(1);
    const common = `const { defineRoutes } = require('viaduct');\nconst os = require('os');\nmodule.exports = defineRoutes({ request(req) { req.state.out = typeof os.EOL; } });`;
    expect(await run(await write('b.cjs', common))).toBe('string');
  });

  it('imports its own TypeScript by any spelling of the name, JSON, and modules of Node', async () => {
    await write('lib/one.ts', 'export const one: number = 1;');
    await write('lib/two.ts', 'export const two: number = 2;');
    await write('lib/three/index.ts', 'export const three: number = 3;');
    await write('lib/four.json', '{ "four": 4 }');
    const head = "import { one } from './lib/one';\nimport { two } from './lib/two.js';\nimport { three } from './lib/three/index.ts';\nimport table from './lib/four.json';\nimport { sep } from 'node:path';\n";
    const file = await write('routes.ts', head + script('req.state.out = [one, two, three, table.four, sep.length];'));
    expect(await run(file)).toEqual([1, 2, 3, 4, 1]);
    const compiled = await compileScript(file);
    expect([...compiled.inputs].sort()).toEqual(['lib/four.json', 'lib/one.ts', 'lib/three/index.ts', 'lib/two.ts', 'routes.ts'].map((name) => join(dir, name)));
  });

  it('loads packages from its own folder by the rules of Node', async () => {
    await write('node_modules/common/package.json', '{ "name": "common", "version": "1.2.3", "main": "./index.js", "module": "./never.js" }');
    await write('node_modules/common/index.js', "exports.here = __dirname; exports.load = (name) => require('node:' + name);");
    await write('node_modules/modern/package.json', '{ "name": "modern", "type": "module", "exports": { "import": "./index.js" } }');
    await write('node_modules/modern/index.js', 'export const here = import.meta.url;');
    const head = "import { here, load } from 'common';\nimport { here as modern } from 'modern';\nimport meta from 'common/package.json';\n";
    const file = await write('routes/routes.ts', head + script("req.state.out = [here, modern, meta.version, typeof load('fs').readFileSync];"));
    expect(await run(file)).toEqual([join(dir, 'node_modules/common'), new URL(`file://${dir}/node_modules/modern/index.js`).href, '1.2.3', 'function']);
  });

  it('finds files beside itself, in each of its own files', async () => {
    await write('lib/place.ts', 'export const place = import.meta.dirname;');
    const file = await write('routes.ts', "import { place } from './lib/place';\n" + script('req.state.out = [import.meta.url, __dirname, place];'));
    expect(await run(file)).toEqual([`file://${file}`, dir, join(dir, 'lib')]);
  });

  it('is new code when it is loaded again after a change', async () => {
    const file = await write('routes.ts', script("req.state.out = 'old';"));
    expect(await run(file)).toBe('old');
    await write('routes.ts', script("req.state.out = 'new';"));
    expect(await run(file)).toBe('new');
  });

  it('is not changed by a tsconfig.json above it', async () => {
    await write('tsconfig.json', '{ "extends": "./no-such-file.json", "compilerOptions": { "paths": { "viaduct": ["./nowhere.ts"] } } }');
    expect(await run(await write('routes.ts', script('req.state.out = 1;')))).toBe(1);
  });
});

describe('an error thrown by a script', () => {
  it('is traced to the line of the script as it was written', async () => {
    await write('lib/fail.ts', 'interface Unused {\n  a: number;\n}\n\nexport function fail(method: string): never {\n  throw new Error(method);\n}\n');
    const file = await write('routes.ts', "import { fail } from './lib/fail';\n" + script('fail(req.method);'));
    const routes = await instantiateScript(await compileScript(file));
    let thrown: unknown;
    try {
      await routes.request({ method: 'BYE' } as RouteRequest);
    } catch (error) {
      thrown = error;
    }
    expect(routeSource(thrown)).toEqual({ file: join(dir, 'lib/fail.ts'), line: 6, column: 9 });
  });

  it('has no place when no line of a script is in its stack', () => {
    expect(routeSource(new Error('elsewhere'))).toBeUndefined();
    expect(routeSource('a string')).toBeUndefined();
    expect(routeSource(undefined)).toBeUndefined();
  });
});

describe('a script that does not load', () => {
  it('because it is not there, is a folder, or is no script', async () => {
    expect((await loadError(join(dir, 'no.ts'))).message).toBe(`${dir}/no.ts: cannot read the routing script: no such file`);
    expect((await loadError(dir)).message).toContain('must be a file');
    expect((await loadError(await write('a.py', ''))).message).toContain('.ts, .mts');
  });

  it('because of its syntax: every place is listed', async () => {
    const file = await write('routes.ts', 'export default {\n  request(req) {\n    req.relay(\n  }\n};\n');
    const error = await loadError(file);
    expect(error.code).toBe('VD_SCRIPT_LOAD');
    expect(error.message).toBe(`${file}:4:3: Unexpected "}"`);
  });

  it('because of imports that lead nowhere', async () => {
    const file = await write('routes.ts', "import a from 'no-such-package';\nimport b from './missing';\nimport 'node:nothing';\nimport 'viaduct/inside';\nexport default { request() { return [a, b]; } };");
    const error = await loadError(file);
    expect(error.problems.map(({ line, column }) => [line, column])).toEqual([[1, 15], [2, 15], [3, 8], [4, 8]]);
    expect(error.problems[0]?.message).toContain(`cannot find the package "no-such-package"`);
    expect(error.problems[1]?.message).toContain('cannot find "./missing"');
    expect(error.problems[2]?.message).toContain('no module "node:nothing"');
    expect(error.problems[3]?.message).toContain('everything a script needs comes from "viaduct"');
  });

  it('because it has no default export', async () => {
    expect((await loadError(await write('routes.ts', 'export const routes = {};'))).message).toContain('no default export');
  });

  it.each([
    ['export default 5;', 1, 1, 'must be defineRoutes({ request(req) { … } }), but it is a number'],
    ['const a = 1;\nexport default { reply() { return a; } };', 2, 1, 'the handler "request" is missing'],
    ['export default {\n  request: 7,\n};', 2, 3, 'the handler "request" must be a function, but it is a number'],
    ['export default {\n  request() {},\n  failur() {},\n};', 3, 3, 'unknown handler "failur": did you mean "failure"?'],
    ['export default {\n  request() {},\n  onReplyRoute() {},\n};', 3, 3, 'unknown handler "onReplyRoute": did you mean "reply"?'],
    ['export default {\n  request() {},\n  somethingElse() {},\n};', 3, 3, 'unknown handler "somethingElse": the handlers are request, reply, failure, cancel'],
  ])('because of its default export: %j', async (text, line, column, message) => {
    const file = await write('routes.ts', text);
    const error = await loadError(file);
    expect(error.problems).toHaveLength(1);
    expect(error.problems[0]).toMatchObject({ file, line, column });
    expect(error.problems[0]?.message).toContain(message);
  });

  it('because its top level throws', async () => {
    const file = await write('routes.ts', "\nif (process.pid > 0) throw new TypeError('not today');\nexport default { request() {} };");
    const error = await loadError(file);
    expect(error.message).toBe(`${file}:2:28: the script failed while it was loaded: TypeError: not today`);
    expect(error.cause).toBeInstanceOf(TypeError);
  });
});

describe('loading', () => {
  it('leaves no file and no process behind, and maps stack traces without any other set-up', async () => {
    const file = await write('routes.ts', "import { defineRoutes } from 'viaduct';\ninterface Gone {\n  a: 1;\n}\nexport default defineRoutes({\n  request() {\n    throw new Error('here');\n  },\n});\n");
    const temporary = join(dir, 'tmp');
    await mkdir(temporary);
    const load = fileURLToPath(new URL('../../../dist/script/load.js', import.meta.url));
    // A process of its own: it ends by itself only when nothing of the compiler is left to keep it.
    const program = `
      const { compileScript, instantiateScript, routeSource } = await import(${JSON.stringify(load)});
      const routes = await instantiateScript(await compileScript(${JSON.stringify(file)}));
      try { routes.request({}); } catch (error) { console.log(JSON.stringify([error.stack.split('\\n')[1].trim(), routeSource(error)])); }`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], {
      env: { ...process.env, TMPDIR: temporary, NODE_OPTIONS: '' },
      timeout: 20_000,
    });
    const [frame, place] = JSON.parse(stdout) as [string, unknown];
    expect(frame).toMatch(/routes\.ts:7:11\)?$/);
    expect(place).toEqual({ file, line: 7, column: 11 });
    expect(await readdir(temporary)).toEqual([]);
  });
});

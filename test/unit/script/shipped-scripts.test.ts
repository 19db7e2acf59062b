/** What the scripts that come with Viaduct decide, request by request, and that the code in the guide is good code. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import type { MutableHeaders, NameAddr, RouteFailure, RouteReply, RouteRequest, Routes, SipUri } from '../../../src/script/api.js';
import { checkScript } from '../../../src/script/check.js';
import { compileScript, instantiateScript } from '../../../src/script/load.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const load = async (name: string): Promise<Routes> => instantiateScript(await compileScript(join(ROOT, name)));

/** A request that writes down what a script does with it. */
function request(given: { method?: string; user?: string; inDialog?: boolean; looseRouted?: boolean; headers?: Record<string, string>; source?: string; signal?: AbortSignal }) {
  const done: unknown[] = [];
  const uri: SipUri = {
    scheme: 'sip',
    user: given.user,
    password: undefined,
    host: '192.0.2.1',
    port: undefined,
    param: () => undefined,
    header: () => undefined,
    toString: () => `sip:${given.user ?? ''}@192.0.2.1`,
  };
  const from: NameAddr = { displayName: '', uri, param: () => undefined, toString: () => `<${uri.toString()}>` };
  const log = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} };
  const req: RouteRequest = {
    method: given.method ?? 'INVITE',
    uri,
    from,
    to: from,
    callId: 'call',
    cseq: 1,
    maxForwards: 70,
    headers: headers(given.headers ?? {}),
    body: '',
    source: { protocol: 'udp', address: given.source ?? '127.0.0.1', port: 5062 },
    inDialog: given.inDialog ?? false,
    looseRouted: given.looseRouted ?? false,
    hasRoute: false,
    state: {},
    log,
    signal: given.signal ?? new AbortController().signal,
    checkTransaction: () => false,
    recordRoute: () => void done.push('recordRoute'),
    relay: (target) => done.push(['relay', target]) > 0,
    reply: (status) => done.push(['reply', status]) > 0,
  };
  return { req, done };
}

function headers(fields: Record<string, string>): MutableHeaders {
  const map = new Map(Object.entries(fields));
  return {
    get: (name) => map.get(name),
    getAll: (name) => (map.has(name) ? [map.get(name) ?? ''] : []),
    has: (name) => map.has(name),
    add: (name, value) => void map.set(name, value),
    remove: (name) => Number(map.delete(name)),
    replace: (name, value) => void map.set(name, value),
  };
}

async function decide(routes: Routes, given: Parameters<typeof request>[0]): Promise<unknown[]> {
  const { req, done } = request(given);
  await routes.request(req);
  return done;
}

function failure(routes: Routes, status: number, state: Record<string, unknown>): unknown[] {
  const { req, done } = request({});
  const context: RouteFailure = {
    request: req,
    status,
    reason: '',
    local: status === 408,
    state,
    log: req.log,
    relay: (target) => done.push(['relay', target]) > 0,
    reply: (code) => done.push(['reply', code]) > 0,
  };
  void routes.failure?.(context);
  return done;
}

describe.each(['examples/failover.ts', 'examples/fork.ts', 'examples/headers.ts', 'examples/reject.ts', 'examples/async-lookup.ts'])('%s', (name) => {
  let routes: Routes;
  beforeAll(async () => {
    routes = await load(name);
  });

  it('relays in-dialog requests along our own route only', async () => {
    for (const method of ['ACK', 'BYE', 'INVITE']) {
      expect(await decide(routes, { method, inDialog: true, looseRouted: true })).toEqual([['relay', undefined]]);
    }
    expect(await decide(routes, { method: 'BYE', inDialog: true })).toEqual([['reply', 404]]);
  });

  it('never answers an ACK', async () => {
    expect(await decide(routes, { method: 'ACK', inDialog: true })).toEqual([]);
    expect(JSON.stringify(await decide(routes, { method: 'ACK' }))).not.toContain('reply');
  });

  it('relays no initial request to where it asks for', async () => {
    for (const method of ['INVITE', 'CANCEL', 'OPTIONS', 'MESSAGE', 'ACK']) {
      // Aborted, so that the script that asks a service does not try to.
      expect(await decide(routes, { method, user: 'someone', signal: AbortSignal.abort() })).not.toContainEqual(['relay', undefined]);
    }
  });
});

describe('config/relay.ts', () => {
  it('stays in the path of dialogs, and sends everything to the one next hop', async () => {
    const routes = await load('config/relay.ts');
    const relay = ['relay', { nextHop: 'sip:127.0.0.1:5070' }];
    for (const method of ['INVITE', 'SUBSCRIBE', 'REFER']) expect(await decide(routes, { method })).toEqual(['recordRoute', relay]);
    for (const method of ['OPTIONS', 'CANCEL', 'MESSAGE']) expect(await decide(routes, { method })).toEqual([relay]);
  });

  it('follows its own Route, and takes what has none in a dialog to the next hop too', async () => {
    const routes = await load('config/relay.ts');
    for (const method of ['ACK', 'BYE', 'INVITE']) {
      expect(await decide(routes, { method, inDialog: true, looseRouted: true })).toEqual([['relay', undefined]]);
      expect(await decide(routes, { method, inDialog: true })).toEqual([['relay', { nextHop: 'sip:127.0.0.1:5070' }]]);
    }
  });
});

describe('examples', () => {
  it('failover.ts tries the second gateway once, and only when the first is at fault', async () => {
    const routes = await load('examples/failover.ts');
    const second = [['relay', { nextHop: 'sip:127.0.0.1:5071' }]];
    expect(failure(routes, 408, { gateway: 1 })).toEqual(second);
    expect(failure(routes, 503, { gateway: 1 })).toEqual(second);
    expect(failure(routes, 486, { gateway: 1 })).toEqual([]);
    expect(failure(routes, 603, { gateway: 1 })).toEqual([]);
    expect(failure(routes, 503, { gateway: 2 })).toEqual([]);
  });

  it('fork.ts rings all phones of a user at once', async () => {
    const routes = await load('examples/fork.ts');
    expect(await decide(routes, { user: 'reception' })).toEqual(['recordRoute', ['relay', ['sip:desk@127.0.0.1:5071', 'sip:mobile@127.0.0.1:5072']]]);
    expect(await decide(routes, { user: 'nobody' })).toEqual([['reply', 404]]);
  });

  it('headers.ts takes identities off strangers, and drops early media', async () => {
    const routes = await load('examples/headers.ts');
    const { req } = request({ source: '192.0.2.9', headers: { 'P-Asserted-Identity': '<sip:boss@example.com>', 'User-Agent': 'x' } });
    await routes.request(req);
    expect(req.headers.has('P-Asserted-Identity')).toBe(false);
    expect(req.headers.get('User-Agent')).toBe('Viaduct');
    let dropped = 0;
    const reply = (status: number): RouteReply => ({ ...req, status, reason: '', headers: headers({ Server: 'x' }), drop: () => ++dropped > 0 });
    routes.reply?.(reply(183));
    routes.reply?.(reply(180));
    expect(dropped).toBe(1);
  });

  it('reject.ts says no', async () => {
    const routes = await load('examples/reject.ts');
    expect(await decide(routes, { headers: { 'User-Agent': 'friendly-scanner' } })).toEqual([['reply', 403]]);
    expect(await decide(routes, { method: 'PUBLISH' })).toEqual([['reply', 405]]);
    expect(await decide(routes, { user: '0090012345' })).toEqual([['reply', 603]]);
    expect(await decide(routes, { user: '2001' })).toEqual([['reply', 302]]);
    expect(await decide(routes, { user: '1234' })).toEqual(['recordRoute', ['relay', { nextHop: 'sip:127.0.0.1:5070' }]]);
  });
});

describe('the guide', () => {
  it('shows code that type-checks', { timeout: 120_000 }, async () => {
    const guide = await readFile(join(ROOT, 'docs/scripting.md'), 'utf8');
    const blocks = [...guide.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => match[1] ?? '');
    expect(blocks.length).toBeGreaterThan(8);
    const dir = await mkdtemp(join(tmpdir(), 'viaduct-guide-test-'));
    try {
      for (const block of blocks.filter((text) => text.includes('export default'))) {
        const file = join(dir, 'whole.ts');
        await writeFile(file, block);
        expect(await checkScript(file)).toEqual([]);
      }
      // The others are statements of a request handler, or further handlers: all of them in one file.
      const parts = blocks
        .filter((text) => !/^import /m.test(text))
        .map((text) => (/^(reply|failure)\(\w+\) \{/.test(text) ? `defineRoutes({ request() {},\n${text}});` : `defineRoutes({ async request(req) {\n${text}} });`));
      const file = join(dir, 'parts.ts');
      await writeFile(file, `import { defineRoutes } from 'viaduct';\nconst url = '';\n${parts.join('\n')}\nexport default defineRoutes({ request() { return void url; } });\n`);
      expect(await checkScript(file)).toEqual([]);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });
});

/** The control socket: server and client on real sockets in a folder of their own. */
import { existsSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ControlClient } from '../../../src/control/client.js';
import { encodeFrame, FrameReader } from '../../../src/control/frame.js';
import type { ControlHandlers } from '../../../src/control/protocol.js';
import { ControlServer } from '../../../src/control/server.js';
import { CONTROL_ANSWER_BYTES_MAX, CONTROL_PENDING_MAX, CONTROL_REQUEST_BYTES_MAX } from '../../../src/limits.js';

let folder: string;
let path: string;
const undo: (() => unknown)[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'viaduct-control-'));
  path = join(folder, 'control.sock');
});
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
  rmSync(folder, { recursive: true, force: true });
});

async function open(handlers: ControlHandlers = {}, at = path): Promise<ControlServer> {
  const server = await ControlServer.open(at, handlers);
  undo.push(() => server.close());
  return server;
}

async function client(): Promise<ControlClient> {
  const connected = await ControlClient.connect(path);
  undo.push(() => connected.close());
  return connected;
}

/** A bare connection that speaks whatever a test wants. */
function raw(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => resolve(socket)).on('error', reject);
    undo.push(() => socket.destroy());
  });
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.resume().on('error', () => undefined).on('close', () => resolve()));
}

/** A socket file with nobody behind it, as a killed process leaves it. */
async function leaveStaleSocket(): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(folder, 'first'), resolve));
  renameSync(join(folder, 'first'), path);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  expect(existsSync(path)).toBe(true);
}

describe('a control server', () => {
  it('answers commands with results, errors and what is allowed', async () => {
    await open({ double: (args) => Number(args) * 2, later: async () => 'done', fail: () => { throw new Error('no'); }, nothing: () => undefined });
    const control = await client();
    expect(await control.request('ping')).toBe('pong');
    expect(await control.request('double', 21)).toBe(42);
    expect(await control.request('later')).toBe('done');
    expect(await control.request('nothing')).toBeNull();
    await expect(control.request('fail')).rejects.toMatchObject({ code: 'VD_CONTROL_REFUSED', message: 'the control command fail was refused: no' });
    await expect(control.request('toString')).rejects.toThrow('unknown command; allowed: double, fail, later, nothing, ping');
    expect(await control.request('ping')).toBe('pong');
  });

  it('answers requests that overlap, each by its id', async () => {
    const waiting: ((value: string) => void)[] = [];
    await open({ wait: () => new Promise((resolve) => waiting.push(resolve)) });
    const control = await client();
    const slow = control.request('wait');
    expect(await control.request('ping')).toBe('pong');
    waiting[0]?.('late');
    expect(await slow).toBe('late');
  });

  it('is for its own user only', async () => {
    await open();
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('removes its file when it closes', async () => {
    const server = await ControlServer.open(path, {});
    await server.close();
    expect(existsSync(path)).toBe(false);
  });

  it('replaces the socket file of a dead process', async () => {
    await leaveStaleSocket();
    await open();
    expect(await (await client()).request('ping')).toBe('pong');
  });

  it('leaves the socket of a living process alone and says so', async () => {
    await open();
    await expect(ControlServer.open(path, {})).rejects.toMatchObject({ code: 'VD_CONTROL_IN_USE', message: expect.stringContaining(path) as string });
    expect(await (await client()).request('ping')).toBe('pong');
  });

  it('leaves a file that is no socket alone and says so', async () => {
    writeFileSync(path, 'precious');
    await expect(ControlServer.open(path, {})).rejects.toThrow('there is a file that is no socket');
    expect(statSync(path).size).toBe(8);
  });

  it('says why it cannot listen', async () => {
    await expect(ControlServer.open(join(folder, 'missing/control.sock'), {})).rejects.toMatchObject({ code: 'VD_CONTROL_UNAVAILABLE' });
  });

  it.each([
    ['no frame', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['a frame that claims too much', Buffer.from([0x7f, 0, 0, 0])],
    ['no request', encodeFrame('hello', 100)],
    ['a request with a bad id', encodeFrame({ id: -1, command: 'ping' }, 100)],
    ['a command that is too long', encodeFrame({ id: 1, command: 'x'.repeat(65) }, 100)],
  ])('closes the connection of a client that sends %s, and goes on', async (_what, bytes) => {
    await open();
    const socket = await raw();
    const gone = closed(socket);
    socket.write(bytes);
    await gone;
    expect(await (await client()).request('ping')).toBe('pong');
  });

  it('refuses a request beyond those that may wait, and answers the others', async () => {
    const waiting: ((value: unknown) => void)[] = [];
    await open({ wait: () => new Promise((resolve) => waiting.push(resolve)) });
    const control = await client();
    const requests = Array.from({ length: CONTROL_PENDING_MAX }, () => control.request('wait'));
    await expect(control.request('ping')).rejects.toThrow(`${CONTROL_PENDING_MAX} requests of this connection wait already`);
    for (const resolve of waiting) resolve('ok');
    expect(await Promise.all(requests)).toEqual(requests.map(() => 'ok'));
  });

  it('says so when an answer is too long to send', async () => {
    await open({ big: () => 'x'.repeat(CONTROL_ANSWER_BYTES_MAX + 1) });
    await expect((await client()).request('big')).rejects.toThrow('the answer cannot be sent');
  });

  it('stops reading from a client that does not read, and answers when it does', async () => {
    const answer = 'x'.repeat(CONTROL_ANSWER_BYTES_MAX / 2);
    let asked = 0;
    await open({ big: () => { asked++; return answer; } });
    const socket = await raw();
    socket.pause();
    const requests = 40;
    const padding = 'p'.repeat(CONTROL_REQUEST_BYTES_MAX / 2);
    for (let id = 0; id < requests; id++) socket.write(encodeFrame({ id, command: 'big', args: padding }, CONTROL_REQUEST_BYTES_MAX));
    const others = await client();
    for (let i = 0; i < 20; i++) expect(await others.request('ping')).toBe('pong');
    expect(asked).toBeLessThan(requests);

    const reader = new FrameReader(CONTROL_ANSWER_BYTES_MAX);
    const answered = await new Promise<number>((resolve) => {
      let count = 0;
      socket.on('data', (bytes) => {
        count += reader.push(bytes).length;
        if (count === requests) resolve(count);
      });
      socket.resume();
    });
    expect(answered).toBe(requests);
  });
});

describe('a control client', () => {
  it('says why nobody can be reached', async () => {
    await expect(ControlClient.connect(path)).rejects.toMatchObject({ code: 'VD_CONTROL_UNREACHABLE', message: expect.stringContaining('there is no such file') as string });
    await leaveStaleSocket();
    await expect(ControlClient.connect(path)).rejects.toThrow('nobody listens there');
  });

  it('rejects what waits when the server goes away, and everything after', async () => {
    const server = await ControlServer.open(path, { wait: () => new Promise(() => undefined) });
    const control = await client();
    const waiting = control.request('wait');
    const rejected = expect(waiting).rejects.toMatchObject({ code: 'VD_CONTROL_UNREACHABLE' });
    await server.close();
    await rejected;
    await expect(control.request('ping')).rejects.toMatchObject({ code: 'VD_CONTROL_UNREACHABLE' });
  });

  it('gives up on a server that does not answer in time', async () => {
    await open({ wait: () => new Promise(() => undefined) });
    const control = await ControlClient.connect(path, 1);
    undo.push(() => control.close());
    await expect(control.request('wait')).rejects.toThrow('no answer after 1 ms');
  });

  it.each([['another protocol', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')], ['an answer of another form', encodeFrame({ id: 1 }, 100)]])('says so when it hears %s', async (_what, bytes) => {
    const server = createServer((socket) => void socket.on('error', () => undefined).resume().write(bytes));
    await new Promise<void>((resolve) => server.listen(path, resolve));
    undo.push(() => new Promise<void>((resolve) => server.close(() => resolve())));
    const control = await client();
    await expect(control.request('ping')).rejects.toMatchObject({ code: 'VD_CONTROL_PROTOCOL' });
  });
});

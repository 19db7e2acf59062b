/**
 * Places one call through a proxy that runs on the Node of this process: the smallest proof that Viaduct works on a
 * Node version, without the test runner and without any package but Viaduct's own.
 *
 *     node scripts/one-call.mjs [batch] [dgram]      default: both UDP drivers, one after the other
 *
 * Needs SIPp (`sipp` on the PATH, or VIADUCT_SIPP) and a built `dist/`. Ports and folders are its own, so two runs at
 * once do not meet. Exit code 0: the call was answered and ended by both sides, and the proxy stopped cleanly.
 */
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const SCENARIOS = fileURLToPath(new URL('../test/e2e/scenarios/', import.meta.url));
const SIPP = process.env.VIADUCT_SIPP ?? 'sipp';
const HOST = '127.0.0.1';
const START_MS = 20_000;
const CALL_S = 15;

const children = new Set();
process.on('exit', () => children.forEach((child) => child.kill('SIGKILL')));

/** Starts a process; `ended` resolves to its exit code (or signal), `output()` is what it has printed so far. */
function start(command, args, cwd) {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, TERM: 'dumb' } });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text = (text + chunk).slice(-65_536)));
  children.add(child);
  const run = { child, exit: undefined, output: () => text };
  run.ended = new Promise((resolve) => {
    child.on('error', (error) => resolve(String(error)));
    child.on('close', (code, signal) => resolve(code ?? signal));
  }).then((exit) => {
    children.delete(child);
    return (run.exit = exit);
  });
  return run;
}

async function freePort() {
  const socket = createSocket('udp4');
  await new Promise((resolve, reject) => socket.once('error', reject).bind(0, HOST, resolve));
  const { port } = socket.address();
  await new Promise((resolve) => socket.close(resolve));
  return port;
}

/** Sends OPTIONS that may not be forwarded until something comes back: then the proxy and its shards are up. */
async function answers(port, run) {
  const socket = createSocket('udp4');
  let answered = false;
  socket.on('message', () => (answered = true));
  await new Promise((resolve) => socket.bind(0, HOST, resolve));
  const local = `${HOST}:${socket.address().port}`;
  for (let waited = 0; !answered && run.exit === undefined && waited < START_MS; waited += 100) {
    const probe = [
      `OPTIONS sip:${HOST}:${port} SIP/2.0`,
      `Via: SIP/2.0/UDP ${local};branch=z9hG4bK-probe-${waited}`,
      `From: <sip:probe@${local}>;tag=probe`,
      `To: <sip:${HOST}:${port}>`,
      `Call-ID: probe-${waited}@${local}`,
      'CSeq: 1 OPTIONS',
      'Max-Forwards: 0',
      'Content-Length: 0',
    ];
    socket.send(`${probe.join('\r\n')}\r\n\r\n`, port, HOST);
    await delay(100);
  }
  socket.close();
  return answered;
}

/** True once some process has the UDP port bound, read from the kernel's own table. */
async function bound(port, run) {
  const entry = `:${port.toString(16).toUpperCase().padStart(4, '0')} `;
  for (let waited = 0; run.exit === undefined && waited < START_MS; waited += 50) {
    if (!existsSync('/proc/net/udp') || readFileSync('/proc/net/udp', 'latin1').includes(entry)) return true;
    await delay(50);
  }
  return false;
}

function sipp(folder, scenario, port, more) {
  const cwd = join(folder, scenario);
  mkdirSync(cwd);
  const args = ['-sf', join(SCENARIOS, `${scenario}.xml`), '-i', HOST, '-p', String(port), '-m', '1', '-nostdin'];
  return start(SIPP, [...args, '-timeout', `${CALL_S}s`, '-timeout_error', '-trace_err', '-error_file', 'errors.log', ...more], cwd);
}

function errorsOf(folder, scenario) {
  const file = join(folder, scenario, 'errors.log');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

async function oneCall(io) {
  const folder = mkdtempSync(join(tmpdir(), `viaduct-one-call-${io}-`));
  const [proxyPort, calleePort, callerPort] = [await freePort(), await freePort(), await freePort()];
  // The script that ships as the default, with another next hop: its import of `viaduct` must resolve from this folder too.
  const relay = readFileSync(new URL('../config/relay.ts', import.meta.url), 'utf8').replace('sip:127.0.0.1:5070', `sip:${HOST}:${calleePort}`);
  writeFileSync(join(folder, 'relay.ts'), relay);
  const config = { listen: [`udp:${HOST}:${proxyPort}`], shards: 2, io, routes: join(folder, 'relay.ts'), control: { socket: join(folder, 'control.sock') } };
  writeFileSync(join(folder, 'viaduct.yaml'), JSON.stringify(config, null, 2));

  const proxy = start(process.execPath, [MAIN, 'run', '--config', join(folder, 'viaduct.yaml')], folder);
  const runs = { proxy };
  const fail = (what) => {
    const told = Object.entries(runs).map(([name, run]) => `--- ${name}: exit ${run.exit}\n${run.output()}`);
    const errors = ['answered-uac', 'answered-uas'].map((name) => errorsOf(folder, name)).join('\n');
    throw new Error(`${io}: ${what}\n${told.join('\n')}\n${errors}`);
  };
  try {
    if (!(await answers(proxyPort, proxy))) fail('the proxy does not answer');
    runs.callee = sipp(folder, 'answered-uas', calleePort, []);
    if (!(await bound(calleePort, runs.callee))) fail('the callee did not start');
    runs.caller = sipp(folder, 'answered-uac', callerPort, ['-s', 'callee', '-key', 'target', `${HOST}:${calleePort}`, `${HOST}:${proxyPort}`]);
    if ((await runs.caller.ended) !== 0) fail('the caller failed');
    if ((await runs.callee.ended) !== 0) fail('the callee failed');
    proxy.child.kill('SIGTERM');
    const exit = await Promise.race([proxy.ended, delay(60_000, 'none after 60 s', { ref: false })]);
    if (exit !== 0) fail(`the proxy did not stop cleanly: exit ${exit}`);
    console.log(`one call on Node ${process.versions.node}, ${io} driver: answered, ended, proxy stopped`);
  } finally {
    for (const { child } of Object.values(runs)) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

const drivers = process.argv.slice(2);
try {
  for (const io of drivers.length > 0 ? drivers : ['batch', 'dgram']) await oneCall(io);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}

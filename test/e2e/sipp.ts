/**
 * Runs SIPp as caller (UAC) or callee (UAS) in a process of its own, in a folder of its own, with one of the scenarios in
 * `scenarios/`. What it counted comes back as numbers; a failed run explains itself with the tails of SIPp's error and
 * message logs.
 */
import { copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freeAddress, hostPort, isFree, type Address, type LoopbackHost } from './free-port.js';
import { waitUntil, type Child, type ProcessGroup } from './process-group.js';
import { findSipp } from './require-peers.js';

const SCENARIOS = fileURLToPath(new URL('scenarios/', import.meta.url));

const SOCKET_BUFFER_BYTES = 2 * 1024 * 1024;

export interface SippOptions {
  /** File in `scenarios/`, without `.xml`. */
  readonly scenario: string;
  /** Where it binds; 127.0.0.1 by default. */
  readonly host?: LoopbackHost;
  /** Calls to make or take before it leaves. */
  readonly calls: number;
  /** New calls a second (UAC); 50 by default. */
  readonly rate?: number;
  /** `[name]` in the scenario. */
  readonly keys?: Readonly<Record<string, string>>;
  /** Of `<pause/>` without a time of its own; 0 by default. */
  readonly pauseMs?: number;
  /** User part of the Request-URI: `[service]`. */
  readonly user?: string;
  /** A run that takes longer has failed; 20 by default. */
  readonly timeoutSeconds?: number;
  /** Keep every message for the failure report; off for load. Default true. */
  readonly messageLog?: boolean;
}

export interface SippResult {
  readonly name: string;
  readonly exitCode: number | null;
  readonly created: number;
  readonly successful: number;
  readonly failed: number;
  /** Messages that SIPp itself sent again. */
  readonly retransmissions: number;
  /** Messages of no call: late, misrouted or forged. */
  readonly outOfCall: number;
  readonly deadCall: number;
  /** Sum over the scenario's steps with this message (`INVITE`, `486`) and event. */
  count(message: string, event: 'Sent' | 'Recv' | 'Retrans' | 'Unexp' | 'Timeout'): number;
  /** Sent and received messages as SIPp logged them, oldest first. */
  messages(): SippMessage[];
  /** Everything that explains a failure. */
  report(): string;
}

export interface SippMessage {
  readonly direction: 'sent' | 'received';
  /** Milliseconds of the Unix epoch. */
  readonly atMs: number;
  readonly text: string;
}

export interface SippProcess {
  readonly address: Address;
  /** Settles when the process has ended; never rejects. */
  readonly result: Promise<SippResult>;
  /** Ends it, for when the other side has failed already: its result is what it had counted by then. */
  abandon(): void;
}

function lastLines(path: string, lines: number): string {
  if (!existsSync(path)) return '(empty)';
  const all = readFileSync(path, 'latin1').split('\n');
  return all.slice(-lines).join('\n');
}

function readCsv(path: string): Map<string, string> {
  const lines = existsSync(path) ? readFileSync(path, 'latin1').split('\n').filter((line) => line !== '') : [];
  const names = (lines[0] ?? '').split(';');
  const values = (lines.length > 1 ? (lines.at(-1) ?? '') : '').split(';');
  const row = new Map<string, string>();
  names.forEach((name, index) => row.set(name, values[index] ?? ''));
  return row;
}

/** Columns of the message counts with retransmissions need care: `0_INVITE_Recv` and `0_INVITE_Retrans` are one step. */
function sumCounts(row: Map<string, string>, message: string, event: string): number {
  let sum = 0;
  for (const [name, value] of row) {
    const match = /^\d+_(.+)_(Sent|Recv|Retrans|Unexp|Timeout)$/.exec(name);
    if (match?.[1] === message && match[2] === event) sum += Number(value);
  }
  return sum;
}

function splitMessages(log: string): SippMessage[] {
  const found: SippMessage[] = [];
  // Each begins with a line that ends with date and time of day, in the zone of the machine.
  const parts = log.split(/^-{10,} (\S+ \S+)$/m);
  for (let i = 1; i + 1 < parts.length; i += 2) {
    const match = /^\s*UDP message (sent|received)[^\n]*\n\s*\n([\s\S]*)$/.exec(parts[i + 1] ?? '');
    if (match === null) continue;
    const atMs = Date.parse((parts[i] ?? '').replace(' ', 'T'));
    found.push({ direction: match[1] as 'sent' | 'received', atMs, text: (match[2] ?? '').trimEnd() });
  }
  return found;
}

function collect(options: SippOptions, folder: string, child: Child, exitCode: number | null): SippResult {
  const statistics = readCsv(join(folder, 'statistics.csv'));
  const countsFile = readdirSync(folder).find((name) => name.endsWith('_counts.csv'));
  const counts = countsFile === undefined ? new Map<string, string>() : readCsv(join(folder, countsFile));
  const total = (name: string): number => Number(statistics.get(name) ?? NaN);
  return {
    name: options.scenario,
    exitCode,
    created: total('TotalCallCreated'),
    successful: total('SuccessfulCall(C)'),
    failed: total('FailedCall(C)'),
    retransmissions: total('Retransmissions(C)'),
    outOfCall: total('OutOfCallMsgs(C)'),
    deadCall: total('DeadCallMsgs(C)'),
    count: (message, event) => sumCounts(counts, message, event),
    messages: () => {
      const path = join(folder, 'messages.log');
      return existsSync(path) ? splitMessages(readFileSync(path, 'latin1')) : [];
    },
    report: () =>
      [
        `SIPp ${options.scenario}: exit ${String(exitCode)}, ${String(total('SuccessfulCall(C)'))} successful, ${String(total('FailedCall(C)'))} failed of ${String(options.calls)}`,
        '--- step counts (those above 0)',
        [...counts].filter(([name, value]) => /^\d+_/.test(name) && Number(value) > 0).map(([name, value]) => `${name}=${value}`).join(' '),
        '--- errors',
        lastLines(join(folder, 'errors.log'), 60),
        '--- last messages',
        lastLines(join(folder, 'messages.log'), 160),
        '--- output',
        child.output().split('\n').slice(-12).join('\n'),
      ].join('\n'),
  };
}

/**
 * SIPp binds two media ports although no scenario of ours sends media. By itself it looks for them between 6000 and 6198, which
 * a few dozen at a time use up; where it is told a port it takes that and the one two above it, or gives up. Hence a range, below
 * the ports that systems choose, in which each test process begins elsewhere and passes over what is taken.
 */
const MEDIA_PORTS = { first: 7000, steps: 6000, step: 4 };
let mediaPairs = process.pid * 61;
async function mediaPort(): Promise<number> {
  const { first, steps, step } = MEDIA_PORTS;
  for (let attempt = 0; attempt < steps; attempt++) {
    const port = first + (mediaPairs++ % steps) * step;
    if (await isFree(port) && await isFree(port + 2)) return port;
  }
  throw new Error(`no free media ports from ${String(first)} on`);
}

async function start(group: ProcessGroup, options: SippOptions, remote: Address | undefined): Promise<{ process: SippProcess; child: Child }> {
  const sipp = findSipp();
  if (sipp === undefined) throw new Error('SIPp not found');
  const address = await freeAddress(options.host ?? '127.0.0.1');
  const folder = group.newFolder(options.scenario);
  copyFileSync(join(SCENARIOS, `${options.scenario}.xml`), join(folder, 'scenario.xml'));
  const timeoutSeconds = options.timeoutSeconds ?? 20;
  const args = [
    ...(remote === undefined ? [] : [hostPort(remote)]),
    ...['-sf', 'scenario.xml', '-i', address.host, '-bind_local', '-p', String(address.port), '-mp', String(await mediaPort())],
    // SIPp's own choice, 64 KiB, overflows when the machine stops for a tenth of a second under load.
    ...['-buff_size', String(SOCKET_BUFFER_BYTES)],
    ...['-m', String(options.calls), '-timeout', `${String(timeoutSeconds)}s`, '-timeout_error', '-nostdin'],
    ...['-trace_stat', '-stf', 'statistics.csv', '-fd', '1', '-trace_counts', '-trace_err', '-error_file', 'errors.log'],
    ...(options.messageLog === false ? [] : ['-trace_msg', '-message_file', 'messages.log']),
    ...(remote === undefined ? [] : ['-r', String(options.rate ?? 50)]),
    ...(options.pauseMs === undefined ? [] : ['-d', String(options.pauseMs)]),
    ...(options.user === undefined ? [] : ['-s', options.user]),
    ...Object.entries(options.keys ?? {}).flatMap(([key, value]) => ['-key', key, value]),
  ];
  const child = group.start(sipp, args, { cwd: folder, env: { ...process.env, TERM: 'dumb' } });
  const kill = setTimeout(() => child.process.kill('SIGKILL'), (timeoutSeconds + 5) * 1000);
  const result = child.exited.then(({ code }) => {
    clearTimeout(kill);
    return collect(options, folder, child, code);
  });
  return { process: { address, result, abandon: () => void child.process.kill('SIGKILL') }, child };
}

/** True when some process of this machine has the UDP port bound (Linux: from the kernel's own table). */
function portBound(address: Address): boolean {
  const table = address.host === '::1' ? '/proc/net/udp6' : '/proc/net/udp';
  const port = `:${address.port.toString(16).toUpperCase().padStart(4, '0')} `;
  return readFileSync(table, 'latin1').split('\n').some((line) => line.slice(0, 50).includes(port));
}

const BIND_ATTEMPTS = 5;

/** Starts a callee; resolves when its port is bound, so that a call can follow at once. */
export async function startUas(group: ProcessGroup, options: SippOptions): Promise<SippProcess> {
  for (let attempt = 1; ; attempt++) {
    const { process: sipp, child } = await start(group, options, undefined);
    let ended = false;
    void child.exited.then(() => (ended = true));
    const linux = existsSync('/proc/net/udp');
    // Elsewhere the first output tells: SIPp draws its first screen after it has opened its sockets.
    const ready = (): boolean => ended || (linux ? portBound(sipp.address) : child.output() !== '');
    await waitUntil(ready, 10_000, () => `SIPp ${options.scenario} did not bind ${hostPort(sipp.address)}: ${child.output()}`);
    if (!ended) return sipp;
    // Another program may have taken the port in between.
    if (attempt === BIND_ATTEMPTS) throw new Error((await sipp.result).report());
  }
}

/** Starts a caller that sends its requests to `proxy`. */
export async function startUac(group: ProcessGroup, proxy: Address, options: SippOptions): Promise<SippProcess> {
  return (await start(group, { host: proxy.host, ...options }, proxy)).process;
}

/** True when SIPp ended well and every one of `calls` calls, but for `failuresAllowed`, went as the scenario says. */
export function wentAsWritten(result: SippResult, calls: number, failuresAllowed = 0): boolean {
  const { exitCode, created, successful, failed } = result;
  return (exitCode === 0 || (exitCode === 1 && failed > 0)) && created === calls && successful + failed === calls && failed <= failuresAllowed;
}

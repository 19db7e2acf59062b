/** Draws a trace as a message ladder in text: one line a datagram, one column a host, for failures that people read. */
import { formatEndpoint } from './address.js';
import type { Port } from './network.js';
import { SentMessage } from './sent-message.js';
import type { TraceEntry } from './trace.js';

const COLUMN = 26;

/**
 * The ladder of these entries, in the order in which they were sent. Hosts stand in the order of their first datagram,
 * proxies second, as in the drawings of RFC 3665.
 */
export function ladder(entries: readonly TraceEntry[]): string {
  const hosts = hostsOf(entries);
  const head = `${' '.repeat(12)}${hosts.map((host) => formatEndpoint(host.endpoint).padEnd(COLUMN)).join('')}`;
  return [head, ...entries.map((entry) => line(entry, hosts))].join('\n');
}

function hostsOf(entries: readonly TraceEntry[]): Port[] {
  const hosts = new Set<Port>();
  for (const { from, to } of entries) hosts.add(from).add(to);
  const all = [...hosts];
  const phones = all.filter((host) => !host.isShared);
  return [...phones.slice(0, 1), ...all.filter((host) => host.isShared), ...phones.slice(1)];
}

function line(entry: TraceEntry, hosts: readonly Port[]): string {
  const fromAt = hosts.indexOf(entry.from);
  const toAt = hosts.indexOf(entry.to);
  const left = Math.min(fromAt, toAt) * COLUMN;
  const width = Math.abs(fromAt - toAt) * COLUMN;
  const message = new SentMessage(entry.bytes, entry.start, entry.end, '', entry.sentMs);
  const what = message.status > 0 ? `${message.status} ${message.header('cseq').split(' ')[1] ?? ''}` : message.method;
  const isRight = toAt > fromAt;
  const shaft = ` ${what} `.padEnd(Math.max(width - 2, what.length + 2), '-');
  const arrow = isRight ? `|${shaft}${entry.arrivalMs < 0 ? 'X' : '>'}` : `${entry.arrivalMs < 0 ? 'X' : '<'}${shaft}|`;
  const fate = entry.arrivalMs < 0 ? 'lost' : `arrives ${seconds(entry.arrivalMs)}`;
  return `${seconds(entry.sentMs).padStart(10)}  ${' '.repeat(left)}${arrow}  ${message.branch.slice(-18)} ${fate}`;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

/** Message ladders as text: for inline snapshots, for errors that people read, and as lists of steps to compare. Pure. */
import { matches, type MessageFilter } from './filter.js';
import type { Message } from './message.js';
import { momentText, spanText } from './time.js';

/** What a ladder shows. */
export interface LadderOptions {
  /** Only these messages. */
  readonly only?: MessageFilter;
  /** The time at the left; default true. */
  readonly times?: boolean;
  /** Messages that were sent again; default true. */
  readonly retransmissions?: boolean;
  /** 100 Trying; default true. */
  readonly trying?: boolean;
}

/** Characters from one column to the next, at least. */
const COLUMN = 20;

/** The messages that a ladder with these options shows. */
export function shown(messages: readonly Message[], options: LadderOptions): Message[] {
  return messages.filter(
    (message) =>
      matches(message, options.only) &&
      ((options.retransmissions ?? true) || !message.isRetransmission) &&
      ((options.trying ?? true) || message.status !== 100),
  );
}

/**
 * The ladder of these messages in the order in which they were sent: one line a message, one column a host; the proxy stands
 * second, as in the drawings of RFC 3665. No line ends in a space, and nothing in it depends on chance ids.
 */
export function ladderText(all: readonly Message[], options: LadderOptions, proxy: string): string {
  const messages = shown(all, options);
  if (messages.length === 0) return '(no messages)';
  const hosts = hostsOf(messages, proxy);
  const column = Math.max(COLUMN, ...hosts.map((host) => host.length + 2));
  const width = (options.times ?? true) ? Math.max(...messages.map(({ sentMs }) => momentText(sentMs).length)) : 0;
  const half = Math.floor(Math.max(0, ...hosts.slice(0, 1).map((host) => host.length)) / 2);
  const indent = Math.max(width + 2, half + 1);
  const head: string[] = [];
  hosts.forEach((host, i) => write(head, indent + i * column - Math.floor(host.length / 2), host));
  // A delay that all have alike is said once.
  const delays = new Set(messages.filter(({ fate }) => fate === 'arrives').map(({ sentMs, arrivesMs }) => arrivesMs - sentMs));
  const [common = 0] = delays.size === 1 ? delays : [];
  const lines = messages.map((message) => line(message, hosts, column, indent, width, common));
  return [text(head), ...(common > 0 ? [`(every message takes ${spanText(common)})`] : []), ...lines].join('\n');
}

/** One step of a list: `alice -> viaduct INVITE`. */
export function stepText(message: Message): string {
  const fate = message.fate === 'lost' ? ' (lost)' : '';
  return `${message.from} -> ${message.to} ${message.label}${fate}`;
}

/** A step as somebody wrote it, in the form of `stepText`: `→` for `->`, any spaces, `180 INVITE` for `180`. */
export function normalStep(step: string): string {
  return step
    .trim()
    .replaceAll(/\s*(?:->|→)\s*/g, ' -> ')
    .replaceAll(/\s+/g, ' ')
    .replace(/(\d{3}) INVITE\b/, '$1');
}

function hostsOf(messages: readonly Message[], proxy: string): string[] {
  const hosts = new Set<string>();
  for (const { from, to } of messages) hosts.add(from).add(to);
  if (!hosts.delete(proxy)) return [...hosts];
  const [first, ...others] = hosts;
  return first === undefined ? [proxy] : [first, proxy, ...others];
}

function line(message: Message, hosts: readonly string[], column: number, indent: number, width: number, commonDelayMs: number): string {
  const cells: string[] = [];
  if (width > 0) write(cells, 0, momentText(message.sentMs).padStart(width));
  hosts.forEach((_, i) => write(cells, indent + i * column, '|'));
  const from = hosts.indexOf(message.from);
  const to = hosts.indexOf(message.to);
  const left = indent + Math.min(from, to) * column + 1;
  const room = Math.abs(to - from) * column - 1;
  if (room > 0) {
    const label = ` ${message.label} `;
    const before = Math.max(1, Math.floor((room - label.length) / 2));
    const shaft = `${'-'.repeat(before)}${label}`.padEnd(room, '-').slice(0, room);
    const tip = message.fate === 'lost' ? 'X' : to > from ? '>' : '<';
    write(cells, left, to > from ? shaft.slice(0, -1) + tip : tip + shaft.slice(1));
  }
  const notes = notesOf(message, room < 0, commonDelayMs);
  return notes === '' ? text(cells) : `${text(cells).padEnd(indent + (hosts.length - 1) * column + 1)}  ${notes}`;
}

function notesOf(message: Message, isToItself: boolean, commonDelayMs: number): string {
  const notes: string[] = [];
  if (isToItself) notes.push(`${message.label} to itself`);
  if (message.isRetransmission) notes.push('again');
  if (message.fate === 'lost') notes.push('lost');
  else if (message.fate === 'nobody') notes.push('nobody there');
  else if (message.arrivesMs - message.sentMs !== commonDelayMs) notes.push(`takes ${spanText(message.arrivesMs - message.sentMs)}`);
  return notes.join(', ');
}

function write(cells: string[], at: number, what: string): void {
  while (cells.length < at) cells.push(' ');
  for (let i = 0; i < what.length; i++) cells[at + i] = what[i]!;
}

function text(cells: readonly string[]): string {
  return cells.join('').trimEnd();
}

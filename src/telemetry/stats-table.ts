/** A snapshot as a table for people: a column a thread, the total, and rates when there is an earlier snapshot. Pure. */
import Table from 'cli-table3';
import { COUNTERS } from './counters.js';
import type { CounterValues, StatsSnapshot } from './snapshot.js';

export interface StatsTableOptions {
  /** An earlier snapshot of the same instance: adds a column with what happened per second since. */
  readonly previous?: StatsSnapshot;
  /** Show the rows that are zero too. */
  readonly all?: boolean;
  /** Characters a line may have: when the threads do not fit, only their total is shown. Undefined: any number. */
  readonly columns?: number;
}

/** Groups of rows in the order of the table. A group that is not `always` shows only what is not zero. */
const GROUPS: readonly { readonly title: string; readonly always: boolean; has(name: string): boolean }[] = [
  { title: 'Drops', always: false, has: (name) => /^drop|^(badRequests|loopsDetected|mergedRequests|breadthExceeded)$/.test(name) },
  { title: 'Answers of our own', always: false, has: (name) => name.startsWith('replies') },
  { title: 'Script', always: false, has: (name) => name.startsWith('script') },
  { title: 'Loop', always: false, has: (name) => /^(wakeups|batches|longestPauseMs|loopErrors|shardRestarts)$/.test(name) },
  { title: 'Traffic', always: true, has: (name) => /^(requests|responses|datagrams|keepalives)(In|Out)$/.test(name) },
  { title: 'Transactions', always: true, has: () => true },
];
/** Titles as they are shown, from what flows to what went wrong. */
const ORDER = ['Traffic', 'Transactions', 'Script', 'Answers of our own', 'Drops', 'Loop'];

/** The snapshot as text, several lines, the last one ended. */
export function statsTable(snapshot: StatsSnapshot, options: StatsTableOptions = {}): string {
  const whole = render(snapshot, options, true);
  const fits = options.columns === undefined || whole.split('\n').every((line) => line.length <= options.columns!);
  return `${heading(snapshot)}\n${fits ? whole : render(snapshot, options, false)}\n`;
}

function heading({ version, pid, node, shards, uptimeMs, time }: StatsSnapshot): string {
  const inline = shards === 0 ? ', inline (no shards)' : '';
  return `Viaduct ${version}, process ${pid}, node ${node}${inline}, up ${durationText(uptimeMs)}, at ${time}`;
}

function render(snapshot: StatsSnapshot, { previous, all = false }: StatsTableOptions, perThread: boolean): string {
  // What a single thread counts is the total.
  const threads = perThread && snapshot.threads.length > 1 ? snapshot.threads : [];
  const elapsedMs = previous === undefined ? 0 : snapshot.uptimeMs - previous.uptimeMs;
  const rate = previous === undefined || elapsedMs <= 0 ? undefined : rateOf(previous.totals, snapshot.totals, elapsedMs);
  const head = ['', ...threads.map(({ thread }) => thread), 'total', ...(rate === undefined ? [] : ['per second'])];
  const table = new Table({
    head,
    colAligns: head.map((_, index) => (index === 0 ? 'left' : 'right')),
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 2 },
    chars: NO_FRAME,
  });
  for (const title of ORDER) {
    const names = COUNTERS.map(({ name }) => name).filter((name) => groupOf(name).title === title);
    const shown = names.filter((name) => all || groupOf(name).always || (snapshot.totals[name] ?? 0) !== 0);
    if (shown.length === 0) continue;
    table.push([title, ...head.slice(1).map(() => '')]);
    for (const name of shown) {
      const counts = [...threads.map(({ counters }) => counters), snapshot.totals].map((values) => countText(values[name] ?? 0));
      table.push([`  ${name}`, ...counts, ...(rate === undefined ? [] : [rate(name)])]);
    }
  }
  if (threads.some(({ rings }) => rings !== undefined)) pushRings(table, snapshot, head.length);
  return table.toString().split('\n').map((line) => line.trimEnd()).join('\n');
}

function groupOf(name: string): (typeof GROUPS)[number] {
  return GROUPS.find((group) => group.has(name))!;
}

function pushRings(table: InstanceType<typeof Table>, { threads }: StatsSnapshot, width: number): void {
  const row = (label: string, level: (rings: NonNullable<(typeof threads)[number]['rings']>) => number): string[] => {
    const cells = threads.map(({ rings }) => (rings === undefined ? '' : `${Math.round((100 * level(rings)) / rings.ringBytes)} %`));
    return [label, ...cells, ...Array<string>(width - 1 - cells.length).fill('')];
  };
  table.push(['Rings', ...Array<string>(width - 1).fill('')]);
  table.push(row('  in, full to', ({ inBytes }) => inBytes));
  table.push(row('  out, full to', ({ outBytes }) => outBytes));
}

/** Text of what a count grew by in a second; empty for a gauge or peak. */
function rateOf(before: CounterValues, now: CounterValues, elapsedMs: number): (name: string) => string {
  const gauges = new Set(COUNTERS.filter(({ kind }) => kind !== 'count').map(({ name }) => name));
  return (name) => {
    if (gauges.has(name)) return '';
    const perSecond = (1000 * ((now[name] ?? 0) - (before[name] ?? 0))) / elapsedMs;
    // An instance that was started again counts from zero.
    return countText(Math.max(0, perSecond < 10 ? Math.round(perSecond * 10) / 10 : Math.round(perSecond)));
  };
}

/** Zero is a dot: what is not zero stands out. */
function countText(value: number): string {
  return value === 0 ? '·' : value.toLocaleString('en-US', { maximumFractionDigits: 1 });
}

function durationText(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const parts = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60];
  const units = ['d', 'h', 'min', 's'];
  const first = parts.findIndex((part) => part > 0);
  // Two units say enough: 3 h 12 min.
  return first < 0 ? '0 s' : parts.map((part, i) => `${part} ${units[i]}`).slice(first, first + 2).join(' ');
}

const NO_FRAME = {
  top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '',
  left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '',
};

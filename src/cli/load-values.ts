/** From the text of a flag of `viaduct load` to its value. Each throws commander's error, which names the flag. */
import { InvalidArgumentError } from 'commander';
import { parseBind, type BindAddress } from '../config/address.js';
import type { Duration } from '../load/options.js';
import { parseThreshold, type Threshold } from '../load/report/thresholds.js';
import { DURATION_FORM, longestMs, parseDuration, parseTimeUs, TIME_FORM } from '../load/units.js';

/** No time of a run is longer, milliseconds. */
const TIME_MOST_MS = 7 * 86_400_000;
/** No ring or hold time is longer, milliseconds: what a timer of the load threads can count. */
const DURATION_MOST_MS = 86_400_000;

/** A time within bounds, as milliseconds. */
export function timeMs(leastMs: number, mostMs = TIME_MOST_MS): (text: string) => number {
  return (text) => {
    const us = parseTimeUs(text);
    if (us === undefined || us < leastMs * 1000 || us > mostMs * 1000) {
      throw new InvalidArgumentError(`Allowed: ${TIME_FORM}${leastMs > 0 ? `; at least ${leastMs}ms` : ''}; at most ${mostMs === TIME_MOST_MS ? '7 days' : `${mostMs}ms`}.`);
    }
    return us / 1000;
  };
}

/** A time, a range or a distribution. */
export function duration(text: string): Duration {
  const value = parseDuration(text);
  if (value === undefined || longestMs(value) > DURATION_MOST_MS) throw new InvalidArgumentError(`Allowed: ${DURATION_FORM}; at most 24 hours (10 times the mean).`);
  return value;
}

/** A whole number within bounds; separators as in 100_000 are taken along. */
export function integer(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^[\d_]+$/.test(text) ? Number(text.replaceAll('_', '')) : Number.NaN;
    if (!(value >= least && value <= most)) throw new InvalidArgumentError(`Allowed: a whole number from ${least.toLocaleString('en-US')} to ${most.toLocaleString('en-US')}.`);
    return value;
  };
}

/** A number of calls per second. */
export function rate(text: string): number {
  const value = /^(?:\d[\d_]*(?:\.\d+)?|\.\d+)(?:\/s)?$/.test(text) ? Number(text.replaceAll('_', '').replace('/s', '')) : Number.NaN;
  if (!(value >= 0.01 && value <= 1_000_000)) throw new InvalidArgumentError('Allowed: calls per second, from 0.01 to 1,000,000.');
  return value;
}

/** A percentage, with or without its sign. */
export function percent(text: string): number {
  const value = /^(?:\d+(?:\.\d+)?|\.\d+)\s*%?$/.test(text) ? Number.parseFloat(text) : Number.NaN;
  if (!(value >= 0 && value <= 100)) throw new InvalidArgumentError('Allowed: a percentage from 0 to 100, as in 20, 0.5 or 1%.');
  return value;
}

/** `NAME`, `FILE`, or either with `,WEIGHT`. */
export function weighted(text: string): { readonly scenario: string; readonly weight: number } {
  const match = /^(.+?)(?:,(\d+(?:\.\d+)?|\.\d+))?$/.exec(text.trim());
  const weight = Number(match?.[2] ?? 1);
  if (match === null || weight <= 0) throw new InvalidArgumentError('Allowed: NAME, FILE, or either with a weight behind it, as in call,8.');
  return { scenario: match[1]!, weight };
}

/** `call=8,cancel=2`. */
export function mix(text: string): { readonly scenario: string; readonly weight: number }[] {
  return text.split(',').map((part) => {
    const match = /^\s*([^=]+?)\s*=\s*(\d+(?:\.\d+)?|\.\d+)\s*$/.exec(part);
    if (match === null || Number(match[2]) <= 0) throw new InvalidArgumentError(`Found ${JSON.stringify(part)}; allowed: NAME=WEIGHT, several of them with commas between, as in call=8,cancel=2.`);
    return { scenario: match[1]!, weight: Number(match[2]) };
  });
}

/** Where callee sockets are bound: an address of this machine and a port, which may be 0. */
export function listenAddress(text: string): BindAddress {
  const address = parseBind(text);
  if (address === undefined) throw new InvalidArgumentError('Allowed: ADDRESS:PORT, as in 127.0.0.1:5070 or [::1]:5070; port 0 is any.');
  return address;
}

/** Where requests go, before names are looked up. */
export interface TargetText {
  readonly host: string;
  readonly port: number;
}

/** `HOST`, `HOST:PORT` or a SIP URI of no more than that. */
export function target(text: string): TargetText {
  const match = /^(?:sips?:|udp:)?(?:\[([0-9a-f:.]+)\]|([a-z0-9.-]+))(?::(\d{1,5}))?$/i.exec(text);
  const port = Number(match?.[3] ?? 5060);
  if (match === null || port < 1 || port > 65_535) throw new InvalidArgumentError('Allowed: HOST or HOST:PORT, as in 127.0.0.1:5060, [::1]:5060 or proxy.example.com; without a port 5060.');
  return { host: match[1] ?? match[2]!, port };
}

/** What stands behind the @ of addresses: a name or an address, with or without a port; `{callee}` is one that the load threads know. */
export function domain(text: string): string {
  const match = /^(?:\{callee\}|(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(\d{1,5}))?)$/i.exec(text);
  const port = Number(match?.[1] ?? 5060);
  if (match === null || port < 1 || port > 65_535) throw new InvalidArgumentError('Allowed: a name or an address, with or without a port, as in example.com, 192.0.2.1:5080 or [2001:db8::1]; or {callee}.');
  return text;
}

/** A file to write. */
export function fileName(text: string): string {
  if (text === '') throw new InvalidArgumentError('Allowed: the path of a file.');
  return text;
}

/** A file to write; standard output, which has the table, is none. */
export function pageName(text: string): string {
  if (text === '' || text === '-') throw new InvalidArgumentError('Allowed: the path of a file; a page is not written to standard output.');
  return text;
}

/** A condition of `--fail-if`. */
export function threshold(text: string): Threshold {
  const value = parseThreshold(text);
  if (typeof value === 'string') throw new InvalidArgumentError(`The condition ${value}.`);
  return value;
}

/** Collects a repeatable flag. */
export function repeated<T>(read: (text: string) => T): (text: string, previous: readonly T[] | undefined) => readonly T[] {
  return (text, previous) => [...(previous ?? []), read(text)];
}

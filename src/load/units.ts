/**
 * Quantities as people write and read them: `1s-3s`, `exp:2s`, `0.01%`, `12.3 ms`, `2,000/s`. Pure, any thread.
 */
import type { Duration } from './options.js';

const TIME_UNITS_US: Readonly<Record<string, number>> = { us: 1, 'µs': 1, 'μs': 1, ms: 1e3, s: 1e6, m: 6e7, min: 6e7, h: 3.6e9 };
const BYTE_UNITS: Readonly<Record<string, number>> = { B: 1, KB: 1e3, kB: 1e3, MB: 1e6, GB: 1e9, KiB: 1024, MiB: 1_048_576, GiB: 1_073_741_824 };

/** What `parseTimeUs` allows, for an error message. */
export const TIME_FORM = 'a time with its unit, as in 500us, 20ms, 1.5s, 2m or 1h';
/** What `parseDuration` allows, for an error message. */
export const DURATION_FORM = 'a time (2s), a range (1s-3s) or an exponential distribution with its mean (exp:2s)';

/** Microseconds of a time with its unit; `0` needs none. Undefined for anything else. */
export function parseTimeUs(text: string): number | undefined {
  return quantity(text, TIME_UNITS_US);
}

/** Bytes of a size with its unit (`KB` is 1000 bytes, `KiB` 1024); `0` needs none. Undefined for anything else. */
export function parseBytes(text: string): number | undefined {
  return quantity(text, BYTE_UNITS);
}

function quantity(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d+(?:\.\d+)?|\.\d+)\s*([A-Za-zµμ]*)$/.exec(text.trim());
  if (match === null) return undefined;
  const value = Number(match[1]);
  if (match[2] === '') return value === 0 ? 0 : undefined;
  const unit = Object.hasOwn(units, match[2]!) ? units[match[2]!] : undefined;
  return unit === undefined ? undefined : value * unit;
}

/** Reads `2s`, `1s-3s` or `exp:2s`. Undefined for anything else, and for a range that ends before it begins. */
export function parseDuration(text: string): Duration | undefined {
  const exponential = /^exp:(.+)$/.exec(text);
  if (exponential !== null) {
    const meanUs = parseTimeUs(exponential[1]!);
    return meanUs === undefined ? undefined : { kind: 'exponential', meanMs: meanUs / 1000 };
  }
  const [first, last, ...more] = text.split('-');
  if (more.length > 0) return undefined;
  const us = parseTimeUs(first!);
  if (us === undefined) return undefined;
  if (last === undefined) return { kind: 'fixed', ms: us / 1000 };
  const lastUs = parseTimeUs(last);
  if (lastUs === undefined || lastUs < us) return undefined;
  return { kind: 'uniform', minMs: us / 1000, maxMs: lastUs / 1000 };
}

/** The longest that a duration can be, milliseconds. */
export function longestMs(duration: Duration): number {
  switch (duration.kind) {
    case 'fixed':
      return duration.ms;
    case 'uniform':
      return duration.maxMs;
    case 'exponential':
      return duration.meanMs * 10;
  }
}

/** The text that `parseDuration` reads. */
export function durationText(duration: Duration): string {
  switch (duration.kind) {
    case 'fixed':
      return shortTime(duration.ms);
    case 'uniform':
      return `${shortTime(duration.minMs)}-${shortTime(duration.maxMs)}`;
    case 'exponential':
      return `exp:${shortTime(duration.meanMs)}`;
  }
}

/** Milliseconds as a flag would have them: `250ms`, `30s`, `2m`. */
export function shortTime(ms: number): string {
  if (ms >= 60_000 && ms % 60_000 === 0) return `${ms / 60_000}m`;
  if (ms >= 1000 && ms % 100 === 0) return `${ms / 1000}s`;
  return ms === 0 ? '0s' : ms < 1 ? `${ms * 1000}us` : `${ms}ms`;
}

/** Microseconds for people, three digits that count: `850 µs`, `1.23 ms`, `45.6 ms`, `1.50 s`, `2 min 05 s`. */
export function timeText(us: number): string {
  if (us < 999.5) return `${Math.round(us)} µs`;
  const ms = us / 1000;
  if (ms < 999.5) return `${threeDigits(ms)} ms`;
  const s = ms / 1000;
  if (s < 59.95) return `${threeDigits(s)} s`;
  const whole = Math.round(s);
  return whole < 3600 ? `${Math.floor(whole / 60)} min ${two(whole % 60)} s` : `${Math.floor(whole / 3600)} h ${two(Math.floor(whole / 60) % 60)} min`;
}

function threeDigits(value: number): string {
  return value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}

/** Seconds on a clock: `00:12`, `1:02:03`. */
export function clockText(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  const hours = Math.floor(s / 3600);
  return `${hours > 0 ? `${hours}:` : ''}${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** A count with separators: `1,234,567`. */
export function countText(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** A count and what is counted, as in `1 call` and `2,000 calls`; `one` is a word that takes an s. */
export function countOf(value: number, one: string): string {
  return `${countText(value)} ${one}${value === 1 ? '' : 's'}`;
}

/** Something per second: whole from 100 on, one digit behind the point below. */
export function rateText(perS: number): string {
  return `${perS.toLocaleString('en-US', { maximumFractionDigits: perS >= 99.95 ? 0 : 1 })}/s`;
}

/** A share with as many digits as it takes to tell it from nothing: `0 %`, `0.0123 %`, `12.3 %`, `100 %`. */
export function percentText(percent: number): string {
  if (percent === 0 || percent >= 99.95) return `${Math.round(percent)} %`;
  return `${percent.toLocaleString('en-US', { maximumSignificantDigits: 3 })} %`;
}

/** Bytes for people: `512 B`, `18.4 MB` (of 1000). */
export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  for (const [unit, size] of [['KB', 1e3], ['MB', 1e6]] as const) if (bytes < size * 999.5) return `${threeDigits(bytes / size)} ${unit}`;
  return `${threeDigits(bytes / 1e9)} GB`;
}

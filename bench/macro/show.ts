/** What the macro benchmarks print: progress on standard error, tables on standard output. */
import Table from 'cli-table3';
import type { Figure } from '../results.js';
import { significant } from '../statistics.js';
import type { Sample } from './measure.js';

const began = performance.now();

/** One line of progress, with the time since the beginning. */
export function progress(text: string): void {
  const seconds = Math.round((performance.now() - began) / 1000);
  process.stderr.write(`${String(Math.floor(seconds / 60)).padStart(2)}:${String(seconds % 60).padStart(2, '0')}  ${text}\n`);
}

/** A run in one line. */
export function runLine(sample: Sample): string {
  const roles = Object.entries(sample.roles).map(([role, { cpuUsPerCall }]) => `${role} ${cpuUsPerCall.toFixed(1)}`).join(', ');
  const batches = sample.counters === null ? '' : `, ${significant(sample.counters.datagramsPerMainBatch)} datagrams a batch`;
  const line = `${sample.proxy}: ${sample.cpuUsPerCall.toFixed(1)} µs/call (${roles})${batches}, adds p99 ${(sample.addedP99Us / 1000).toFixed(2)} ms`;
  return sample.valid ? line : `${line}  INVALID, not used: ${sample.reasons.join('; ')}`;
}

/** `71.2 (70.1 to 73)`; a dash when there is no such figure. */
export function figureText(figure: Figure | undefined, scale = 1): string {
  if (figure === undefined) return '–';
  const text = (value: number): string => significant(value * scale).toLocaleString('en-US', { maximumFractionDigits: 3 });
  return figure.min === undefined || figure.max === undefined || figure.samples?.length === 1 ? text(figure.value) : `${text(figure.value)} (${text(figure.min)} to ${text(figure.max)})`;
}

/** Prints a table with a title. */
export function printTable(title: string, head: readonly string[], rows: readonly (readonly string[])[]): void {
  const table = new Table({ head: [...head], style: { head: [], border: [] }, colAligns: head.map((_, i) => (i === 0 ? 'left' : 'right')) });
  table.push(...rows.map((row) => [...row]));
  process.stdout.write(`\n${title}\n${table.toString()}\n`);
}

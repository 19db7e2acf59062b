/** What `viaduct load` does: puts flags, run, views and files together. Main thread. */
import { accessSync, constants, statSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { systemReason } from '../errors.js';
import { LoadError } from '../load/load-error.js';
import { compare, readResult } from '../load/report/compare.js';
import type { LoadResult } from '../load/report/result.js';
import { runLoad } from '../load/run/run.js';
import { StopRequest } from '../load/run/waker.js';
import { comparisonText, finalText } from '../load/view/final.js';
import { htmlReport } from '../load/view/html.js';
import { LiveView } from '../load/view/live.js';
import { PlainView, SILENT_VIEW } from '../load/view/plain.js';
import { screenOf } from '../load/view/style.js';
import type { LoadView } from '../load/view/view.js';
import { VERSION } from '../telemetry/version.js';
import type { LoadFlags } from './load-flags.js';
import { resolveFlags } from './load-options.js';

const THREAD_ENTRY = new URL('../load/thread.js', import.meta.url);
/** Ended by a second Ctrl+C, as a shell counts it. */
const INTERRUPTED_EXIT_CODE = 130;

/** Runs, or compares, as the flags say; `given` are the names of those that were typed. */
export async function load(flags: LoadFlags, given: readonly string[]): Promise<void> {
  if (flags.compare !== undefined) return printComparison(flags.compare, given);
  const { options, plan, findMax } = await resolveFlags(flags);
  // Better now than after an hour of measuring.
  for (const file of [flags.json, flags.html]) if (file !== undefined && file !== '-') refuseUnwritable(file);
  const stop = new StopRequest();
  const view = viewOf(flags);
  const onSignal = (): void => {
    if (stop.requested) {
      view.end();
      process.exit(INTERRUPTED_EXIT_CODE);
    }
    view.note('stopping: calls in progress get a moment; Ctrl+C again stops at once');
    stop.request();
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  try {
    const result = await runLoad(
      {
        options, plan, findMax, watchPids: flags.watchPid ?? [], thresholds: flags.failIf ?? [], command: commandLine(process.argv.slice(2)), version: VERSION, threadEntry: THREAD_ENTRY,
      },
      view,
      stop,
    );
    report(result, flags);
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

/** Progress goes to standard error, the result to standard output: one can be kept without the other. */
function viewOf({ quiet }: LoadFlags): LoadView {
  if (quiet === true) return SILENT_VIEW;
  const write = (text: string): void => void process.stderr.write(text);
  return screenOf(process.stderr, process.env).terminal ? new LiveView(write, () => screenOf(process.stderr, process.env)) : new PlainView(write);
}

function report(result: LoadResult, { json, html, quiet }: LoadFlags): void {
  const text = `${JSON.stringify(result, null, 1)}\n`;
  if (json === '-') process.stdout.write(text);
  else {
    if (quiet !== true) process.stdout.write(finalText(result, screenOf(process.stdout, process.env)));
    if (json !== undefined) write(json, text);
  }
  if (html !== undefined) write(html, htmlReport(result));
  const written = [json === '-' ? undefined : json, html].filter((file) => file !== undefined);
  if (written.length > 0 && quiet !== true && json !== '-') process.stdout.write(`\nwritten: ${written.join(', ')}\n`);
  process.exitCode = exitCodeOf(result, (line) => process.stderr.write(`viaduct: ${line}\n`));
}

/** 0 or 1; says why it is 1. */
export function exitCodeOf(result: LoadResult, say: (line: string) => void): number {
  const { thresholds, valid, reasons, totals, options, interrupted } = result;
  const failed = thresholds.filter(({ held }) => !held);
  for (const { text, measured } of failed) say(`failed: ${text} (${measured})`);
  if (!valid) say(`the result is INVALID: ${reasons.join('; ')}`);
  const succeeded = (options.role === 'uas' ? totals['answered'] : totals['succeeded']) ?? 0;
  const silent = succeeded === 0 && !interrupted && options.role !== 'uas';
  if (silent && valid) say('no call succeeded');
  return failed.length > 0 || !valid || silent ? 1 : 0;
}

function printComparison(files: readonly string[], given: readonly string[]): void {
  const other = given.find((flag) => flag !== '--compare');
  if (other !== undefined) throw new LoadError('VD_LOAD_USAGE', `--compare makes no run and prints to standard output: found ${other} beside it; allowed: no other flag`);
  const [a, b, ...more] = files;
  if (a === undefined || b === undefined || more.length > 0) throw new LoadError('VD_LOAD_USAGE', `--compare: found ${files.length} ${files.length === 1 ? 'file' : 'files'}; wanted are two results of --json`);
  process.stdout.write(comparisonText(compare(readResult(a), readResult(b)), [a, b], screenOf(process.stdout, process.env)));
}

function refuseUnwritable(file: string): void {
  try {
    const known = statSync(file, { throwIfNoEntry: false });
    if (known?.isDirectory() === true) throw Object.assign(new Error('EISDIR'), { code: 'EISDIR' });
    // A pipe or a device is written as it is; a file may still be made.
    accessSync(known === undefined ? dirname(resolve(file)) : file, constants.W_OK);
  } catch (error) {
    throw new LoadError('VD_LOAD_FILE', `cannot write ${file}: ${systemReason(error)}`, { cause: error });
  }
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new LoadError('VD_LOAD_FILE', `cannot write ${file}: ${systemReason(error)}`, { cause: error });
  }
}

/** The command as a shell would take it, without passwords. */
export function commandLine(args: readonly string[]): string {
  const shown = args.map((arg, i) => (args[i - 1] === '--password' ? '***' : arg.replace(/^(--password=).*/, '$1***')));
  return ['viaduct', ...shown].map((arg) => (/^[\w@%+=:,./*-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", String.raw`'\''`)}'`)).join(' ');
}

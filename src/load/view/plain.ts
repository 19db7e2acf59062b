/** The run as lines that follow each other: for a pipe, a log file, a dumb terminal. */
import type { FindMaxStep } from '../report/result.js';
import { clockText, countText, percentText, rateText, timeText } from '../units.js';
import { stepHeader, stepLine } from './steps.js';
import { lineOf, type Span } from './style.js';
import type { LoadView, Progress, RunHeading } from './view.js';

/** A line a second at first, so that one sees that it works; then one every five seconds. */
const OFTEN_MS = 1000;
const OFTEN_UNTIL_MS = 10_000;
const RARELY_MS = 5000;
/** More callee sockets than this are not listed one by one. */
const SOCKETS_SHOWN = 4;

export class PlainView implements LoadView {
  readonly progressEveryMs = 500;
  private nextMs = OFTEN_MS;
  private shownStep: number | undefined;
  private stepsShown = false;
  private readonly warned = new Set<string>();

  constructor(private readonly write: (text: string) => void) {}

  begin({ scenarios, where, plan, listens }: RunHeading): void {
    this.write(`viaduct load: ${scenarios}, ${where}${listens.length === 0 ? '' : `, callee on ${listensText(listens)}`}: ${plan}\n`);
  }

  progress(progress: Progress): void {
    const { elapsedMs, step, warnings } = progress;
    if (step?.number !== this.shownStep) {
      this.shownStep = step?.number;
      this.nextMs = OFTEN_MS;
    }
    for (const warning of warnings) {
      const kind = warning.replace(/^[\d,]+ /, '');
      if (!this.warned.has(kind)) this.note(`! ${warning}`);
      this.warned.add(kind);
    }
    if (elapsedMs < this.nextMs) return;
    const everyMs = elapsedMs < OFTEN_UNTIL_MS ? OFTEN_MS : RARELY_MS;
    this.nextMs = (Math.floor(elapsedMs / everyMs) + 1) * everyMs;
    this.write(`${progressLine(progress)}\n`);
  }

  step(step: FindMaxStep): void {
    if (!this.stepsShown) this.spans(stepHeader());
    this.stepsShown = true;
    this.spans(stepLine(step));
  }

  note(line: string): void {
    this.write(`${line}\n`);
  }

  end(): void {
    this.nextMs = OFTEN_MS;
  }

  private spans(spans: readonly Span[]): void {
    this.write(`${lineOf(spans, { colors: false, columns: Infinity })}\n`);
  }
}

/** All sockets when they are few, else the first, the last and their number. */
function listensText(listens: readonly string[]): string {
  return listens.length <= SOCKETS_SHOWN ? listens.join(', ') : `${listens[0]!} … ${listens.at(-1)!} (${countText(listens.length)} sockets)`;
}

/** One line: `00:07  2,000/s asked  1,998/s reached …`. */
export function progressLine({ phase, step, elapsedMs, calleeOnly, askedPerS, reachedPerS, inFlight, succeeded, failed, failurePercent, time }: Progress): string {
  const parts = [
    `${clockText(elapsedMs)}${step === undefined ? '' : ` step ${step.number}`}${phase === 'warm-up' ? ' warm-up' : ''}`,
    phase === 'drain' ? 'finishing' : calleeOnly ? `${rateText(reachedPerS)} answered` : `${rateText(askedPerS)} asked  ${rateText(reachedPerS)} reached`,
    `${countText(inFlight)} in flight`,
    `${countText(succeeded)} ok`,
    `${countText(failed)} failed${failed === 0 ? '' : ` (${percentText(failurePercent)})`}`,
  ];
  if (time !== undefined) parts.push(`${time.label} p50 ${timeText(time.p50Us)} p99 ${timeText(time.p99Us)} max ${timeText(time.maxUs)}`);
  return parts.join('  ');
}

/** Says nothing (--quiet). */
export const SILENT_VIEW: LoadView = { progressEveryMs: Infinity, begin: () => undefined, progress: () => undefined, step: () => undefined, note: () => undefined, end: () => undefined };

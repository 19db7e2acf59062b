/** The run on a terminal: a block of lines, redrawn in place. Pure but for the text that it writes. */
import { clockText, countText, percentText, rateText, timeText } from '../units.js';
import { stepHeader, stepLine } from './steps.js';
import { progressBar, sparkline } from './sparkline.js';
import { lineOf, type Screen, type Span } from './style.js';
import type { FindMaxStep } from '../report/result.js';
import type { LoadView, Progress, RunHeading } from './view.js';

const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';
/** A terminal that knows it shows the block at once, none ever sees it half drawn; others ignore it. */
const BEGIN_FRAME = '\x1b[?2026h';
const END_FRAME = '\x1b[?2026l';
const CLEAR_TO_END_OF_LINE = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';
const COLUMNS_MOST = 100;
const LABEL = 11;

const PHASES: Readonly<Record<Progress['phase'], string>> = { 'warm-up': 'warming up', measured: 'measuring', drain: 'finishing' };

/** Draws on a terminal. `screen` is asked again for every frame: windows change their size. */
export class LiveView implements LoadView {
  readonly progressEveryMs = 250;
  private drawn = 0;
  private heading: RunHeading | undefined;
  private stepsShown = false;

  constructor(
    private readonly write: (text: string) => void,
    private readonly screen: () => Screen,
  ) {}

  begin(heading: RunHeading): void {
    this.heading = heading;
    this.write(HIDE_CURSOR);
  }

  progress(progress: Progress): void {
    if (this.heading === undefined) return;
    const { colors, columns } = this.screen();
    // The last column stays free: some terminals wrap when it is written.
    const width = Math.max(1, Math.min(COLUMNS_MOST, columns - 1));
    const lines = layout(this.heading, progress, width).map((spans) => `${lineOf(spans, { colors, columns: width })}${CLEAR_TO_END_OF_LINE}\n`);
    this.write(`${BEGIN_FRAME}${this.up()}${lines.join('')}${CLEAR_BELOW}${END_FRAME}`);
    this.drawn = lines.length;
  }

  step(step: FindMaxStep): void {
    this.print([...(this.stepsShown ? [] : [stepHeader()]), stepLine(step)]);
    this.stepsShown = true;
  }

  note(line: string): void {
    this.print([[line]]);
  }

  end(): void {
    if (this.heading === undefined) return;
    this.heading = undefined;
    this.write(`${this.up()}${CLEAR_BELOW}${SHOW_CURSOR}`);
    this.drawn = 0;
  }

  /** Lines that stay, above the block. */
  private print(lines: readonly (readonly Span[])[]): void {
    const screen = this.screen();
    this.write(`${this.up()}${CLEAR_BELOW}${lines.map((spans) => `${lineOf(spans, screen)}\n`).join('')}`);
    this.drawn = 0;
  }

  private up(): string {
    return this.drawn === 0 ? '' : `\x1b[${this.drawn}F`;
  }
}

/** The lines of the block for a width. */
export function layout(heading: RunHeading, progress: Progress, width: number): Span[][] {
  const { calleeOnly, failed, failures, warnings, time, watchCpuPercent } = progress;
  const behind = isBehind(progress) ? (['yellow'] as const) : [];
  const drains = progress.phase === 'drain';
  const lines: Span[][] = [...flow('', [[['viaduct load', 'bold']], [heading.scenarios], [[heading.where, 'dim']]], width), [[heading.plan, 'dim']], bar(progress, width)];
  lines.push(
    ...flow(label(drains ? 'left' : 'rate'), [
      ...(drains ? [] : calleeOnly ? [[[rateText(progress.reachedPerS), 'bold'] as const, ' answered']] : [[[rateText(progress.askedPerS), 'bold'] as const, ' asked'], [[rateText(progress.reachedPerS), 'bold', ...behind] as const, ' reached']]),
      [[countText(progress.inFlight), 'bold'], ' in flight'],
    ], width),
    ...flow(label('calls'), [
      ...(calleeOnly ? [] : [[`${countText(progress.begun)} begun`]]),
      [[countText(progress.succeeded), 'green'], calleeOnly ? ' answered' : ' succeeded'],
      [failed === 0 ? '0 failed' : [`${countText(failed)} failed (${percentText(progress.failurePercent)})`, 'red']],
    ], width),
    ...flow(label(''), failures.map(([name, count]): Span[] => [[`${countText(count)} ${name}`, 'red']]), width),
  );
  if (time !== undefined) {
    const figures = [['p50', time.p50Us], ['p90', time.p90Us], ['p99', time.p99Us], ['p99.9', time.p999Us], ['max', time.maxUs]] as const;
    lines.push(...flow(label(time.label), figures.map(([name, us]): Span[] => [[`${name} `, 'dim'], name === 'p99' ? [timeText(us), 'bold'] : timeText(us)]), width));
  }
  const odd: Span[][] = [];
  if (progress.retransmissionsSeen > 0) odd.push([`${countText(progress.retransmissionsSeen)} retransmissions`]);
  if (progress.unexpectedMessages > 0) odd.push([[`${countText(progress.unexpectedMessages)} unexpected messages`, 'yellow']]);
  if (watchCpuPercent !== undefined) odd.push([`CPU of the watched ${Math.round(watchCpuPercent)} % of a core`]);
  lines.push(...flow(label('seen'), odd, width), ...sparklines(progress, width));
  for (const warning of warnings) lines.push([['! ', 'yellow', 'bold'], [warning, 'yellow']]);
  return lines;
}

/** The last minute, a character a second. */
function sparklines({ lastMinute, calleeOnly }: Progress, width: number): Span[][] {
  const room = width - LABEL - 20;
  if (room < 10 || lastMinute.length < 2) return [];
  const shown = lastMinute.slice(-Math.min(60, room));
  const rates = shown.map(({ startedPerS, succeededPerS }) => (calleeOnly ? succeededPerS : startedPerS));
  const lines: Span[][] = [[[label('rate'), 'dim'], [sparkline(rates), 'cyan'], [`  ${rateText(Math.max(...rates))} at most`, 'dim']]];
  const p99 = shown.map(({ p99Us }) => p99Us);
  if (p99.some((value) => value !== null)) lines.push([[label('p99'), 'dim'], [sparkline(p99), 'magenta'], [`  ${timeText(Math.max(...p99.map((value) => value ?? 0)))} at most`, 'dim']]);
  return lines;
}

/** What stands before the figures of a line; a long one takes the room that it needs. */
function label(text: string): string {
  return text.length < LABEL ? text.padEnd(LABEL) : `${text} `;
}

const GAP = '   ';

/** Figures behind a label (or none), as many in a line as fit; those that follow stand below them. */
function flow(head: string, cells: readonly (readonly Span[])[], width: number): Span[][] {
  const lines: Span[][] = [];
  let used = Infinity;
  for (const cell of cells) {
    const length = cell.reduce((sum, span) => sum + (typeof span === 'string' ? span : span[0]).length, 0);
    if (used + GAP.length + length > width) {
      const start = lines.length === 0 || head === '' ? head : ' '.repeat(LABEL);
      lines.push([[start, 'dim'], ...cell]);
      used = start.length + length;
    } else {
      lines.at(-1)!.push(GAP, ...cell);
      used += GAP.length + length;
    }
  }
  return lines;
}

function bar({ phase, step, done, elapsedMs, totalMs }: Progress, width: number): Span[] {
  const name = `${step === undefined ? '' : `step ${step.number}, ${rateText(step.ratePerS)}: `}${PHASES[phase]}`;
  const time = totalMs === undefined ? clockText(elapsedMs) : `${clockText(Math.min(elapsedMs, totalMs))} / ${clockText(totalMs)}`;
  if (done === undefined) return [[name, 'cyan'], `  ${time}`];
  const percent = `${Math.floor(done * 100)} %`.padStart(5);
  const room = width - name.length - time.length - percent.length - 6;
  if (room < 6) return [[name, 'cyan'], ` ${percent}  ${time}`];
  const { filled, empty } = progressBar(done, Math.min(50, room));
  return [[filled, 'cyan'], [empty, 'dim'], ` ${percent}   ${time}  `, [name, 'cyan']];
}

function isBehind({ phase, askedPerS, reachedPerS, lastMinute }: Progress): boolean {
  return phase === 'measured' && lastMinute.length > 1 && reachedPerS < 0.95 * askedPerS;
}

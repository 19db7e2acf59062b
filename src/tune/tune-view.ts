/** How a sweep shows itself while it goes on: one line redrawn on a terminal, plain lines elsewhere. Pure but for the text that it writes. */
import { clockText, rateText, timeText } from '../load/units.js';
import { progressBar } from '../load/view/sparkline.js';
import { lineOf, type Screen, type Span } from '../load/view/style.js';
import type { Progress } from '../load/view/view.js';
import { shardsText } from './drive.js';
import { mean } from './model.js';
import type { SweepListener } from './sweep.js';
import type { TuneStep } from './tune-result.js';

const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';
const CLEAR_LINE = '\r\x1b[K';
const BAR_COLUMNS = 20;
/** Of a terminal that says it has none. */
const COLUMNS_UNKNOWN = 80;

/** Shows a sweep. */
export interface TuneView extends SweepListener {
  /** The screen is as it was, what comes next begins on a line of its own. */
  end(): void;
}

/** The view for a screen. */
export function tuneView(screen: () => Screen, write: (text: string) => void, nowMs: () => number): TuneView {
  return screen().terminal ? new LineView(screen, write, nowMs) : new PlainTuneView(write);
}

/** One line, redrawn. */
class LineView implements TuneView {
  private readonly beganMs: number;
  private drawn = false;

  constructor(
    private readonly screen: () => Screen,
    private readonly write: (text: string) => void,
    private readonly nowMs: () => number,
  ) {
    this.beganMs = nowMs();
  }

  at(words: string, done: number, progress: Progress | undefined): void {
    const { colors, columns } = this.screen();
    const { filled, empty } = progressBar(done, BAR_COLUMNS);
    const spans: Span[] = [[filled, 'cyan'], [empty, 'dim'], ` ${clockText(this.nowMs() - this.beganMs)}  `, [words, 'bold'], progressText(progress)];
    this.write(`${this.drawn ? '' : HIDE_CURSOR}${CLEAR_LINE}${lineOf(spans, { colors, columns: Math.max(1, (columns || COLUMNS_UNKNOWN) - 1) })}`);
    this.drawn = true;
  }

  step(step: TuneStep): void {
    this.note(stepLine(step));
  }

  note(line: string): void {
    this.write(`${this.drawn ? CLEAR_LINE : ''}${line}\n`);
  }

  end(): void {
    if (this.drawn) this.write(`${CLEAR_LINE}${SHOW_CURSOR}`);
    this.drawn = false;
  }
}

/** A line when something else begins. */
class PlainTuneView implements TuneView {
  private last = '';

  constructor(private readonly write: (text: string) => void) {}

  at(words: string): void {
    if (words !== this.last) this.write(`${words} …\n`);
    this.last = words;
  }

  step(step: TuneStep): void {
    this.note(stepLine(step));
  }

  note(line: string): void {
    this.write(`${line}\n`);
  }

  end(): void {
    this.last = '';
  }
}

function progressText(progress: Progress | undefined): string {
  if (progress === undefined) return '';
  const { phase, askedPerS, reachedPerS, failed, time } = progress;
  const parts = [phase === 'warm-up' ? 'warming up' : phase === 'measured' ? 'measuring' : 'finishing'];
  if (phase !== 'drain') parts.push(`${rateText(reachedPerS)} of ${rateText(askedPerS)}`);
  if (failed > 0) parts.push(`${failed} failed`);
  if (time !== undefined) parts.push(`p99 ${timeText(time.p99Us)}`);
  return `  ${parts.join('  ')}`;
}

function stepLine({ shards, cpuUsPerCall: cpu, reachedPerS, addedP99Us, remarks }: TuneStep): string {
  const each = cpu.shards.length === 0 ? '' : `, ${cpu.shards.length === 1 ? 'shard' : 'each shard'} ${mean(cpu.shards).toFixed(1)} µs`;
  return `${shardsText(shards)}: main ${cpu.main.toFixed(1)} µs a call${each}, proxy ${cpu.total.toFixed(1)} µs; ${rateText(reachedPerS)}${addedP99Us === null ? '' : `, p99 ${timeText(addedP99Us)}`}${remarks.length === 0 ? '' : `  ! ${remarks.join('; ')}`}`;
}

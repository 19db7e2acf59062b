/** The result as text for a terminal. Pure. */
import { countText, rateText, shortTime, timeText } from '../load/units.js';
import { plainTable } from '../load/view/frame.js';
import { lineOf, type Screen, type Span } from '../load/view/style.js';
import { coalesceFigures } from './advice.js';
import { shardsText } from './drive.js';
import type { DiffLine } from './line-diff.js';
import { mean, PLANNED_SHARE, type Bottleneck, type Prediction } from './model.js';
import type { TuneResult, TuneStep } from './tune-result.js';

/** Characters of a line of prose. */
const PROSE_COLUMNS = 100;

const GIVES_OUT: Readonly<Record<Bottleneck, string>> = { main: 'the main thread', shards: 'the shards', cores: 'all cores together' };

/** The whole result, several lines, the last one ended. */
export function tuneText(result: TuneResult, screen: Pick<Screen, 'colors'>): string {
  const line = (...spans: Span[]): string => lineOf(spans, { colors: screen.colors, columns: Infinity });
  const { ratePerS, warmUpS, measuredS, script, driver, present } = result;
  const what = `${countText(ratePerS)} calls/s through ${script === 'relay' ? 'a plain relay script (Record-Route, stateful)' : script}, ${shortTime(measuredS * 1000)} after ${shortTime(warmUpS * 1000)} of warm-up each; ${driver} driver, coalesceUs ${present.coalesceUs}`;
  const blocks = [
    [line(['Sweep', 'bold']), prose(what, '  '), '', stepsTable(result.steps)].join('\n'),
    ...(result.coalesceRounds.length === 0 ? [] : [coalesceText(result, line)]),
    limitsText(result, line),
    machinesText(result, line),
    ...(result.notes.length === 0 ? [] : [[line(['Note', 'bold']), ...result.notes.map((note) => prose(`${note}.`, '  '))].join('\n')]),
    adviceText(result, line),
  ];
  return `${blocks.join('\n\n')}\n`;
}

type Line = (...spans: Span[]) => string;

function stepsTable(steps: readonly TuneStep[]): string {
  return plainTable(
    ['  shards', 'main', 'each shard', 'other', 'proxy', 'generator', 'reached', 'added p50', 'p99'],
    steps.map(({ shards, cpuUsPerCall: cpu, reachedPerS, addedP50Us, addedP99Us, crowded, remarks }) => [
      `  ${shards}${remarks.length > 0 ? ' !' : crowded ? ' *' : ''}`,
      us(cpu.main),
      cpu.shards.length === 0 ? '–' : us(mean(cpu.shards)),
      us(cpu.other),
      us(cpu.total),
      us(cpu.generator),
      rateText(reachedPerS),
      addedP50Us === null ? '–' : timeText(addedP50Us),
      addedP99Us === null ? '–' : timeText(addedP99Us),
    ]),
  );
}

/** Microseconds of CPU per call, a digit behind the point: rounding must not hide what a few percent are. */
function us(value: number): string {
  return `${value.toFixed(1)} µs`;
}

function coalesceText({ coalesceRounds, present, recommendation }: TuneResult, line: Line): string {
  const rows = coalesceFigures(coalesceRounds).map(({ coalesceUs, totalUs, addedP99Us }) => [
    `  ${coalesceUs}${coalesceUs === present.coalesceUs ? ' (as it is)' : ''}`,
    us(mean(totalUs)),
    totalUs.map((value) => value.toFixed(1)).join(' '),
    timeText(mean(addedP99Us)),
  ]);
  const { coalesceUs: better } = recommendation;
  const verdict =
    better === null
      ? 'No longer pause is clearly cheaper than the present one, no shorter one clearly sooner: it stays'
      : better > present.coalesceUs
        ? `${better} is cheaper in every round, and its delays are hardly longer`
        : `${better} is sooner in every round, and hardly dearer`;
  return [line(['io.coalesceUs', 'bold'], `, with ${shardsText(coalesceRounds[0]?.[0]?.shards ?? 0)}, in turn`), '', plainTable(['  coalesceUs', 'proxy', 'each round', 'added p99'], rows), '', `  ${verdict}.`].join('\n');
}

function limitsText({ prediction, steps }: TuneResult, line: Line): string {
  const { mainLimitPerS, shardLimitPerS, shardsUntilMain } = prediction;
  const rows: Span[][] = [];
  if (shardsUntilMain === 0) rows.push(['  the main thread is full at   ', [rateText(mainLimitPerS), 'bold'], ', with the engine in it']);
  else if (mainLimitPerS === 0) rows.push(['  one shard is full at         ', [rateText(shardLimitPerS), 'bold'], ', with the sockets in it: the main thread has next to nothing to do']);
  else {
    rows.push(['  the main thread is full at   ', [rateText(mainLimitPerS), 'bold'], '   a core for one second ÷ its CPU per call']);
    rows.push(['  one shard is full at         ', [rateText(shardLimitPerS), 'bold']]);
    rows.push(['  shards that keep it busy     ', [String(shardsUntilMain), 'bold'], '   more of them bear no more calls']);
  }
  const measured = Math.max(...steps.map(({ shards }) => shards));
  if (shardsUntilMain > measured) rows.push([['  (more shards than were measured: their costs are taken to be those of the largest step)', 'dim']]);
  return [line(['Limits, by the CPU time of each thread', 'bold']), ...rows.map((spans) => line(...spans))].join('\n');
}

function machinesText({ prediction, cores }: TuneResult, line: Line): string {
  const row = ({ cores: of, shards, limitPerS, bottleneck, estimated }: Prediction): string[] => [
    `  ${of} ${of === 1 ? 'core' : 'cores'}${of === cores ? ', this machine' : ''}`,
    String(shards),
    rateText(limitPerS),
    rateText(Math.floor((limitPerS * PLANNED_SHARE) / 100) * 100),
    `  ${GIVES_OUT[bottleneck]}${estimated ? ' (estimated)' : ''}`,
  ];
  return [
    line(['A machine that has nothing else to do', 'bold']),
    '',
    plainTable(['  cores', 'shards', 'full at', 'plan with', 'gives out first'], prediction.machines.map(row)),
  ].join('\n');
}

function adviceText({ recommendation, present }: TuneResult, line: Line): string {
  const { shards, coalesceUs } = recommendation;
  const rows: Span[][] = [['  shards: ', [String(shards), 'bold', 'green'], shards === present.shards ? '   as it is' : `   now ${present.shards}`]];
  if (coalesceUs !== null) rows.push(['  io.coalesceUs: ', [String(coalesceUs), 'bold', 'green'], `   now ${present.coalesceUs}`]);
  return [line(['Recommended for this machine', 'bold']), ...rows.map((spans) => line(...spans))].join('\n');
}

/** A difference, in colours where there are any. */
export function diffText(file: string, lines: readonly DiffLine[], { colors }: Pick<Screen, 'colors'>): string {
  const shown = lines.map(({ kind, text }) => lineOf([kind === ' ' ? `  ${text}` : [`${kind} ${text}`, kind === '+' ? 'green' : 'red']], { colors, columns: Infinity }));
  return `${[file, ...shown].join('\n')}\n`;
}

/** Text in lines of readable length. */
function prose(text: string, indent: string): string {
  const lines: string[] = [];
  let current = '';
  for (const word of text.split(' ')) {
    if (current !== '' && indent.length + current.length + 1 + word.length > PROSE_COLUMNS) {
      lines.push(current);
      current = word;
    } else current = current === '' ? word : `${current} ${word}`;
  }
  return [...lines, current].map((each) => `${indent}${each}`).join('\n');
}

/**
 * The four machines as SVG: states at fixed places, arrows along fixed lanes, and every label out of the rows of
 * `machines.ts`. What an arrow says and that there is one follows from the table; only where it runs is written here, and a
 * row without a lane is an error. Pure.
 */
import { BEGINNINGS, STATE_NAMES, actionNames, eventName } from './machine-names.js';
import {
  INVITE_CLIENT,
  INVITE_SERVER,
  type Machine,
  NON_INVITE_CLIENT,
  NON_INVITE_SERVER,
  S_IC_ACCEPTED,
  S_IC_CALLING,
  S_IC_COMPLETED,
  S_IC_PROCEEDING,
  S_IS_ACCEPTED,
  S_IS_COMPLETED,
  S_IS_CONFIRMED,
  S_IS_PROCEEDING,
  S_NC_COMPLETED,
  S_NC_PROCEEDING,
  S_NC_TRYING,
  S_NS_COMPLETED,
  S_NS_PROCEEDING,
  S_NS_TRYING,
  S_TERMINATED,
  type Transition,
} from './machines.js';

export const NODE_WIDTH = 124;
export const NODE_HEIGHT = 44;
const LINE_HEIGHT = 16;
/** Room above an event that stands below another one. */
const GAP = 5;
/** Longest line of a label, in characters. */
const LABEL_CHARS = 30;
/** Generous width of a character of a label, in pixels: what a label may take, whatever the font. */
const CHAR_WIDTH = 7.2;
const LOOP = 26;

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** An arrow between two states: the corners of its line, and where its label begins. */
interface Lane {
  readonly from: number;
  readonly to: number;
  /** Empty for a loop, which leaves and enters at the side of its label. */
  readonly path: readonly (readonly [x: number, y: number])[];
  /** First line of the label. `end`: the text ends there. */
  readonly label: readonly [x: number, y: number];
  readonly anchor?: 'start' | 'end';
}

interface Layout {
  readonly machine: Machine;
  readonly file: string;
  readonly width: number;
  readonly height: number;
  readonly nodes: Readonly<Record<number, readonly [x: number, y: number]>>;
  readonly lanes: readonly Lane[];
}

/** A label as it is drawn. */
export interface Label {
  readonly lines: readonly { readonly text: string; readonly isEvent: boolean }[];
  readonly x: number;
  readonly y: number;
  readonly anchor: 'start' | 'end';
  /** Room that it takes at most. */
  readonly box: Box;
}

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** A diagram before it is written: for the SVG, and for the test that nothing lies on top of anything. */
export interface Diagram {
  readonly machine: Machine;
  readonly file: string;
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly { readonly state: number; readonly name: string; readonly center: Point; readonly box: Box }[];
  readonly arrows: readonly { readonly path: readonly Point[]; readonly isLoop: boolean; readonly label: Label }[];
  readonly start: { readonly path: readonly Point[]; readonly label: Label };
}

const LAYOUTS: readonly Layout[] = [
  {
    machine: INVITE_CLIENT,
    file: 'invite-client.svg',
    width: 1040,
    height: 700,
    nodes: { [S_IC_CALLING]: [500, 90], [S_IC_PROCEEDING]: [500, 280], [S_IC_COMPLETED]: [270, 480], [S_IC_ACCEPTED]: [760, 480], [S_TERMINATED]: [500, 650] },
    lanes: [
      { from: S_IC_CALLING, to: S_IC_CALLING, path: [], label: [600, 62] },
      { from: S_IC_CALLING, to: S_IC_PROCEEDING, path: [[500, 112], [500, 258]], label: [512, 160] },
      { from: S_IC_CALLING, to: S_IC_COMPLETED, path: [[438, 100], [226, 100], [226, 458]], label: [238, 140] },
      { from: S_IC_CALLING, to: S_IC_ACCEPTED, path: [[562, 104], [804, 104], [804, 458]], label: [816, 140] },
      { from: S_IC_CALLING, to: S_TERMINATED, path: [[438, 80], [24, 80], [24, 660], [438, 660]], label: [36, 560] },
      { from: S_IC_PROCEEDING, to: S_IC_PROCEEDING, path: [], label: [600, 244] },
      { from: S_IC_PROCEEDING, to: S_IC_COMPLETED, path: [[438, 290], [300, 290], [300, 458]], label: [312, 330] },
      { from: S_IC_PROCEEDING, to: S_IC_ACCEPTED, path: [[530, 302], [530, 400], [730, 400], [730, 458]], label: [542, 336] },
      { from: S_IC_COMPLETED, to: S_IC_COMPLETED, path: [], label: [368, 472] },
      { from: S_IC_COMPLETED, to: S_TERMINATED, path: [[270, 502], [270, 640], [438, 640]], label: [282, 560] },
      { from: S_IC_ACCEPTED, to: S_IC_ACCEPTED, path: [], label: [858, 472] },
      { from: S_IC_ACCEPTED, to: S_TERMINATED, path: [[760, 502], [760, 650], [562, 650]], label: [772, 560] },
    ],
  },
  {
    machine: NON_INVITE_CLIENT,
    file: 'non-invite-client.svg',
    width: 920,
    height: 640,
    nodes: { [S_NC_TRYING]: [400, 90], [S_NC_PROCEEDING]: [400, 260], [S_NC_COMPLETED]: [400, 440], [S_TERMINATED]: [400, 590] },
    lanes: [
      { from: S_NC_TRYING, to: S_NC_TRYING, path: [], label: [500, 62] },
      { from: S_NC_TRYING, to: S_NC_PROCEEDING, path: [[400, 112], [400, 238]], label: [412, 170] },
      { from: S_NC_TRYING, to: S_NC_COMPLETED, path: [[338, 90], [20, 90], [20, 440], [338, 440]], label: [32, 190] },
      { from: S_NC_TRYING, to: S_TERMINATED, path: [[462, 104], [720, 104], [720, 600], [462, 600]], label: [732, 260] },
      { from: S_NC_PROCEEDING, to: S_NC_PROCEEDING, path: [], label: [500, 228] },
      { from: S_NC_PROCEEDING, to: S_NC_COMPLETED, path: [[400, 282], [400, 418]], label: [388, 320], anchor: 'end' },
      { from: S_NC_PROCEEDING, to: S_TERMINATED, path: [[430, 282], [430, 340], [690, 340], [690, 580], [462, 580]], label: [450, 364] },
      { from: S_NC_COMPLETED, to: S_NC_COMPLETED, path: [], label: [500, 420] },
      { from: S_NC_COMPLETED, to: S_TERMINATED, path: [[400, 462], [400, 568]], label: [388, 510], anchor: 'end' },
    ],
  },
  {
    machine: INVITE_SERVER,
    file: 'invite-server.svg',
    width: 1040,
    height: 780,
    nodes: { [S_IS_PROCEEDING]: [500, 150], [S_IS_COMPLETED]: [260, 350], [S_IS_ACCEPTED]: [760, 350], [S_IS_CONFIRMED]: [260, 560], [S_TERMINATED]: [500, 730] },
    lanes: [
      { from: S_IS_PROCEEDING, to: S_IS_PROCEEDING, path: [], label: [600, 20] },
      { from: S_IS_PROCEEDING, to: S_IS_COMPLETED, path: [[438, 150], [260, 150], [260, 328]], label: [248, 200], anchor: 'end' },
      { from: S_IS_PROCEEDING, to: S_IS_ACCEPTED, path: [[562, 164], [760, 164], [760, 328]], label: [772, 200] },
      { from: S_IS_COMPLETED, to: S_IS_COMPLETED, path: [], label: [358, 300] },
      { from: S_IS_COMPLETED, to: S_IS_CONFIRMED, path: [[260, 372], [260, 538]], label: [272, 450] },
      { from: S_IS_COMPLETED, to: S_TERMINATED, path: [[198, 350], [60, 350], [60, 740], [438, 740]], label: [72, 450] },
      { from: S_IS_CONFIRMED, to: S_IS_CONFIRMED, path: [], label: [358, 560] },
      { from: S_IS_CONFIRMED, to: S_TERMINATED, path: [[260, 582], [260, 720], [438, 720]], label: [272, 640] },
      { from: S_IS_ACCEPTED, to: S_IS_ACCEPTED, path: [], label: [858, 304] },
      { from: S_IS_ACCEPTED, to: S_TERMINATED, path: [[760, 372], [760, 730], [562, 730]], label: [772, 560] },
    ],
  },
  {
    machine: NON_INVITE_SERVER,
    file: 'non-invite-server.svg',
    width: 900,
    height: 640,
    nodes: { [S_NS_TRYING]: [400, 90], [S_NS_PROCEEDING]: [400, 250], [S_NS_COMPLETED]: [400, 420], [S_TERMINATED]: [400, 590] },
    lanes: [
      { from: S_NS_TRYING, to: S_NS_TRYING, path: [], label: [500, 78] },
      { from: S_NS_TRYING, to: S_NS_PROCEEDING, path: [[400, 112], [400, 228]], label: [412, 165] },
      { from: S_NS_TRYING, to: S_NS_COMPLETED, path: [[338, 90], [140, 90], [140, 420], [338, 420]], label: [152, 180] },
      { from: S_NS_TRYING, to: S_TERMINATED, path: [[462, 104], [740, 104], [740, 600], [462, 600]], label: [752, 260] },
      { from: S_NS_PROCEEDING, to: S_NS_PROCEEDING, path: [], label: [500, 220] },
      { from: S_NS_PROCEEDING, to: S_NS_COMPLETED, path: [[400, 272], [400, 398]], label: [388, 320], anchor: 'end' },
      { from: S_NS_PROCEEDING, to: S_TERMINATED, path: [[430, 272], [430, 350], [690, 350], [690, 580], [462, 580]], label: [450, 374] },
      { from: S_NS_COMPLETED, to: S_NS_COMPLETED, path: [], label: [500, 418] },
      { from: S_NS_COMPLETED, to: S_TERMINATED, path: [[400, 442], [400, 568]], label: [388, 510], anchor: 'end' },
    ],
  },
];

/** The four diagrams. Throws when a row has no lane, or a lane no row. */
export function diagrams(): Diagram[] {
  return LAYOUTS.map(layOut);
}

function layOut(layout: Layout): Diagram {
  const { machine, file, width, height } = layout;
  const nodes = Object.entries(layout.nodes).map(([state, [x, y]]) => ({
    state: Number(state),
    name: STATE_NAMES[Number(state)]!,
    center: { x, y },
    box: { left: x - NODE_WIDTH / 2, right: x + NODE_WIDTH / 2, top: y - NODE_HEIGHT / 2, bottom: y + NODE_HEIGHT / 2 },
  }));
  const left = new Set(machine.rows);
  const arrows = layout.lanes.map((lane) => {
    const rows = machine.rows.filter(({ state, next }) => state === lane.from && next === lane.to);
    if (rows.length === 0) throw new Error(`${file}: no row goes from ${STATE_NAMES[lane.from]} to ${STATE_NAMES[lane.to]}`);
    for (const row of rows) left.delete(row);
    const isLoop = lane.from === lane.to;
    const path = isLoop ? loop(layout.nodes[lane.from]!) : lane.path.map(([x, y]) => ({ x, y }));
    return { path, isLoop, label: labelOf(labelLines(rows), lane.label, lane.anchor ?? 'start') };
  });
  const [missing] = left;
  if (missing !== undefined) throw new Error(`${file}: no lane from ${STATE_NAMES[missing.state]} to ${STATE_NAMES[missing.next]}`);
  const [x, y] = layout.nodes[machine.initial]!;
  const beginning = BEGINNINGS[machine.name]!;
  const start = {
    path: [{ x, y: 18 }, { x, y: y - NODE_HEIGHT / 2 }],
    label: labelOf([{ text: beginning.event, isEvent: true }, { text: beginning.actions, isEvent: false }], [x - 12, 24], 'end'),
  };
  return { machine, file, width, height, nodes, arrows, start };
}

/** A loop at the right side of a state. */
function loop([x, y]: readonly [number, number]): Point[] {
  const side = x + NODE_WIDTH / 2;
  return [{ x: side, y: y - 14 }, { x: side + LOOP, y: y - 14 }, { x: side + LOOP, y: y + 4 }, { x: side, y: y + 4 }];
}

/** Events that do the same stand together, with what they do once beneath. */
function labelLines(rows: readonly Transition[]): Label['lines'] {
  const byActions = new Map<string, string[]>();
  for (const row of rows) {
    const actions = actionNames(row).join(', ');
    const events = byActions.get(actions) ?? [];
    events.push(eventName(row.state, row.event));
    byActions.set(actions, events);
  }
  return [...byActions].flatMap(([actions, events]) => [
    ...wrap(sharedVerb(events).join(', ')).map((text) => ({ text, isEvent: true })),
    ...wrap(actions === '' ? 'nothing' : actions).map((text) => ({ text, isEvent: false })),
  ]);
}

/** `receive 1xx`, `receive 2xx` as `receive 1xx`, `2xx`. */
function sharedVerb(events: readonly string[]): string[] {
  return events.map((event, i) => {
    const [verb, rest] = event.split(' ');
    const isShared = i > 0 && (verb === 'send' || verb === 'receive') && events[i - 1]!.startsWith(`${verb} `);
    return isShared ? rest! : event;
  });
}

/** Lines of at most `LABEL_CHARS`, broken behind a comma where there is one. */
function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const part of text.split(', ')) {
    if (line !== '' && line.length + 2 + part.length > LABEL_CHARS) {
      lines.push(`${line},`);
      line = part;
    } else {
      line = line === '' ? part : `${line}, ${part}`;
    }
  }
  return [...lines, line];
}

function labelOf(lines: Label['lines'], [x, y]: readonly [number, number], anchor: 'start' | 'end'): Label {
  const width = Math.max(...lines.map(({ text }) => text.length)) * CHAR_WIDTH;
  const top = y - 12;
  const height = lines.length * LINE_HEIGHT + gapsAbove(lines, lines.length) * GAP;
  const box = { left: anchor === 'start' ? x : x - width, right: anchor === 'start' ? x + width : x, top, bottom: top + height };
  return { lines, x, y, anchor, box };
}

/** How many gaps between events lie above line `index`. */
function gapsAbove(lines: Label['lines'], index: number): number {
  let gaps = 0;
  for (let i = 1; i <= index && i < lines.length; i++) if (lines[i]!.isEvent && !lines[i - 1]!.isEvent) gaps++;
  return gaps;
}

/** A diagram as SVG, for a light and a dark page. */
export function renderDiagram({ machine, width, height, nodes, arrows, start }: Diagram): string {
  const text = ({ lines, x, y, anchor }: Label): string[] =>
    lines.map((line, i) => `  <text class="${line.isEvent ? 'event' : 'action'}" x="${x}" y="${y + i * LINE_HEIGHT + gapsAbove(lines, i) * GAP}" text-anchor="${anchor}">${escape(line.text)}</text>`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, 'DejaVu Sans', sans-serif" font-size="12" role="img" aria-label="States of the ${machine.name} transaction">`,
    '  <!-- Drawn from src/transaction/machines.ts by npm run docs:machines. -->',
    '  <style>',
    '    .page { fill: #ffffff; }',
    '    .state { fill: #ddf0ff; stroke: #0969da; stroke-width: 1.5; }',
    '    .over { fill: #f6f8fa; stroke: #8c959f; stroke-width: 1.5; stroke-dasharray: 5 3; }',
    '    .name { fill: #1f2328; font-size: 14px; font-weight: 600; text-anchor: middle; }',
    '    .line { fill: none; stroke: #57606a; stroke-width: 1.4; }',
    '    .tip { fill: #57606a; }',
    '    .event { fill: #1f2328; font-weight: 600; }',
    '    .action { fill: #57606a; }',
    '    @media (prefers-color-scheme: dark) {',
    '      .page { fill: #0d1117; }',
    '      .state { fill: #12263f; stroke: #4493f8; }',
    '      .over { fill: #161b22; stroke: #6e7681; }',
    '      .name, .event { fill: #e6edf3; }',
    '      .line { stroke: #9198a1; }',
    '      .tip { fill: #9198a1; }',
    '      .action { fill: #b1bac4; }',
    '    }',
    '  </style>',
    '  <defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path class="tip" d="M0,0 8,4 0,8z"/></marker></defs>',
    `  <rect class="page" width="${width}" height="${height}" rx="8"/>`,
    ...[start, ...arrows].map(({ path }) => `  <path class="line" d="${rounded(path)}" marker-end="url(#tip)"/>`),
    ...nodes.flatMap(({ state, name, center, box }) => [
      `  <rect class="${state === S_TERMINATED ? 'over' : 'state'}" x="${box.left}" y="${box.top}" width="${NODE_WIDTH}" height="${NODE_HEIGHT}" rx="10"/>`,
      `  <text class="name" x="${center.x}" y="${center.y + 5}">${name}</text>`,
    ]),
    ...[start, ...arrows].flatMap(({ label }) => text(label)),
    '</svg>',
    '',
  ].join('\n');
}

/** A line along right angles, with its corners rounded. */
function rounded(path: readonly Point[]): string {
  const radius = 8;
  const towards = (from: Point, to: Point): Point => {
    const length = Math.hypot(to.x - from.x, to.y - from.y);
    const share = Math.min(radius, length / 2) / length;
    return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
  };
  return path
    .map((point, i) => {
      if (i === 0) return `M${point.x} ${point.y}`;
      const next = path[i + 1];
      if (next === undefined) return `L${point.x} ${point.y}`;
      const before = towards(point, path[i - 1]!);
      const after = towards(point, next);
      return `L${before.x} ${before.y} Q${point.x} ${point.y} ${after.x} ${after.y}`;
    })
    .join(' ');
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

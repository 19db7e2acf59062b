/** Text with colours, or without. Pure, but for the one question what a stream can show. */
import { styleText } from 'node:util';

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan' | 'magenta';

/** A piece of a line, in a colour or plain. */
export type Span = string | readonly [text: string, ...styles: Style[]];

/** What a stream can show. */
export interface Screen {
  /** It is redrawn in place; else lines follow each other. */
  readonly terminal: boolean;
  readonly colors: boolean;
  /** Characters of a line. */
  readonly columns: number;
}

const COLUMNS_DEFAULT = 80;

/** Asks a stream, and the environment: NO_COLOR (any text) and TERM=dumb are honoured. */
export function screenOf(stream: { readonly isTTY?: boolean; readonly columns?: number }, environment: NodeJS.ProcessEnv): Screen {
  const dumb = environment['TERM'] === 'dumb';
  const terminal = stream.isTTY === true && !dumb;
  return { terminal, colors: terminal && (environment['NO_COLOR'] ?? '') === '', columns: stream.columns ?? COLUMNS_DEFAULT };
}

/** The spans as one line of at most `columns` characters; what does not fit ends with an ellipsis. */
export function lineOf(spans: readonly Span[], { colors, columns }: Pick<Screen, 'colors' | 'columns'>): string {
  let left = columns;
  const whole = spans.reduce((sum, span) => sum + textOf(span).length, 0);
  const cut = whole > columns;
  if (cut) left--;
  let line = '';
  for (const span of spans) {
    const text = textOf(span).slice(0, Math.max(0, left));
    left -= text.length;
    line += paint(text, span, colors);
  }
  return cut && columns > 0 ? `${line}…` : line;
}

function textOf(span: Span): string {
  return typeof span === 'string' ? span : span[0];
}

function paint(text: string, span: Span, colors: boolean): string {
  if (!colors || typeof span === 'string' || text === '') return text;
  const [, ...styles] = span;
  return styleText(styles, text);
}

/** What changed between two texts, line by line, as `diff -u` shows it. Pure. */

/** Unchanged lines that are shown around a change. */
const CONTEXT_LINES = 2;

/** A line of the difference: kept, taken out or put in. */
export interface DiffLine {
  readonly kind: ' ' | '-' | '+';
  readonly text: string;
}

/** The changed lines with those around them; an ellipsis line stands where lines are left out between. Empty when nothing changed. */
export function diffLines(before: string, after: string): DiffLine[] {
  const lines = allLines(before.split(/\r?\n/), after.split(/\r?\n/));
  const near = lines.map((_, i) => lines.slice(Math.max(0, i - CONTEXT_LINES), i + CONTEXT_LINES + 1).some(({ kind }) => kind !== ' '));
  const shown: DiffLine[] = [];
  for (const [i, line] of lines.entries()) {
    // The empty text behind the last line end is no line.
    if (!near[i] || (i === lines.length - 1 && line.kind === ' ' && line.text === '')) continue;
    if (shown.length > 0 && !near[i - 1]) shown.push({ kind: ' ', text: '…' });
    shown.push(line);
  }
  return shown;
}

/** The shortest way from one list to the other (Myers 1986): quick when little has changed, which is what it is used for. */
function allLines(a: readonly string[], b: readonly string[]): DiffLine[] {
  const most = a.length + b.length;
  // For each number of changes: how far each diagonal (index in a less index in b) gets.
  const reached: Map<number, number>[] = [];
  for (let changes = 0; changes <= most; changes++) {
    const before = reached.at(-1);
    const far = new Map<number, number>();
    for (let diagonal = -changes; diagonal <= changes; diagonal += 2) {
      let x = before === undefined ? 0 : Math.max(before.get(diagonal + 1) ?? -1, (before.get(diagonal - 1) ?? -2) + 1);
      while (x < a.length && x - diagonal < b.length && a[x] === b[x - diagonal]) x++;
      far.set(diagonal, x);
      if (x >= a.length && x - diagonal >= b.length) return trace(a, b, [...reached, far]);
    }
    reached.push(far);
  }
  return [];
}

function trace(a: readonly string[], b: readonly string[], reached: readonly ReadonlyMap<number, number>[]): DiffLine[] {
  const lines: DiffLine[] = [];
  let x = a.length;
  let y = b.length;
  for (let changes = reached.length - 1; changes >= 0; changes--) {
    const before = reached[changes - 1];
    const diagonal = x - y;
    const insertedFrom = before?.get(diagonal + 1) ?? -1;
    const removedFrom = before?.get(diagonal - 1) ?? -2;
    const start = before === undefined ? 0 : Math.max(insertedFrom, removedFrom + 1);
    while (x > start) {
      x--;
      y--;
      lines.push({ kind: ' ', text: a[x]! });
    }
    if (before === undefined) break;
    if (insertedFrom > removedFrom) lines.push({ kind: '+', text: b[--y]! });
    else lines.push({ kind: '-', text: a[--x]! });
  }
  return lines.reverse();
}

/** A table without frames, as all tables of the command line are. */
import Table from 'cli-table3';

const NO_FRAME = {
  top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '',
  left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '',
};

/** Rows below a head: the first column to the left, the others to the right. Lines have no blanks at their end. */
export function plainTable(head: readonly string[], rows: readonly (readonly string[])[], leftColumns = 1): string {
  const table = new Table({
    head: [...head],
    colAligns: head.map((_, index) => (index < leftColumns ? 'left' : 'right')),
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 2 },
    chars: NO_FRAME,
  });
  for (const row of rows) table.push([...row]);
  return table.toString().split('\n').map((line) => line.trimEnd()).join('\n');
}

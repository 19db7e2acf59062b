/** Small pictures in one line of text. Pure. */

const BARS = '▁▂▃▄▅▆▇█';

/** A character a value, from nothing to the highest; a gap where there is none. */
export function sparkline(values: readonly (number | null)[]): string {
  const most = values.reduce<number>((max, value) => Math.max(max, value ?? 0), 0);
  return values.map((value) => (value === null ? ' ' : BARS[most === 0 ? 0 : Math.min(7, Math.floor((value / most) * 7.999))]!)).join('');
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A bar of `width` characters, filled to `share` (0 to 1) in eighths; the rest is `empty`. */
export function progressBar(share: number, width: number): { readonly filled: string; readonly empty: string } {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * width * 8);
  const filled = '█'.repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8]!;
  return { filled, empty: '░'.repeat(Math.max(0, width - filled.length)) };
}

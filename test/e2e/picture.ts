/** Reads the pixels of a PNG, as far as screenshots need it: 8 bits, RGB or RGBA, not interlaced. */
import { inflateSync } from 'node:zlib';

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** How many pixels have each colour, `#rrggbb`. */
  readonly colors: ReadonlyMap<string, number>;
}

const HEADER_BYTES = 8;

export function readPicture(png: Buffer): Picture {
  const data: Buffer[] = [];
  let [width, height, channels] = [0, 0, 0];
  for (let at = HEADER_BYTES; at < png.length; at += 12 + png.readUInt32BE(at)) {
    const type = png.toString('latin1', at + 4, at + 8);
    const body = png.subarray(at + 8, at + 8 + png.readUInt32BE(at));
    if (type === 'IHDR') {
      [width, height, channels] = [body.readUInt32BE(0), body.readUInt32BE(4), body[9] === 6 ? 4 : 3];
      if (body[8] !== 8 || (body[9] !== 2 && body[9] !== 6) || body[12] !== 0) throw new Error('this kind of PNG is not read here');
    } else if (type === 'IDAT') data.push(body);
  }
  const bytes = inflateSync(Buffer.concat(data));
  const colors = new Map<string, number>();
  const stride = width * channels;
  let above = new Uint8Array(stride);
  for (let y = 0; y < height; y++) {
    const row = unfilter(bytes.subarray(y * (stride + 1) + 1, (y + 1) * (stride + 1)), bytes[y * (stride + 1)]!, above, channels);
    for (let x = 0; x < stride; x += channels) {
      const color = `#${((row[x]! << 16) | (row[x + 1]! << 8) | row[x + 2]!).toString(16).padStart(6, '0')}`;
      colors.set(color, (colors.get(color) ?? 0) + 1);
    }
    above = row;
  }
  return { width, height, colors };
}

/** The five filters of PNG: each byte is told by its difference from those to the left and above. */
function unfilter(filtered: Uint8Array, filter: number, above: Uint8Array, channels: number): Uint8Array<ArrayBuffer> {
  const row = new Uint8Array(filtered.length);
  for (let i = 0; i < row.length; i++) {
    const left = i >= channels ? row[i - channels]! : 0;
    const up = above[i]!;
    const corner = i >= channels ? above[i - channels]! : 0;
    const guess = filter === 1 ? left : filter === 2 ? up : filter === 3 ? (left + up) >> 1 : filter === 4 ? paeth(left, up, corner) : 0;
    row[i] = filtered[i]! + guess;
  }
  return row;
}

function paeth(left: number, up: number, corner: number): number {
  const estimate = left + up - corner;
  const [toLeft, toUp, toCorner] = [Math.abs(estimate - left), Math.abs(estimate - up), Math.abs(estimate - corner)];
  return toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
}

/** docs/state-machines.md and its diagrams: fresh, whole, and readable. */
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type Box, type Point, diagrams } from '../../../src/transaction/machine-diagrams.js';
import { renderMachineDocs } from '../../../src/transaction/machine-docs.js';
import { MACHINES } from '../../../src/transaction/machines.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const made = renderMachineDocs();

describe('the generated files', () => {
  it.each(Object.keys(made))('%s is fresh (else: npm run docs:machines)', (name) => {
    expect(readFileSync(`${ROOT}${name}`, 'utf8')).toBe(made[name]);
  });

  it('are all the pictures that there are', () => {
    expect(readdirSync(`${ROOT}docs/machines`).map((name) => `docs/machines/${name}`).sort()).toEqual(Object.keys(made).filter((name) => name.endsWith('.svg')).sort());
  });

  it('have a row for every transition, and no gap', () => {
    const page = made['docs/state-machines.md']!;
    const rows = page.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| in '));
    expect(rows).toHaveLength(MACHINES.reduce((sum, machine) => sum + machine.rows.length, 0));
    for (const text of Object.values(made)) expect(text).not.toMatch(/undefined|NaN|\[object/);
  });
});

const overlap = (a: Box, b: Box): boolean => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

/** Pieces of a line, as boxes without a width. */
function pieces(path: readonly Point[]): Box[] {
  return path.slice(1).map((to, i) => {
    const from = path[i]!;
    return { left: Math.min(from.x, to.x), right: Math.max(from.x, to.x), top: Math.min(from.y, to.y), bottom: Math.max(from.y, to.y) };
  });
}

/** Whether two pieces lie on one another, or so close that they look like it. */
function runAlong(a: Box, b: Box): boolean {
  const areVertical = a.left === a.right && b.left === b.right;
  const areHorizontal = a.top === a.bottom && b.top === b.bottom;
  return (areVertical && Math.abs(a.left - b.left) < 8 && a.top < b.bottom && b.top < a.bottom) ||
    (areHorizontal && Math.abs(a.top - b.top) < 8 && a.left < b.right && b.left < a.right);
}

describe.each(diagrams().map((diagram) => [diagram.file, diagram] as const))('%s', (_file, { width, height, nodes, arrows, start }) => {
  const all = [start, ...arrows];
  const labels = all.map(({ label }) => label);

  it('has every label within the picture, and on top of nothing', () => {
    const found: string[] = [];
    for (const label of labels) {
      const { box } = label;
      const text = label.lines.map((line) => line.text).join(' / ');
      if (box.left < 0 || box.top < 0 || box.right > width || box.bottom > height) found.push(`"${text}" leaves the picture`);
      for (const { name, box: node } of nodes) if (overlap(box, node)) found.push(`"${text}" lies on ${name}`);
      for (const other of labels) if (other !== label && overlap(box, other.box)) found.push(`"${text}" lies on "${other.lines[0]?.text}"`);
      for (const { path, label: its } of all) if (pieces(path).some((piece) => overlap(box, piece))) found.push(`"${text}" lies on the line of "${its.lines[0]?.text}"`);
    }
    expect(found).toEqual([]);
  });

  it('has no line through a state, and none that runs along another', () => {
    const found: string[] = [];
    all.forEach(({ path, label }, i) => {
      const text = label.lines[0]?.text;
      for (const piece of pieces(path)) {
        for (const { name, box } of nodes) if (overlap(piece, box)) found.push(`the line of "${text}" runs through ${name}`);
        for (const other of all.slice(i + 1)) {
          if (pieces(other.path).some((along) => runAlong(piece, along))) found.push(`the lines of "${text}" and "${other.label.lines[0]?.text}" run along each other`);
        }
      }
    });
    expect(found).toEqual([]);
  });
});

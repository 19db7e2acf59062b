/** The pages that are made from results, as files: written, or compared with what is there. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { RESULTS_FOLDER, ROOT, readResult, type BenchResult } from '../results.js';
import { renderBenchmarkDocs, renderReadme } from './render.js';

const PICTURES = 'docs/benchmarks';

/** All committed results, by name. */
export function allResults(): Map<string, BenchResult> {
  const names = existsSync(RESULTS_FOLDER) ? readdirSync(RESULTS_FOLDER).filter((file) => file.endsWith('.json')).map((file) => file.slice(0, -'.json'.length)) : [];
  return new Map(names.sort().map((name) => [name, readResult(name)!]));
}

/** Text by path below the package's folder; null: a picture of a result that is gone, to be removed. */
export function benchmarkFiles(): Map<string, string | null> {
  const results = allResults();
  const files = new Map<string, string | null>(Object.entries(renderBenchmarkDocs(results)));
  files.set('README.md', renderReadme(readFileSync(join(ROOT, 'README.md'), 'utf8'), results));
  if (existsSync(join(ROOT, PICTURES))) {
    for (const name of readdirSync(join(ROOT, PICTURES))) if (!files.has(`${PICTURES}/${name}`)) files.set(`${PICTURES}/${name}`, null);
  }
  return files;
}

/** Paths of the files that differ from what the results say. */
export function staleFiles(): string[] {
  return [...benchmarkFiles()].filter(([path, text]) => {
    const file = join(ROOT, path);
    return text === null || !existsSync(file) || readFileSync(file, 'utf8') !== text;
  }).map(([path]) => path);
}

/** Writes what differs, removes what has no result any more, and returns a line about each. */
export function writeStaleFiles(): string[] {
  const files = benchmarkFiles();
  const stale = staleFiles();
  for (const path of stale) {
    const text = files.get(path) ?? null;
    if (text === null) rmSync(join(ROOT, path));
    else {
      mkdirSync(dirname(join(ROOT, path)), { recursive: true });
      writeFileSync(join(ROOT, path), text);
    }
  }
  return stale.map((path) => `${files.get(path) === null ? 'removed' : 'written'}: ${path}`);
}

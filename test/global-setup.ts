/**
 * Before any test: the same set-up that `npm start` and `npm test` do, so that `dist/` is there and not older than
 * `src/` even when vitest is started by itself. `scripts/setup.mjs` does nothing when nothing is stale, and two runs at
 * once wait for one another.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

export default function setup(): void {
  if (!existsSync(`${ROOT}scripts/setup.mjs`)) return;
  const result = spawnSync(process.execPath, ['scripts/setup.mjs'], { cwd: ROOT, encoding: 'utf8', timeout: 300_000 });
  if (result.status !== 0) throw new Error(`scripts/setup.mjs failed:\n${result.stdout}${result.stderr}`);
}

/**
 * Runs `dist/cli/main.js load` in a process of its own and reads the result that it writes with `--json`.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LoadResult } from '../../src/load/report/result.js';
import type { Address } from './free-port.js';
import { waitUntil, type ProcessGroup } from './process-group.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** Starting takes a second or two, more when the machine is busy. */
const START_MS = 20_000;
/** A run that takes longer has failed. */
const RUN_MS = 60_000;

/** How a run ended. */
export interface LoadEnd {
  readonly code: number | null;
  /** Both streams. */
  readonly output: string;
  readonly result: LoadResult;
}

/** A running generator. */
export interface LoadProcess {
  /** Where its first callee socket is bound, once it has said so. */
  callee(): Promise<Address>;
  /** Rejects when it ends without a result, or not in time. */
  readonly end: Promise<LoadEnd>;
}

/** Starts `viaduct load` with these flags. */
export function startLoad(group: ProcessGroup, ...flags: readonly string[]): LoadProcess {
  const folder = group.newFolder('load');
  const file = join(folder, 'result.json');
  const child = group.start(process.execPath, [MAIN, 'load', ...flags, '--json', file], { cwd: folder, env: { ...process.env, NO_COLOR: '1' } });
  const text = (): string => Buffer.from(child.output(), 'latin1').toString('utf8');
  const shown = (): string => `viaduct load ${flags.join(' ')}\n${text()}`;
  let ended = false;
  const late = setTimeout(() => child.process.kill('SIGKILL'), RUN_MS);
  const end = child.exited.then(({ code }) => {
    ended = true;
    clearTimeout(late);
    if (!existsSync(file)) throw new Error(`ended with ${String(code)} and no result: ${shown()}`);
    return { code, output: text(), result: JSON.parse(readFileSync(file, 'utf8')) as LoadResult };
  });
  // Whoever waits for it hears of it; nobody may, when the other side failed first.
  end.catch(() => undefined);
  const callee = async (): Promise<Address> => {
    const port = (): string | undefined => /callee on 127\.0\.0\.1:(\d+)/.exec(text())?.[1];
    await waitUntil(() => ended || port() !== undefined, START_MS, () => `does not say where it listens: ${shown()}`);
    const found = port();
    if (found === undefined) throw new Error(`does not say where it listens: ${shown()}`);
    return { host: '127.0.0.1', port: Number(found) };
  };
  return { callee, end };
}

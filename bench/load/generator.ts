/**
 * `viaduct load` of this working tree's build, calling itself over loopback: one process that is caller and callee, on
 * sockets of their own. What it prints with `--json` is its result.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LoadResult } from '../../src/load/index.js';
import { freeAddress } from '../../test/e2e/free-port.js';
import type { Child, ProcessGroup } from '../../test/e2e/process-group.js';
import { ROOT } from '../results.js';

export interface Generator {
  readonly pid: number;
  /** Settles when it has ended; rejects when it ended without a result. */
  readonly result: Promise<LoadResult>;
}

/** Starts it with these flags beside `--target` and `--listen`. Threads beyond the first listen on the ports that follow. */
export async function startGenerator(group: ProcessGroup, flags: readonly string[]): Promise<Generator> {
  const folder = group.newFolder('viaduct');
  const file = join(folder, 'result.json');
  const { host, port } = await freeAddress('127.0.0.1');
  const place = `${host}:${port}`;
  const child = group.start(process.execPath, [join(ROOT, 'dist/cli/main.js'), 'load', '--quiet', '--json', file, '--target', place, '--listen', place, ...flags], { cwd: folder });
  const result = resultOf(child, file);
  // Whoever waits for it hears of it; nobody may, when something else failed first.
  result.catch(() => undefined);
  if (child.process.pid === undefined) await result;
  return { pid: child.process.pid!, result };
}

async function resultOf(child: Child, file: string): Promise<LoadResult> {
  const { code } = await child.exited;
  // 1: an invalid result, which is a result.
  if ((code !== 0 && code !== 1) || !existsSync(file)) throw new Error(`viaduct load failed (exit code ${code}):\n${child.output()}`);
  return JSON.parse(readFileSync(file, 'utf8')) as LoadResult;
}

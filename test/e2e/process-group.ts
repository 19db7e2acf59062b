/**
 * The child processes and the temporary folder of one test suite. Whatever happens, `dispose()` ends every process that
 * was started here, by its own handle, and removes the folder.
 */
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const live = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of live) child.kill('SIGKILL');
});

/** How a child ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A running child with its output so far. */
export interface Child {
  readonly process: ChildProcess;
  /** Settles when it has ended and all of its output has been read. */
  readonly exited: Promise<Exit>;
  /** Standard output and standard error together, the last 256 KiB. */
  output(): string;
}

const OUTPUT_LIMIT = 256 * 1024;

export class ProcessGroup {
  readonly folder: string;
  readonly #children = new Set<Child>();
  #folders = 0;

  constructor(name: string) {
    this.folder = mkdtempSync(join(tmpdir(), `viaduct-e2e-${name}-`));
  }

  /** A new folder inside the group's own. */
  newFolder(name: string): string {
    const folder = join(this.folder, `${String(++this.#folders)}-${name}`);
    mkdirSync(folder);
    return folder;
  }

  start(command: string, args: readonly string[], options: SpawnOptions): Child {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    const collect = (chunk: Buffer): void => {
      text = (text + chunk.toString('latin1')).slice(-OUTPUT_LIMIT);
    };
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    live.add(child);
    const exited = new Promise<Exit>((resolve) => {
      child.once('error', (error) => {
        live.delete(child);
        text += `\n${String(error)}`;
        resolve({ code: null, signal: null });
      });
      child.once('exit', () => live.delete(child));
      child.once('close', (code, signal) => {
        resolve({ code, signal });
      });
    });
    const entry: Child = { process: child, exited, output: () => text };
    this.#children.add(entry);
    return entry;
  }

  /** Kills what still runs, waits for it, and removes the folder. */
  async dispose(): Promise<void> {
    for (const { process: child } of this.#children) if (live.has(child)) child.kill('SIGKILL');
    // Not `exited`: a grandchild may hold on to the pipes.
    await waitUntil(() => [...this.#children].every(({ process: child }) => !live.has(child)), 10_000, () => 'a killed process does not end');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Calls `check` every few milliseconds until it is true; throws `what` after `limitMs`. */
export async function waitUntil(check: () => boolean | Promise<boolean>, limitMs: number, what: () => string): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(what());
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

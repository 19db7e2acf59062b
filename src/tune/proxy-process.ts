/**
 * A proxy in a process of its own, as `viaduct tune` sees it: started, stopped, gone for certain. Main thread.
 *
 * Invariant: every proxy that was started is among `living` until its process has ended, and when this process exits the
 * rest of them are killed.
 */
import { fork, type ChildProcess } from 'node:child_process';
import type { Config } from '../config/schema.js';
import type { ProxyOrder, ProxyReport } from './proxy-protocol.js';
import { TuneError } from './tune-error.js';

const START_LIMIT_MS = 30_000;
/** Longer than a proxy takes to give up stopping by itself. */
const STOP_LIMIT_MS = 3000;
/** Characters of its last words that are kept. */
const WORDS_CHARS = 2000;

const living = new Set<ChildProcess>();
let guarded = false;

/** A proxy that takes calls. */
export interface ProxyProcess {
  readonly pid: number;
  /** On 127.0.0.1. */
  readonly port: number;
  readonly driver: 'batch' | 'dgram';
  /** By shard. */
  readonly shardThreads: readonly number[];
  /** Why it ended by itself; undefined while it runs. */
  readonly failure: string | undefined;
  /** Stops it; resolves when its process has ended. */
  stop(): Promise<void>;
}

/** Starts one. `entry` is `proxy-main.js`. Rejects with a TuneError when it does not start; its process has ended then. */
export async function startProxyProcess(config: Config, entry: URL): Promise<ProxyProcess> {
  guardExit();
  const child = fork(entry, { serialization: 'advanced', stdio: ['ignore', 'ignore', 'pipe', 'ipc'], execArgv: [] });
  living.add(child);
  let words = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (words = (words + text).slice(-WORDS_CHARS)));
  const life = { failure: undefined as string | undefined, stopping: false };
  const ended = new Promise<void>((resolve) => {
    const end = (how: string): void => {
      living.delete(child);
      if (!life.stopping) life.failure ??= `${how}${lastLine(words)}`;
      resolve();
    };
    child.once('error', (error) => end(error.message));
    child.once('exit', (code, signal) => end(`it ended with ${signal ?? `exit code ${code ?? '?'}`}`));
  });
  const stop = async (): Promise<void> => {
    life.stopping = true;
    if (child.connected) child.disconnect();
    const limit = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
    await ended;
    clearTimeout(limit);
  };
  try {
    const report = await started(child, ended, { config }, life);
    const { port, driver, shardThreads } = report;
    return {
      pid: child.pid ?? 0,
      port,
      driver,
      shardThreads,
      get failure() {
        return life.failure;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function started(child: ChildProcess, ended: Promise<void>, order: ProxyOrder, life: { readonly failure: string | undefined }): Promise<Extract<ProxyReport, { type: 'ready' }>> {
  let limit: NodeJS.Timeout | undefined;
  const report = await Promise.race([
    new Promise<ProxyReport>((resolve) => child.once('message', (message) => resolve(message as ProxyReport))),
    ended.then((): ProxyReport => ({ type: 'failed', line: life.failure ?? 'it ended' })),
    new Promise<ProxyReport>((resolve) => {
      limit = setTimeout(() => resolve({ type: 'failed', line: `it was not ready within ${START_LIMIT_MS / 1000} s` }), START_LIMIT_MS);
      child.send(order, (error) => {
        if (error !== null) resolve({ type: 'failed', line: error.message });
      });
    }),
  ]);
  clearTimeout(limit);
  if (report.type === 'failed') throw new TuneError('VD_TUNE_PROXY', `the proxy to be measured did not start: ${report.line}`);
  return report;
}

/** Kills what is left. For a process that is about to exit at once. */
export function killProxies(): void {
  for (const child of living) child.kill('SIGKILL');
}

function guardExit(): void {
  if (guarded) return;
  guarded = true;
  process.once('exit', killProxies);
}

function lastLine(text: string): string {
  const line = text.trim().split('\n').at(-1) ?? '';
  return line === '' ? '' : `: ${line}`;
}

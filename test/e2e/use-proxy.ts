/** A proxy for all tests of a `describe` block: started before them, stopped (exit code 0) and cleaned up after them. */
import { afterAll, beforeAll } from 'vitest';
import { ProcessGroup } from './process-group.js';
import type { ProxyOptions, ProxyProcess } from './proxy-process.js';
import { startProxy } from './viaduct-process.js';

export interface ProxyHandle {
  readonly group: ProcessGroup;
  /** The running proxy; throws outside of tests. */
  readonly proxy: ProxyProcess;
}

/**
 * Registers the hooks in the surrounding `describe`. Options that are known only when the tests run come from a function;
 * `lastCheck` runs after the tests, before the proxy stops.
 */
export function useProxy(
  name: string,
  options: ProxyOptions | (() => Promise<ProxyOptions>),
  lastCheck?: (proxy: ProxyProcess) => Promise<void>,
): ProxyHandle {
  let group: ProcessGroup | undefined;
  let proxy: ProxyProcess | undefined;
  beforeAll(async () => {
    group = new ProcessGroup(name);
    proxy = await startProxy(group, typeof options === 'function' ? await options() : options);
  });
  afterAll(async () => {
    try {
      if (proxy !== undefined) {
        await lastCheck?.(proxy);
        await proxy.stop();
      }
    } finally {
      await group?.dispose();
    }
  });
  return {
    get group() {
      if (group === undefined) throw new Error('no test is running');
      return group;
    },
    get proxy() {
      if (proxy === undefined) throw new Error('the proxy is not running');
      return proxy;
    },
  };
}

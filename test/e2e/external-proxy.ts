/**
 * Runs a proxy other than Viaduct under the same tests. VIADUCT_E2E_PROXY is a command; it finds in its environment
 * PROXY_LISTEN (`127.0.0.1:5060,[::1]:5060`), PROXY_WORKERS, PROXY_ROUTES (the routing script whose behaviour it is to
 * copy) and the timers PROXY_T1, PROXY_T2, PROXY_T4 and PROXY_TC in milliseconds, and runs in the foreground.
 */
import { freeAddress, hostPort } from './free-port.js';
import type { ProcessGroup } from './process-group.js';
import type { ProxyOptions, ProxyProcess } from './proxy-process.js';
import { answersProbe } from './sip-socket.js';

export async function startExternalProxy(group: ProcessGroup, command: string, options: ProxyOptions): Promise<ProxyProcess> {
  const ipv4 = await freeAddress('127.0.0.1');
  const ipv6 = options.ipv6 === true ? await freeAddress('::1') : undefined;
  const { timers = {} } = options;
  const child = group.start(command, [], {
    cwd: group.newFolder('proxy'),
    env: {
      ...process.env,
      ...options.env,
      PROXY_LISTEN: [ipv4, ...(ipv6 === undefined ? [] : [ipv6])].map(hostPort).join(','),
      PROXY_WORKERS: String(options.shards),
      PROXY_ROUTES: options.routes ?? 'calls',
      PROXY_T1: String(timers.t1Ms ?? 500),
      PROXY_T2: String(timers.t2Ms ?? 4000),
      PROXY_T4: String(timers.t4Ms ?? 5000),
      PROXY_TC: String(timers.timerCMs ?? 185_000),
    },
  });
  if (!(await answersProbe(ipv4, 15_000))) throw new Error(`the proxy does not answer: ${child.output()}`);
  return {
    ipv4,
    ipv6,
    pid: child.process.pid ?? 0,
    counters: () => Promise.resolve(undefined),
    printedCounters: () => Promise.resolve(undefined),
    output: () => child.output(),
    stop: async () => {
      child.process.kill('SIGTERM');
      const { code, signal } = await child.exited;
      if (code !== 0) throw new Error(`the proxy ended with ${String(code ?? signal)}: ${child.output()}`);
    },
  };
}

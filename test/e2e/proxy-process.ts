/**
 * The proxy that an end-to-end test talks to, as an operating system process: Viaduct, or any other SIP proxy when
 * VIADUCT_E2E_PROXY names a command that runs one (see `external-proxy.ts`), so that scenarios can be tried against
 * other implementations.
 */
import type { Address } from './free-port.js';

/** The UDP drivers that work here. */
export const DRIVERS = process.platform === 'linux' ? (['batch', 'dgram'] as const) : (['dgram'] as const);

export interface ProxyOptions {
  readonly shards: number;
  readonly io: 'batch' | 'dgram';
  /** Listen on [::1] too. */
  readonly ipv6?: boolean;
  /** Routing script in `routes/`, without `.ts`; `calls` by default. */
  readonly routes?: string;
  /** `NAME=value` pairs that a routing script reads from the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Arguments of node itself. */
  readonly nodeArgs?: readonly string[];
  /** `proxy.earlyCancelMs`; the default when left out. */
  readonly earlyCancelMs?: number;
  /** Timer settings in milliseconds; what is left out keeps its default. */
  readonly timers?: {
    readonly t1Ms?: number;
    readonly t2Ms?: number;
    readonly t4Ms?: number;
    readonly timerCMs?: number;
    readonly timerDMs?: number;
  };
}

/** Counters by name, summed over the shards. */
export type Counters = Readonly<Record<string, number>>;

export interface ProxyProcess {
  readonly ipv4: Address;
  readonly ipv6: Address | undefined;
  readonly pid: number;
  /** What it has counted so far; undefined for a proxy that is not Viaduct. */
  counters(): Promise<Counters | undefined>;
  /** The same as `viaduct stats --json` prints it, in a process of its own. */
  printedCounters(): Promise<Counters | undefined>;
  /** Its log, for failure reports. */
  output(): string;
  /** SIGTERM; throws unless it ends by itself with exit code 0. */
  stop(): Promise<void>;
}

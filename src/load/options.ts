/** The options of a load run, resolved and checked: what the command line, defaults and scenario files come to. Plain data. */

/** A time that may vary: `2s`, `1s-3s` (even), `exp:2s` (exponential, mean 2 s, cut at 10 times it). */
export type Duration =
  | { readonly kind: 'fixed'; readonly ms: number }
  | { readonly kind: 'uniform'; readonly minMs: number; readonly maxMs: number }
  | { readonly kind: 'exponential'; readonly meanMs: number };

/** Someone who calls, is called or registers. */
export interface LoadUser {
  readonly name: string;
  readonly password: string;
}

/** One part of a mix: a scenario by name (or file) and its weight. */
export interface ScenarioShare {
  /** A built-in name, or the absolute path of a scenario file. */
  readonly scenario: string;
  readonly weight: number;
}

export interface LoadOptions {
  readonly role: 'both' | 'uac' | 'uas';
  /** Where requests go: IP literal and port. Undefined for `uas` alone. */
  readonly target: { readonly host: string; readonly family: 4 | 6; readonly port: number } | undefined;
  /** Callee sockets: address and first port; thread i of n with k sockets each takes ports from `port + i·k` on. Port 0: any. */
  readonly listen: { readonly host: string; readonly family: 4 | 6; readonly port: number };
  /** Caller sockets: local address; ports are the system's. */
  readonly callerHost: string;
  readonly socketsPerThread: number;
  readonly threads: number;
  readonly scenarios: readonly ScenarioShare[];
  readonly arrivals: 'poisson' | 'even';
  /** Calls in progress on the caller side of all threads together; those due beyond it are skipped and counted. */
  readonly concurrency: number;
  readonly ring: Duration;
  readonly hold: Duration;
  /** For `cancel`: ring time until the caller cancels. */
  readonly cancelAfter: Duration;
  /** Domain of To and From URIs and Request-URIs; the proxy's address by default. */
  readonly domain: string;
  /** From a CSV, or generated: `count` users user0, user1 … with passwords of the same name prefix. */
  readonly users: { readonly kind: 'list'; readonly list: readonly LoadUser[] } | { readonly kind: 'generated'; readonly count: number; readonly password: string };
  readonly faults: {
    /** Percent of requests sent twice. */
    readonly retransmitPercent: number;
    /** Percent of messages thrown away, both directions, on the generator's side. */
    readonly lossPercent: number;
    /** Every message sent is held back this long. */
    readonly delayMs: number;
    /** Percent of messages held back so that later ones overtake them. */
    readonly reorderPercent: number;
  };
  readonly t1Ms: number;
  readonly seed: number;
  readonly driver: 'auto' | 'batch' | 'dgram';
  /** How long messages gather before they are read, where many come and the driver can (gathering.ts); 0: never. */
  readonly coalesceUs: number;
}

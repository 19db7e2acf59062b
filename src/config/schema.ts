/**
 * The configuration: every setting with its type, default, bounds, unit and meaning, once. `Settings` is what a file
 * says, defaults filled in; `Config` is what the server takes, addresses parsed and paths resolved.
 */
import { z } from 'zod';
import { DATAGRAM_BYTES_MAX, LISTENERS_MAX, SHARDS_MAX, STORE_BYTES_MAX, TRANSACTIONS_MAX } from '../limits.js';
import type { EngineLimits, TimerSettings } from '../proxy/ports.js';
import { parseAdvertise, parseBind } from './address.js';
import { choice, describe, integer, section, shorthand } from './setting.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const HOUR_MS = 3_600_000;

const BIND_ALLOWED = 'udp:ADDRESS:PORT with an IP address (IPv6 in brackets) and a port from 0 to 65535, as in udp:127.0.0.1:5060 or udp:[::1]:5060';

const listener = describe(
  shorthand(
    'bind',
    z.strictObject({
      bind: describe(z.string().refine((text) => parseBind(text) !== undefined), {
        description: 'The local address: `udp:` and an IP address with a port. Port 0 lets the system choose one.',
        kind: 'text',
        allowed: BIND_ALLOWED,
      }),
      advertise: describe(z.string().refine((text) => parseAdvertise(text) !== undefined).optional(), {
        description: 'The address that others reach this listener by, written into Via and Record-Route: a public address behind NAT, or a name. Without a port, the bound one.',
        kind: 'text',
        allowed: 'HOST or HOST:PORT with a host name or an IP address (IPv6 in brackets), as in sip.example.com or 203.0.113.7:5060',
        defaultText: 'the bound address',
      }),
    }),
  ),
  {
    description: 'One listener: an address, or a mapping with `bind` and `advertise`.',
    kind: 'text or mapping',
    allowed: `${BIND_ALLOWED}; or a mapping with the keys bind, advertise`,
    shorthand: 'bind',
  },
);

const io = shorthand(
  'driver',
  z.strictObject({
    driver: choice(['auto', 'batch', 'dgram'], {
      default: 'auto',
      description: 'The UDP driver. `batch` takes and sends many datagrams a system call (Linux on x64 and arm64); `dgram` works everywhere; `auto` takes `batch` wherever it works.',
    }),
    coalesceUs: integer({
      min: 0, max: 2_000, default: 750, unit: 'µs',
      description: 'Longest pause between two receives under load, so that messages are handled in batches, as network cards do: what a message waits at most in exchange for less CPU. Shorter the more messages come, none at low rates; 0 switches it off for good.',
    }),
    receiver: choice(['auto', 'main'], {
      default: 'auto',
      description: 'The thread that reads the sockets, which the main thread opens and owns. `auto`: with `shards: 1` and the batch driver the shard itself, since there is no shard to choose; else the main thread. `main`: always the main thread, which hands messages over.',
    }),
    receiveBufferBytes: integer({
      min: 0, max: GIB, default: 8 * MIB, unit: 'bytes',
      description: 'Receive buffer asked of the system for each socket; a smaller one given is warned about. 0 leaves the system’s default.',
    }),
    sendBufferBytes: integer({
      min: 0, max: GIB, default: 4 * MIB, unit: 'bytes',
      description: 'Send buffer asked of the system for each socket. 0 leaves the system’s default.',
    }),
    ringBytes: integer({
      min: 256 * KIB, max: 256 * MIB, default: 4 * MIB, unit: 'bytes', powerOfTwo: true,
      description: 'Each of the two rings between the main thread and a shard. A full ring drops messages and counts them.',
    }),
  }).prefault({}),
);

/** The schema of a configuration file. */
export const configSchema = z.strictObject({
  listen: describe(z.array(listener).min(1).max(LISTENERS_MAX).default([{ bind: 'udp:127.0.0.1:5060' }]), {
    description: 'Where Viaduct listens: UDP addresses, IPv4 and IPv6.',
    kind: 'list',
    allowed: `a list of 1 to ${LISTENERS_MAX} listeners, as in [udp:127.0.0.1:5060]`,
    defaultText: '`[udp:127.0.0.1:5060]`',
  }),
  shards: describe(z.union([z.literal('auto'), z.int().min(0).max(SHARDS_MAX)]).default('auto'), {
    description: 'Worker threads that run transactions and the script. `auto`: one fewer than the processor cores, at least 1. 0: none, the main thread does it all; for machines with one core, and for debugging.',
    kind: 'integer or word',
    allowed: `auto, or an integer from 0 to ${SHARDS_MAX}`,
  }),
  routes: describe(z.string().min(1), {
    description: 'The routing script, TypeScript or JavaScript. A relative path starts at the folder of the configuration file (in `--set`: at the working directory).',
    kind: 'path',
    allowed: 'the path of a routing script, as in ./relay.ts',
  }),
  io: describe(io, {
    description: 'How datagrams get in and out. `io: batch` is short for `io: { driver: batch }`.',
    kind: 'section',
    allowed: 'auto, batch, dgram; or a mapping with the keys driver, coalesceUs, receiver, receiveBufferBytes, sendBufferBytes, ringBytes',
    shorthand: 'driver',
  }),
  sharding: section('Which shard a message belongs to.', {
    key: choice(['transaction', 'call-id'], {
      default: 'transaction',
      description: 'What a request that starts something new is sharded by. `call-id` keeps all requests of a Call-ID in one shard, which finds merged requests across branches.',
    }),
    node: integer({
      min: 0, max: 255, default: 0,
      description: 'Tells instances apart that may see each other’s messages: it stands in branches and Record-Route URIs.',
    }),
    secret: describe(z.string().regex(/^[0-9a-fA-F]{32}$/).optional(), {
      description: 'The key behind branches and shard choice. Instances that share it, and a restarted instance, recognise each other’s branches. Keep it out of version control.',
      kind: 'text',
      allowed: '32 hexadecimal digits (128 bits), in quotes',
      defaultText: 'random at each start',
      secret: true,
    }),
  }),
  timers: section('The timers of RFC 3261 (its Table 4). The defaults are what every network expects: change them for tests only.', {
    t1Ms: integer({ min: 10, max: 10_000, default: 500, unit: 'ms', description: 'T1, the estimated round-trip time: the first retransmission comes after it, timeouts after 64 of it.' }),
    t2Ms: integer({ min: 10, max: 60_000, default: 4_000, unit: 'ms', description: 'T2, the longest interval between retransmissions of non-INVITE requests and INVITE responses.' }),
    t4Ms: integer({ min: 10, max: 60_000, default: 5_000, unit: 'ms', description: 'T4, the longest time a message stays in the network.' }),
    timerCMs: integer({ min: 1_000, max: 24 * HOUR_MS, default: 185_000, unit: 'ms', description: 'Timer C: how long an INVITE may ring after its last provisional response. RFC 3261 §16.6 wants more than three minutes (180000); lower is for tests.' }),
    timerDMs: integer({ min: 10, max: HOUR_MS, default: 32_000, unit: 'ms', description: 'Timer D: how long a failed INVITE stays to absorb repeated responses. RFC 3261 §17.1.1.2 wants at least 32000 over UDP; lower is for tests.' }),
  }),
  limits: section('Bounds of each shard. What is full refuses (503) or drops, and counts it; nothing grows without end.', {
    transactions: integer({ min: 16, max: TRANSACTIONS_MAX, default: 500_000, description: 'Server transactions in one shard. A finished one stays 32 s, so 1,000 calls/s (INVITE and BYE) keep some 64,000.' }),
    branches: integer({ min: 16, max: TRANSACTIONS_MAX, default: 500_000, description: 'Client transactions (branches) in one shard: at least as many as transactions, more if the script forks.' }),
    storeBytes: integer({ min: MIB, max: STORE_BYTES_MAX, default: 256 * MIB, unit: 'bytes', description: 'Stored messages in one shard, for retransmissions. Memory is taken as it is needed.' }),
    datagramBytes: integer({ min: 1_300, max: DATAGRAM_BYTES_MAX, default: DATAGRAM_BYTES_MAX, unit: 'bytes', description: 'Largest datagram that is sent.' }),
    headers: integer({ min: 16, max: 1_024, default: 256, description: 'Header fields in one message; one with more is refused.' }),
    targets: integer({ min: 1, max: 250, default: 32, description: 'Targets of one request: branches of a fork and all later attempts together.' }),
    heldCancels: integer({ min: 1, max: 100_000, default: 256, description: 'CANCEL requests in one shard that wait for their INVITE (`proxy.earlyCancelMs`) at a time, and that begin to wait in a second. What comes beyond goes to the script at once.' }),
  }),
  proxy: section('What Viaduct does as a proxy, and what it writes into messages.', {
    serverHeader: describe(z.string().max(200).regex(/^[\x20-\x7e]*$/).default('Viaduct'), {
      description: '`Server` header of its own answers; empty leaves it out.',
      kind: 'text',
      allowed: 'up to 200 printable ASCII characters',
    }),
    maxForwards: integer({ min: 1, max: 255, default: 70, description: 'Max-Forwards given to a request that came without one (RFC 3261 §16.6 step 3).' }),
    maxBreadth: integer({ min: 0, max: 10_000, default: 60, description: 'Max-Breadth (RFC 5393): how many branches a request may have at a time, all proxies on its way together. Given to a request that came without one; a higher one that came is cut to it. Targets beyond it count as answered 440. 0 gives none and cuts none.' }),
    earlyCancelMs: integer({ min: 0, max: 5_000, default: 50, unit: 'ms', description: 'How long a CANCEL that matches no INVITE is held without an answer, in case the network has put the two out of order. An INVITE that comes in this time is answered 487 and never rings; otherwise the script decides about the CANCEL. 0 holds none.' }),
  }),
  log: section('Logs, on standard output. Nothing is logged per message at `info`.', {
    level: choice(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], { default: 'info', description: 'The least important level that is written.' }),
    format: choice(['auto', 'pretty', 'json'], { default: 'auto', description: '`pretty` is for reading, `json` for collecting; `auto` is pretty on a terminal.' }),
  }),
  control: section('The control socket, which `viaduct stats` talks to.', {
    socket: describe(z.string().min(1).default('auto'), {
      description: 'Path of the Unix domain socket (a pipe name on Windows), relative to the configuration file. `auto`: in the user’s runtime folder, named by user and first port. `none`: no control socket.',
      kind: 'path or word',
      allowed: 'auto, none, or a path',
    }),
  }),
  shutdown: section('Stopping.', {
    drainMs: integer({ min: 0, max: HOUR_MS, default: 5_000, unit: 'ms', description: 'How long transactions in flight may take to finish after SIGINT or SIGTERM. A second signal stops at once.' }),
  }),
});

/** What a configuration file says, with defaults filled in. */
export type Settings = z.output<typeof configSchema>;

/** Where a listener is bound, and what it is known as. */
export interface ListenConfig {
  /** IP literal, IPv6 without brackets. */
  readonly host: string;
  readonly family: 4 | 6;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Written into Via and Record-Route instead of the bound address. `host`: IP literal without brackets, or a name. */
  readonly advertise: { readonly host: string; /** Undefined: the bound port. */ readonly port: number | undefined } | undefined;
}

/** The effective configuration: plain immutable data, which `loadConfig` makes. */
export interface Config {
  /** Absolute path of the file it came from; undefined when it came from a text. */
  readonly file: string | undefined;
  /** 1 to 64. */
  readonly listen: readonly ListenConfig[];
  /** 0 to 64; `auto` is resolved already. 0: the main thread runs the engine. */
  readonly shards: number;
  /** Absolute path of the routing script. Whether it exists is for the script loader to say. */
  readonly routes: string;
  readonly io: {
    readonly driver: 'auto' | 'batch' | 'dgram';
    readonly coalesceUs: number;
    readonly receiver: 'auto' | 'main';
    /** 0: the system's default. */
    readonly receiveBufferBytes: number;
    readonly sendBufferBytes: number;
    /** A power of two. */
    readonly ringBytes: number;
  };
  readonly sharding: {
    readonly key: 'transaction' | 'call-id';
    /** 0 to 255. */
    readonly node: number;
    /** 32 hexadecimal digits; undefined: to be drawn at random. */
    readonly secret: string | undefined;
  };
  readonly timers: TimerSettings;
  readonly limits: EngineLimits;
  readonly proxy: { readonly serverHeader: string; readonly maxForwards: number; readonly maxBreadth: number; readonly earlyCancelMs: number };
  readonly log: LogConfig;
  /** Absolute path of the control socket, or a pipe name; undefined: none. */
  readonly control: { readonly socket: string | undefined };
  readonly shutdown: { readonly drainMs: number };
}

/** Log settings, handed to every thread. */
export interface LogConfig {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  readonly format: 'auto' | 'pretty' | 'json';
}

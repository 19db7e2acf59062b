/**
 * The network of a simulation: datagrams between hosts, with seeded delay, loss, duplication and reordering.
 *
 * Between two hosts datagrams keep their order unless the network decides, with the chance it was given, to hold one
 * back. Every decision comes out of the seed. The network never looks into a datagram.
 */
import { endpointKey } from './address.js';
import { type Random, SteadyRandom, seedOf } from './random.js';
import { ClockEvent, type VirtualClock } from './virtual-clock.js';
import type { Endpoint } from '../proxy/ports.js';

/** Something that has an address and takes datagrams. */
export interface SimHost {
  /** The packet and its bytes are the host's to keep, but not to change. */
  receive(packet: Packet): void;
}

/** One address of the network and who is there. */
export class Port {
  readonly endpoint: Endpoint;
  readonly host: SimHost;
  /** Which simulated call it belongs to; -1 for a proxy, or when calls do not matter. */
  readonly call: number;
  /** True for a proxy: its traffic is ordered by the other side, since its many peers are independent of each other. */
  readonly isShared: boolean;
  /** Latest arrival of what came here, and of what left here: what keeps the order. */
  lastInMs = 0;
  lastOutMs = 0;

  constructor(endpoint: Endpoint, host: SimHost, call: number, isShared: boolean) {
    this.endpoint = endpoint;
    this.host = host;
    this.call = call;
    this.isShared = isShared;
  }
}

/** A datagram on its way; fires when it arrives. */
export class Packet extends ClockEvent {
  declare readonly bytes: Uint8Array;
  declare readonly start: number;
  declare readonly end: number;
  declare readonly from: Port;
  declare readonly to: Port;

  constructor(bytes: Uint8Array, start: number, end: number, from: Port, to: Port) {
    super();
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.from = from;
    this.to = to;
  }

  override fire(): void {
    this.to.host.receive(this);
  }
}

/** How bad the network is. Percentages are of datagrams, each direction on its own. */
export interface NetworkSettings {
  readonly lossPercent: number;
  readonly dupPercent: number;
  /** Datagrams held back by up to `reorderMs`, so that later ones overtake them. */
  readonly reorderPercent: number;
  readonly reorderMs: number;
  /** Least one-way delay, and what may come on top of it (without changing the order). */
  readonly delayMs: number;
  readonly jitterMs: number;
}

/** Sees what the network does, for ladders. */
export interface NetworkObserver {
  /** `arrivalMs` is -1 when the network lost it. */
  sent(bytes: Uint8Array, start: number, end: number, from: Port, to: Port, arrivalMs: number): void;
}

/** A perfect network without delay. */
export const PERFECT_NETWORK: NetworkSettings = {
  lossPercent: 0,
  dupPercent: 0,
  reorderPercent: 0,
  reorderMs: 0,
  delayMs: 0,
  jitterMs: 0,
};

export class Network {
  readonly settings: NetworkSettings;
  observer: NetworkObserver | undefined;
  /** Datagrams handed in, and lost, so far. */
  sent = 0;
  lost = 0;
  private readonly clock: VirtualClock;
  private readonly random: Random;
  /** Streams of the calls, so that what the network does to a call does not depend on the other calls. */
  private readonly callSeed: number;
  private readonly callRandoms: SteadyRandom[] = [];
  private readonly ports = new Map<number, Port>();

  constructor(clock: VirtualClock, random: Random, settings: NetworkSettings) {
    this.clock = clock;
    this.random = random;
    this.callSeed = random.stream('calls').bits();
    this.settings = settings;
  }

  /** Puts a host at an address. Throws when somebody is there. */
  attach(endpoint: Endpoint, host: SimHost, call = -1, isShared = false): Port {
    const key = endpointKey(endpoint);
    if (this.ports.has(key)) throw new Error('two hosts at one address');
    const port = new Port(endpoint, host, call, isShared);
    this.ports.set(key, port);
    return port;
  }

  /** Who is at an address. */
  portAt(endpoint: Endpoint): Port | undefined {
    return this.ports.get(endpointKey(endpoint));
  }

  /** Sends `bytes[start, end)`, which stay as they are from here on. */
  send(bytes: Uint8Array, start: number, end: number, from: Port, to: Port): void {
    const { lossPercent, dupPercent } = this.settings;
    const random = this.randomOf(from.call >= 0 ? from.call : to.call);
    this.sent++;
    if (random.percent(lossPercent)) {
      this.lost++;
      this.observer?.sent(bytes, start, end, from, to, -1);
    } else {
      this.carry(bytes, start, end, from, to, random);
    }
    if (random.percent(dupPercent)) this.carry(bytes, start, end, from, to, random);
  }

  private randomOf(call: number): Random {
    return call < 0 ? this.random : (this.callRandoms[call] ??= new SteadyRandom(seedOf(this.callSeed, call)));
  }

  private carry(bytes: Uint8Array, start: number, end: number, from: Port, to: Port, random: Random): void {
    const { delayMs, jitterMs, reorderPercent, reorderMs } = this.settings;
    let arrivalMs = this.clock.nowMs + delayMs + random.below(jitterMs + 1);
    if (random.percent(reorderPercent)) {
      arrivalMs += random.below(reorderMs + 1);
    } else if (from.isShared) {
      if (arrivalMs < to.lastInMs) arrivalMs = to.lastInMs;
      to.lastInMs = arrivalMs;
    } else {
      if (arrivalMs < from.lastOutMs) arrivalMs = from.lastOutMs;
      from.lastOutMs = arrivalMs;
    }
    this.clock.schedule(new Packet(bytes, start, end, from, to), arrivalMs);
    this.observer?.sent(bytes, start, end, from, to, arrivalMs);
  }
}

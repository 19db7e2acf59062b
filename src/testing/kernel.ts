/**
 * What the parts of a simulation share: the world of `src/sim` with the real engines, the network in front of it, the clock,
 * and the one way to fail. Phones see nothing else of the simulation. Not part of the public API.
 */
import { endpointKey, formatEndpoint, parseEndpoint } from '../sim/address.js';
import type { Packet, Port, SimHost } from '../sim/network.js';
import { CallbackEvent, type ClockEvent } from '../sim/virtual-clock.js';
import type { World } from '../sim/world.js';
import { Driver } from './driver.js';
import { SimulationError } from './failure.js';
import { ladderText, type LadderOptions } from './ladder.js';
import { Message, type Place } from './message.js';
import { type NetworkConditions, SimulatedNetwork } from './network.js';
import { momentText, spanText, type Time, toMs } from './time.js';

/** Name of the proxy in messages and ladders. */
export const PROXY_NAME = 'viaduct';

/** Lines of a ladder in an error: the last ones are what matters. */
const ERROR_LADDER_LINES = 60;
const ERROR_LOG_LINES = 5;

/** A line that the engine or the script logged. */
export interface LogLine {
  /** Virtual ms. */
  readonly atMs: number;
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** How long a wait may take. */
export interface Waiting {
  /** Virtual time after which the wait fails; default: `patience` of the simulation, 5 s unless changed. */
  readonly within?: Time;
}

/** `address:port` in the one form in which addresses are compared; the port is 5060 when there is none. Throws for what is no IP address. */
export function addressOf(text: string, what: string): string {
  const hasPort = text.startsWith('[') ? /\]:\d+$/.test(text) : text.includes(':');
  try {
    return formatEndpoint(parseEndpoint(hasPort ? text : `${text}:5060`));
  } catch {
    throw new TypeError(`${what} must be an IP address with a port, such as '192.0.2.10:5060' or '[2001:db8::1]:5060', not ${JSON.stringify(text)}`);
  }
}

/** Something with an address that gets messages: a phone. */
export interface Station extends Place {
  receive(message: Message): void;
}

export interface KernelSettings {
  readonly seed: number;
  readonly t1Ms: number;
  readonly t2Ms: number;
  readonly patienceMs: number;
  readonly network: NetworkConditions;
  readonly log: readonly LogLine[];
}

/** Where the zero-delay network of `src/sim` hands over what the proxy sends to a station. */
class StationPort implements SimHost {
  readonly #kernel: Kernel;
  readonly #station: Station;
  constructor(kernel: Kernel, station: Station) {
    this.#kernel = kernel;
    this.#station = station;
  }
  receive(packet: Packet): void {
    this.#kernel.fromProxy(packet, this.#station);
  }
}

export class Kernel {
  readonly world: World;
  readonly driver: Driver;
  readonly network: SimulatedNetwork;
  readonly settings: KernelSettings;
  /** A shard has crashed: what it forgot is nobody's fault. */
  hasCrashed = false;
  /** Messages that phones could make nothing of. */
  readonly strays: Message[] = [];
  readonly #listeners: readonly Place[];
  readonly #stations = new Map<number, { readonly station: Station; readonly port: Port }>();

  constructor(world: World, settings: KernelSettings) {
    this.world = world;
    this.settings = settings;
    this.driver = new Driver(world);
    this.network = new SimulatedNetwork(world.clock, world.random.stream('network of the test'), settings.network);
    this.#listeners = world.viaduct.ports.map(({ endpoint }) => ({ name: PROXY_NAME, address: formatEndpoint(endpoint) }));
    world.viaduct.observer = {
      processing: () => {},
      sending: (bytes, start, end, to) => {
        const listener = this.#listeners[world.viaduct.ports.indexOf(to)];
        if (listener !== undefined) this.network.noteLoop(bytes.slice(start, end), listener);
      },
      astray: (bytes, start, end, to) => {
        const address = formatEndpoint(to);
        this.network.carry(bytes.slice(start, end), this.#listeners[to.listener]!, { name: address, address }, '', undefined);
      },
    };
  }

  get nowMs(): number {
    return this.world.nowMs;
  }

  /** `address:port` of the proxy's first listener of an address family. */
  proxyAddress(isV6: boolean): string {
    const listener = this.#listeners.find(({ address }) => address.startsWith('[') === isV6);
    if (listener === undefined) throw new Error(`the proxy does not listen on IPv${isV6 ? 6 : 4}: add an address to the option "listen"`);
    return listener.address;
  }

  /** Puts a station at its address. */
  attach(station: Station): void {
    const endpoint = parseEndpoint(station.address);
    if (this.world.network.portAt(endpoint) !== undefined) throw new Error(`there is somebody at ${station.address} already`);
    const port = this.world.network.attach(endpoint, new StationPort(this, station));
    this.#stations.set(endpointKey(endpoint), { station, port });
  }

  /** A station sends a message. */
  send(from: Station, text: string, toAddress: string): Message {
    const bytes = new TextEncoder().encode(text);
    const endpoint = parseEndpoint(toAddress);
    const address = formatEndpoint(endpoint);
    const listener = this.#listeners.findIndex((place) => place.address === address);
    if (listener >= 0) return this.network.carry(bytes, from, this.#listeners[listener]!, from.name, () => this.#toProxy(bytes, from, listener));
    const there = this.#stations.get(endpointKey(endpoint));
    const to = there?.station ?? { name: address, address };
    return this.network.carry(bytes, from, to, from.name, there === undefined ? undefined : (message) => { there.station.receive(message); });
  }

  /** What a station that is switched off would have sent: on no network, in no ladder. */
  unsent(from: Station, text: string, toAddress: string): Message {
    const message = new Message(new TextEncoder().encode(text), from, { name: toAddress, address: toAddress }, this.nowMs, false);
    message.fate = 'lost';
    return message;
  }

  /** @internal The proxy sent something to a station. */
  fromProxy(packet: Packet, station: Station): void {
    const from = { name: PROXY_NAME, address: formatEndpoint(packet.from.endpoint) };
    this.network.carry(packet.bytes.slice(packet.start, packet.end), from, station, station.name, (message) => { station.receive(message); });
  }

  /** Calls `what` after `ms`; `cancel` takes it back. */
  after(ms: number, what: () => void): ClockEvent {
    const event = new CallbackEvent(what);
    this.world.clock.schedule(event, this.nowMs + ms);
    return event;
  }

  cancel(event: ClockEvent | undefined): void {
    if (event !== undefined) this.world.clock.cancel(event);
  }

  /** Lets time go on until `take` returns something. `take` may throw what it has to say about a wrong message. */
  async waitFor<T>(what: string, take: () => T | undefined, waiting: Waiting, came: () => string): Promise<T> {
    const withinMs = waiting.within === undefined ? this.settings.patienceMs : toMs(waiting.within, 'within');
    let found: T | undefined;
    await this.driver.until(what, () => (found = take()) !== undefined, this.nowMs + withinMs);
    if (found !== undefined) return found;
    throw this.failure(`${what} within ${spanText(withinMs)}, but ${came()}.`);
  }

  ladder(options: LadderOptions = {}): string {
    return ladderText(this.network.messages, options, PROXY_NAME);
  }

  /** An error with the ladder so far, and what was logged as wrong. */
  failure(problem: string, difference?: { readonly expected: string; readonly actual: string }): SimulationError {
    const [head = '', ...lines] = this.ladder().split('\n');
    const left = lines.slice(-ERROR_LADDER_LINES);
    const cut = lines.length - left.length;
    const logged = this.settings.log.filter(({ level }) => level === 'error' || level === 'warn').slice(-ERROR_LOG_LINES);
    const parts = [
      problem,
      '',
      `At ${momentText(this.nowMs)} s of virtual time, seed ${this.settings.seed}:`,
      head,
      ...(cut > 0 ? [`… ${cut} messages before`] : []),
      ...left,
      ...(logged.length > 0 ? ['', 'Logged:', ...logged.map(logText)] : []),
    ];
    return new SimulationError(parts.join('\n'), difference);
  }

  #toProxy(bytes: Uint8Array, from: Station, listener: number): void {
    const port = this.#stations.get(endpointKey(parseEndpoint(from.address)))?.port;
    if (port !== undefined) this.world.network.send(bytes, 0, bytes.length, port, this.world.viaduct.ports[listener]!);
  }
}

/** What came in place of what was expected, in words. */
export function cameText(passed: readonly string[]): string {
  return passed.length === 0 ? 'nothing came' : `only this came: ${passed.join(', ')}`;
}

/** A log line in words. */
export function logText({ atMs, level, text, fields }: LogLine): string {
  const shown = Object.entries(fields)
    .filter(([name]) => !['shard', 'callId', 'transaction'].includes(name))
    .map(([name, value]) => `${name}: ${value instanceof Error ? `${value.name}: ${value.message}` : typeof value === 'string' ? value : JSON.stringify(value)}`);
  return `${momentText(atMs)}  ${level}  ${text}${shown.length === 0 ? '' : `  (${shown.join(', ')})`}`;
}

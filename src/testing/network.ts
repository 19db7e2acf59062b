/**
 * The network between phones and proxy, as a test controls it: conditions for all or for one phone, decided by the seed, and
 * rules for particular messages, which come first.
 *
 * It stands in front of the network of `src/sim`, which only carries here, without delay: every datagram passes `carry` once.
 * Between two hosts messages keep their order unless reordering, or a rule, holds one back.
 */
import { CallbackEvent, type VirtualClock } from '../sim/virtual-clock.js';
import type { Random } from '../sim/random.js';
import { refuseUnknown } from './failure.js';
import { filterText, matches, type MessageFilter } from './filter.js';
import { Message, type Place } from './message.js';
import { type Time, toMs } from './time.js';

/** How bad a network is. Percentages are of datagrams, each direction on its own. Everything is 0 unless given. */
export interface NetworkConditions {
  /** Datagrams that never arrive, percent. */
  readonly lossPercent?: number;
  /** Datagrams that arrive twice, percent. */
  readonly dupPercent?: number;
  /** Datagrams held back by up to `reorder`, so that later ones overtake them, percent. */
  readonly reorderPercent?: number;
  /** The longest time by which such a datagram is held back; default 400 ms. */
  readonly reorder?: Time;
  /** One-way delay. */
  readonly delay?: Time;
  /** What may come on top of it, without changing the order. */
  readonly jitter?: Time;
}

interface Conditions {
  readonly lossPercent: number;
  readonly dupPercent: number;
  readonly reorderPercent: number;
  readonly reorder: number;
  readonly delay: number;
  readonly jitter: number;
}

const PERFECT: Conditions = { lossPercent: 0, dupPercent: 0, reorderPercent: 0, reorder: 400, delay: 0, jitter: 0 };

/** What the network does to the next messages that a filter means. */
export class NetworkRule {
  /** The messages that it was applied to so far. */
  readonly applied: Message[] = [];
  /** @internal How many more it is for. */
  left: number;
  /** @internal */
  readonly filter: MessageFilter;
  /** @internal */
  readonly does: 'drop' | 'delay' | 'repeat';
  /** @internal */
  readonly ms: number;

  /** @internal */
  constructor(does: 'drop' | 'delay' | 'repeat', filter: MessageFilter, ms: number, count: number) {
    this.does = does;
    this.filter = filter;
    this.ms = ms;
    this.left = count;
  }

  /** Ends the rule before it has met as many messages as it is for. */
  end(): void {
    this.left = 0;
  }

  /** @internal The rule in words. */
  get text(): string {
    return `network.${this.does}Next(${filterText(this.filter)})`;
  }
}

/** `sim.network`: the conditions of the network, and what it does to particular messages. */
export class SimulatedNetwork {
  /** @internal Every message so far, in the order of sending. */
  readonly messages: Message[] = [];
  /** @internal */
  readonly rules: NetworkRule[] = [];
  readonly #clock: VirtualClock;
  readonly #random: Random;
  #conditions: Conditions = PERFECT;
  readonly #ofPhones = new Map<string, NetworkConditions>();
  readonly #latest = new Map<string, number>();
  readonly #seen = new Set<string>();

  /** @internal */
  constructor(clock: VirtualClock, random: Random, conditions: NetworkConditions) {
    this.#clock = clock;
    this.#random = random;
    this.set(conditions);
  }

  /** Changes the conditions from now on; what is not given stays. Phones with conditions of their own keep those. */
  set(conditions: NetworkConditions): void {
    this.#conditions = complete(this.#conditions, conditions, 'network');
  }

  /** @internal Conditions of the messages from and to one phone, over those of all. */
  setPhone(name: string, conditions: NetworkConditions): void {
    const all = { ...this.#ofPhones.get(name), ...conditions };
    complete(PERFECT, all, `the network of ${name}`);
    this.#ofPhones.set(name, all);
  }

  /** The next `count` messages that `filter` means are lost. */
  dropNext(filter: MessageFilter, count = 1): NetworkRule {
    return this.#add(new NetworkRule('drop', filter, 0, count));
  }

  /** The next `count` messages that `filter` means take `time` longer, and others overtake them. */
  delayNext(filter: MessageFilter, time: Time, count = 1): NetworkRule {
    return this.#add(new NetworkRule('delay', filter, toMs(time, 'the delay'), count));
  }

  /** The next `count` messages that `filter` means arrive twice. */
  repeatNext(filter: MessageFilter, count = 1): NetworkRule {
    return this.#add(new NetworkRule('repeat', filter, 0, count));
  }

  /** @internal Sends a datagram; `deliver` is called when it arrives. `bytes` stay as they are. */
  carry(bytes: Uint8Array, from: Place, to: Place, phone: string, deliver: ((message: Message, bytes: Uint8Array) => void) | undefined): Message {
    const message = this.#note(bytes, from, to);
    if (deliver === undefined) {
      message.fate = 'nobody';
      return message;
    }
    const own = this.#ofPhones.get(phone);
    const conditions = own === undefined ? this.#conditions : complete(this.#conditions, own, 'network');
    const rule = this.rules.find(({ left, filter }) => left > 0 && matches(message, filter));
    if (rule !== undefined) {
      rule.left--;
      rule.applied.push(message);
    }
    if (rule?.does === 'drop' || (rule === undefined && this.#random.percent(conditions.lossPercent))) message.fate = 'lost';
    else this.#schedule(message, bytes, conditions, rule, deliver);
    if (rule?.does === 'repeat' || (rule === undefined && this.#random.percent(conditions.dupPercent))) {
      this.#schedule(this.#note(bytes, from, to), bytes, conditions, rule, deliver);
    }
    return message;
  }

  /** @internal Notes a datagram that a host sends to itself: no network is in between, and it is there at once. */
  noteLoop(bytes: Uint8Array, place: Place): void {
    this.#note(bytes, place, place).arrivesMs = this.#clock.nowMs;
  }

  #note(bytes: Uint8Array, from: Place, to: Place): Message {
    const key = `${from.address} ${to.address} ${latin1.decode(bytes)}`;
    const message = new Message(bytes, from, to, this.#clock.nowMs, this.#seen.has(key));
    this.#seen.add(key);
    this.messages.push(message);
    return message;
  }

  #schedule(message: Message, bytes: Uint8Array, conditions: Conditions, rule: NetworkRule | undefined, deliver: (message: Message, bytes: Uint8Array) => void): void {
    const { delay, jitter, reorderPercent, reorder } = conditions;
    let arrivesMs = this.#clock.nowMs + delay + this.#random.below(jitter + 1);
    const path = `${message.fromAddress} ${message.toAddress}`;
    if (rule?.does === 'delay') arrivesMs += rule.ms;
    else if (this.#random.percent(reorderPercent)) arrivesMs += this.#random.below(reorder + 1);
    else {
      arrivesMs = Math.max(arrivesMs, this.#latest.get(path) ?? 0);
      this.#latest.set(path, arrivesMs);
    }
    message.arrivesMs = arrivesMs;
    this.#clock.schedule(
      new CallbackEvent(() => {
        deliver(message, bytes);
      }),
      arrivesMs,
    );
  }

  #add(rule: NetworkRule): NetworkRule {
    this.rules.push(rule);
    return rule;
  }
}

const latin1 = new TextDecoder('latin1');

function complete(base: Conditions, given: NetworkConditions, what: string): Conditions {
  refuseUnknown(what, given, Object.keys(PERFECT));
  for (const name of ['lossPercent', 'dupPercent', 'reorderPercent'] as const) {
    const value = given[name] ?? 0;
    if (!(value >= 0 && value <= 100)) throw new RangeError(`${what}: ${name} must be from 0 to 100, not ${value}`);
  }
  return {
    lossPercent: given.lossPercent ?? base.lossPercent,
    dupPercent: given.dupPercent ?? base.dupPercent,
    reorderPercent: given.reorderPercent ?? base.reorderPercent,
    reorder: given.reorder === undefined ? base.reorder : toMs(given.reorder, `${what}: reorder`),
    delay: given.delay === undefined ? base.delay : toMs(given.delay, `${what}: delay`),
    jitter: given.jitter === undefined ? base.jitter : toMs(given.jitter, `${what}: jitter`),
  };
}

/**
 * Where a request to an address-of-record goes: its bindings as targets for forking, by preference (RFC 3261 §16.5, §16.6), one per
 * instance of the user at a time (RFC 5626 §7). Sans-I/O, any thread; targets borrow the octets of the bindings.
 */
import { type Binding, isExpired } from './binding.js';
import { isSameInstance } from './instance.js';
import { LOWER, ascii, equalsBytes } from '../sip/chars.js';
import { SCHEME_SIPS, UriView, parseUri } from '../sip/uri.js';

/** Preference of a contact without q: the client has not set it back behind others. */
const Q_DEFAULT = 1000;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUESTION = 0x3f;
const METHOD = ascii('method');

export interface Target {
  /** Request-URI: the contact without headers and method parameter, which have no place in one (RFC 3261 §19.1.1, §19.1.5). */
  readonly uri: Uint8Array;
  /** Route set, top one first: the Path that the REGISTER came by (RFC 3327 §5.4). Empty: the contact itself, or where it was received from. */
  readonly route: readonly Uint8Array[];
  /** 0 to 1000. */
  readonly q: number;
  readonly binding: Binding;
  /**
   * Other flows and contacts of the same instance, best first: one of them takes the place of this target when it fails with 430 or
   * 408, and not otherwise, since the instance has answered (RFC 5626 §7). They have no alternatives of their own.
   */
  readonly alternatives: readonly Target[];
}

export interface LookupOptions {
  /** Only this instance, as `instanceOfGr` reads it from a GRUU. Empty or absent: all. */
  readonly instance?: Uint8Array;
}

/**
 * The targets of an address-of-record at `nowMs`: groups in descending q, to be tried one after the other; the targets of a group are
 * tried at once, the one registered last in front. `groups.flat()` forks to all of them in parallel. Empty: nobody is there.
 */
export function targetsOf(bindings: readonly Binding[], nowMs: number, options: LookupOptions = {}): readonly (readonly Target[])[] {
  const wanted = options.instance;
  const targets: Target[] = [];
  for (const binding of ordered(bindings, nowMs)) {
    if (wanted !== undefined && wanted.length > 0 && !isSameInstance(binding.instance, wanted)) continue;
    const target = { uri: requestUri(binding.contact), route: binding.path, q: preference(binding), binding, alternatives: [] as Target[] };
    const rival = targets.find((other) => isOneInstance(other.binding, binding));
    if (rival !== undefined) (rival.alternatives as Target[]).push(target);
    else if (!targets.some((other) => isOnePlace(other, target))) targets.push(target);
  }
  const groups: Target[][] = [];
  for (const target of targets) {
    const group = groups[groups.length - 1];
    if (group?.[0]?.q === target.q) group.push(target);
    else groups.push([target]);
  }
  return groups;
}

/** The bindings that are not over: higher q first, then the one refreshed last. */
function ordered(bindings: readonly Binding[], nowMs: number): Binding[] {
  return bindings
    .filter((binding) => !isExpired(binding, nowMs))
    .sort((a, b) => preference(b) - preference(a) || b.updatedMs - a.updatedMs);
}

function preference(binding: Binding): number {
  return binding.q < 0 ? Q_DEFAULT : binding.q;
}

function isOneInstance(a: Binding, b: Binding): boolean {
  return a.instance.length > 0 && isSameInstance(a.instance, b.instance);
}

/** Whether two targets lead to the same place the same way: a target set has each once (RFC 3261 §16.5). */
function isOnePlace(a: Target, b: Target): boolean {
  const from = a.binding.received;
  const to = b.binding.received;
  return (
    sameBytes(a.uri, b.uri) &&
    a.route.length === b.route.length &&
    a.route.every((value, i) => sameBytes(value, b.route[i]!)) &&
    from.listener === to.listener &&
    from.family === to.family &&
    from.port === to.port &&
    from.a0 === to.a0 &&
    from.a1 === to.a1 &&
    from.a2 === to.a2 &&
    from.a3 === to.a3 &&
    from.connection === to.connection
  );
}

const view = new UriView();

function requestUri(contact: Uint8Array): Uint8Array {
  if (parseUri(contact, 0, contact.length, view) !== 0 || view.scheme > SCHEME_SIPS) return contact;
  const uri = view.headersStart < 0 ? contact : contact.subarray(0, contact.indexOf(QUESTION, view.headersStart - 1));
  return view.paramsStart < 0 ? uri : withoutMethod(uri, view.paramsStart);
}

function withoutMethod(uri: Uint8Array, paramsStart: number): Uint8Array {
  for (let i = paramsStart; i < uri.length; ) {
    let end = i + 1;
    while (end < uri.length && uri[end] !== SEMICOLON) end++;
    if (isMethod(uri, i + 1, end)) {
      const rest = new Uint8Array(uri.length - (end - i));
      rest.set(uri.subarray(0, i));
      rest.set(uri.subarray(end), i);
      return withoutMethod(rest, paramsStart);
    }
    i = end;
  }
  return uri;
}

function isMethod(uri: Uint8Array, start: number, end: number): boolean {
  for (let i = 0; i < METHOD.length; i++) {
    if (start + i >= end || LOWER[uri[start + i]!] !== METHOD[i]) return false;
  }
  const behind = start + METHOD.length;
  return behind === end || uri[behind] === EQUALS;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return equalsBytes(a, 0, a.length, b);
}

/**
 * Random REGISTERs against a naive model of RFC 3261 §10.3: the model keeps its bindings as plain text and knows one URI comparison,
 * equality of user and host, since those are all that its URIs differ in.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isExpired } from '../../src/location/binding.js';
import { decodeBindings, encodeBindings } from '../../src/location/binding-codec.js';
import { Registrar, text } from '../unit/location/stage.js';

interface ModelBinding {
  uri: string;
  key: string;
  regId: number;
  expiresMs: number;
  updatedMs: number;
  callId: string;
  cseq: number;
  q: number;
}

interface ModelContact {
  readonly user: string;
  /** Spelling of the URI: all spellings are equivalent. */
  readonly spelling: number;
  readonly expiresS: number | undefined;
  readonly q: number | undefined;
  readonly flow: number | undefined;
}

interface Step {
  readonly waitS: number;
  readonly callId: string;
  readonly cseq: number;
  readonly expiresS: number | undefined;
  readonly star: boolean;
  readonly contacts: readonly ModelContact[];
}

const MIN_S = 60;
const MAX_S = 300;
const DEFAULT_S = 120;
const CAP = 3;

const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined, freq: 2 });
const seconds = fc.constantFrom(0, 0, 30, 60, 100, 300, 3600, 100000);
const contacts = fc.array(
  fc.record({
    user: fc.constantFrom('a', 'b', 'c', 'd'),
    spelling: fc.nat(2),
    expiresS: optional(seconds),
    q: optional(fc.constantFrom(0, 250, 500, 1000)),
    flow: fc.option(fc.integer({ min: 1, max: 2 }), { nil: undefined, freq: 4 }),
  }),
  { maxLength: 3 },
);
const step: fc.Arbitrary<Step> = fc.record({
  waitS: fc.constantFrom(0, 0, 1, 30, 100),
  callId: fc.constantFrom('x', 'y'),
  cseq: fc.integer({ min: 1, max: 12 }),
  expiresS: optional(seconds),
  star: fc.nat(9).map((n) => n === 0),
  contacts,
});

const uriOf = ({ user, spelling }: ModelContact): string => [`sip:${user}@h.example`, `sip:${user}@H.Example`, `SIP:${user}@h.example;x=1`][spelling]!;
const keyOf = (contact: ModelContact): string => (contact.flow === undefined ? contact.user : `flow ${contact.flow}`);

function linesOf(request: Step): string[] {
  const lines = request.star ? ['Contact: *'] : [];
  for (const contact of request.contacts) {
    let value = `<${uriOf(contact)}>`;
    if (contact.expiresS !== undefined) value += `;expires=${contact.expiresS}`;
    if (contact.q !== undefined) value += `;q=${contact.q / 1000}`;
    if (contact.flow !== undefined) value += `;+sip.instance="<urn:uuid:1>";reg-id=${contact.flow}`;
    lines.push(`Contact: ${value}`);
  }
  if (request.expiresS !== undefined) lines.push(`Expires: ${request.expiresS}`);
  return lines;
}

/** §10.3 as it reads: a status, and the bindings from then on. */
function model(bindings: readonly ModelBinding[], request: Step, nowMs: number, replace: boolean): { status: number; bindings: ModelBinding[] } {
  const alive = bindings.filter((binding) => binding.expiresMs > nowMs);
  const fail = (status: number): { status: number; bindings: ModelBinding[] } => ({ status, bindings: alive });
  const outOfOrder = (binding: ModelBinding): boolean => binding.callId === request.callId && request.cseq <= binding.cseq;
  if (request.star) {
    if (request.contacts.length > 0 || request.expiresS !== 0) return fail(400);
    return alive.some(outOfOrder) ? fail(500) : { status: 200, bindings: [] };
  }
  const wanted = (contact: ModelContact): number => contact.expiresS ?? request.expiresS ?? DEFAULT_S;
  // RFC 5626 §6: one lasting contact when there is a flow. (The client's wish counts, of which the default is none.)
  const lasting = request.contacts.filter((contact) => (contact.expiresS ?? request.expiresS) !== 0);
  if (lasting.length > 1 && request.contacts.some((contact) => contact.flow !== undefined)) return fail(400);

  const find = (list: readonly ModelBinding[], contact: ModelContact): ModelBinding | undefined => list.find((binding) => binding.key === keyOf(contact));
  const isRepeat =
    request.contacts.some((contact) => wanted(contact) > 0) &&
    request.contacts.every((contact) => {
      const binding = find(alive, contact);
      if (wanted(contact) === 0) return binding === undefined;
      return binding !== undefined && binding.callId === request.callId && binding.cseq === request.cseq && binding.uri === uriOf(contact);
    });
  if (isRepeat) return fail(200);

  let after = [...alive];
  const own = new Set<ModelBinding>();
  let added = 0;
  for (const contact of request.contacts) {
    const lifetimeS = wanted(contact);
    if (lifetimeS > 0 && lifetimeS < 3600 && lifetimeS < MIN_S) return fail(423);
    const binding = find(after, contact);
    if (binding !== undefined && !own.has(binding) && outOfOrder(binding)) return fail(500);
    if (lifetimeS === 0) {
      after = after.filter((other) => other !== binding);
      continue;
    }
    const next: ModelBinding = {
      uri: uriOf(contact),
      key: keyOf(contact),
      regId: contact.flow ?? 0,
      expiresMs: nowMs + Math.min(lifetimeS, MAX_S) * 1000,
      updatedMs: nowMs,
      callId: request.callId,
      cseq: request.cseq,
      q: contact.q ?? -1,
    };
    own.add(next);
    if (binding === undefined) added++;
    after = binding === undefined ? [...after, next] : after.map((other) => (other === binding ? next : other));
  }
  if (added > 0) {
    while (after.length > CAP) {
      const others = replace ? after.filter((binding) => !own.has(binding)) : [];
      if (others.length === 0) return fail(403);
      const oldestMs = Math.min(...others.map((binding) => binding.updatedMs));
      const oldest = others.find((binding) => binding.updatedMs === oldestMs);
      after = after.filter((binding) => binding !== oldest);
    }
  }
  return { status: 200, bindings: after };
}

it('registers as a naive reading of RFC 3261 §10.3 does', () => {
  const statuses = new Map<number, number>();
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), fc.boolean(), (steps, replace) => {
      const registrar = new Registrar({
        expiresMinS: MIN_S,
        expiresMaxS: MAX_S,
        expiresDefaultS: DEFAULT_S,
        contactsMax: CAP,
        contactsFull: replace ? 'replace-oldest' : 'refuse',
      });
      let expected: ModelBinding[] = [];
      for (const request of steps) {
        registrar.nowMs += request.waitS * 1000;
        const before = registrar.bindings;
        const answer = registrar.register({ callId: request.callId, cseq: request.cseq, lines: linesOf(request) });
        const result = model(expected, request, registrar.nowMs, replace);
        expected = result.bindings;
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);

        expect(answer.status).toBe(result.status);
        const alive = registrar.bindings.filter((binding) => !isExpired(binding, registrar.nowMs));
        expect(
          alive.map(({ contact, regId, expiresMs, updatedMs, callId, cseq, q }) => ({ uri: text(contact), regId, expiresMs, updatedMs, callId: text(callId), cseq, q })),
        ).toEqual(expected.map(({ key: _, ...rest }) => rest));
        if (answer.status !== 200) {
          expect(registrar.bindings).toBe(before);
          expect(answer.contacts).toEqual([]);
        } else {
          expect(answer.contacts).toHaveLength(expected.length);
        }
        // The next request finds what a store would have kept.
        registrar.bindings = decodeBindings(encodeBindings(registrar.bindings))!;
      }
    }),
    { numRuns: 500 },
  );
  // Every way through the rules has been taken.
  for (const status of [200, 400, 403, 423, 500]) expect(statuses.get(status) ?? 0).toBeGreaterThan(0);
});

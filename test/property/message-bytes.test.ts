/**
 * Messages and bytes: a message that was parsed is written back byte for byte, and no bytes at all, random, mutated or cut
 * off anywhere, make router, parser or engine throw.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ShardRouter } from '../../src/main/shard-router.js';
import { EditPlan } from '../../src/proxy/edit-plan.js';
import type { PacketMeta } from '../../src/proxy/ports.js';
import { bytesOf } from '../../src/sim/sent-message.js';
import { FIELD_END, FIELD_LINE, FIELD_STRIDE, FIELD_VALUE } from '../../src/sip/header-fields.js';
import { MessageView } from '../../src/sip/message.js';
import { SECRET } from '../unit/proxy/stage.js';
import { mutate, mutation, request, response } from './message-text.js';

const RUNS = 600;

const view = new MessageView(64);
const plan = new EditPlan();
const router = new ShardRouter({ shards: 5, node: 0, secret: SECRET, key: 'transaction' });
const byCallId = new ShardRouter({ shards: 5, node: 0, secret: SECRET, key: 'call-id' });
const meta: PacketMeta = { listener: 0, family: 4, port: 5060, a0: 1, a1: 0, a2: 0, a3: 0, connection: 0, keyLo: 0, keyHi: 0, kind: 0, hops: 0, topVia: undefined };

/** Parses whatever it is, with other bytes around it; says whether it is valid. Offsets stay within. */
function read(message: Uint8Array): boolean {
  const start = 11;
  const end = start + message.length;
  const bytes = new Uint8Array(end + 17).fill(0x3a);
  bytes.set(message, start);
  for (const one of [router, byCallId]) {
    const shard = one.route(bytes, start, end, meta);
    if (!(Number.isInteger(shard) && shard >= -1 && shard < 5)) expect.fail(`shard ${shard}`);
  }
  const fault = view.parse(bytes, start, end);
  if (view.end < start || view.end > end) expect.fail('end is outside of the message');
  let last = view.headersStart;
  if (fault === 0) {
    for (let field = 0; field < view.fieldCount; field++) {
      const slot = field * FIELD_STRIDE;
      const [line, value, valueEnd] = [view.fields[slot + FIELD_LINE]!, view.fields[slot + FIELD_VALUE]!, view.fields[slot + FIELD_END]!];
      if (line !== last || value < line || valueEnd < value || valueEnd > view.lineEnd(field)) expect.fail(`field ${field} is out of order`);
      last = view.lineEnd(field);
    }
    if (last !== view.headersEnd || view.bodyStart < last || view.bodyStart > view.end) expect.fail('the fields do not cover the header');
  }
  view.findToTag();
  if (fault !== 0) return false;
  return (view.isRequest ? view.validateRequest() : view.validateResponse()) === 0;
}

describe('a valid message', () => {
  it.each([
    ['request', request],
    ['response', response],
  ])('(%s) is written back byte for byte when nothing changes it', (_, arbitrary) => {
    let valid = 0;
    fc.assert(
      fc.property(arbitrary, (text) => {
        if (read(bytesOf(text))) valid++;
        const message = bytesOf(text);
        const bytes = new Uint8Array(message.length * 2 + 64);
        bytes.set(message, 5);
        expect(view.parse(bytes, 5, 5 + message.length)).toBe(0);
        plan.clear();
        const to = message.length + 20;
        const end = plan.apply(bytes, view.start, view.end, to);
        expect(end - to).toBe(view.end - view.start);
        for (let i = view.start; i < view.end; i++) if (bytes[to + i - view.start] !== bytes[i]) expect.fail(`byte ${i - view.start} differs`);
        // In pieces too, cut at every field.
        let at = to;
        let from = view.start;
        for (let field = 0; field < view.fieldCount; field++) {
          at = plan.apply(bytes, from, view.lineEnd(field), at);
          from = view.lineEnd(field);
        }
        expect(plan.apply(bytes, from, view.end, at)).toBe(end);
      }),
      { numRuns: RUNS, seed: 20260910 },
    );
    // The arbitraries are what they say: nearly all of it is valid.
    expect(valid / RUNS).toBeGreaterThan(0.9);
  });

  it('of any form gets a key from the router', () => {
    fc.assert(
      fc.property(request, (text) => {
        const message = bytesOf(text);
        if (!read(message)) return;
        router.route(message, 0, message.length, meta);
        expect(meta.kind === 1 || meta.kind === 2).toBe(true);
      }),
      { numRuns: RUNS, seed: 20260911 },
    );
  });
});

describe('any bytes', () => {
  it('make neither router nor parser throw', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void read(bytes)), { numRuns: RUNS, seed: 20260912 });
  });

  it('that look like lines of a message do not either', () => {
    const line = fc.string({ unit: fc.constantFrom('v', 'Via', ':', ' ', '\r', '\n', '\r\n', '\r\n ', ';', ',', 'SIP/2.0', 'INVITE', '200', '\0', '\xff', 'Route', '<', '>'), maxLength: 60 });
    fc.assert(fc.property(line, (text) => void read(bytesOf(text))), { numRuns: RUNS, seed: 20260913 });
  });

  it('that were a message once do not either', () => {
    fc.assert(
      fc.property(fc.oneof(request, response), fc.array(mutation, { minLength: 1, maxLength: 6 }), (text, mutations) => void read(mutate(text, mutations))),
      { numRuns: RUNS * 2, seed: 20260914 },
    );
  });

  it('cut off from a message at every offset do not either', () => {
    fc.assert(
      fc.property(fc.oneof(request, response), (text) => {
        const bytes = bytesOf(text);
        for (let length = 0; length <= bytes.length; length++) read(bytes.subarray(0, length));
      }),
      { numRuns: 25, seed: 20260915 },
    );
  });
});

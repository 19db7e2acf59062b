import { describe, expect, it, onTestFinished } from 'vitest';
import { openBatchSocket } from '../../../src/net/batch-socket.js';
import { loadLibc } from '../../../src/net/libc.js';
import { Doorbell, createBell } from '../../../src/ring/doorbell.js';
import { RECORD_OFFER, RECORD_SEND, createPacketMeta } from '../../../src/ring/layout.js';
import { RingReader, RingWriter, createRing } from '../../../src/ring/spsc-ring.js';
import { OfferWriter } from '../../../src/shard/offer-writer.js';
import { BatchOutbox } from '../../../src/shard/outbox-batch.js';
import { RingOutbox } from '../../../src/shard/outbox-ring.js';
import type { ShardOutbox } from '../../../src/shard/shard-outbox.js';
import { COUNTER_COUNT, C_DATAGRAMS_OUT, C_DROP_SEND_ERROR } from '../../../src/telemetry/counters.js';
import { endpointOf, openPeer } from '../net/driver-harness.js';

const loaded = loadLibc();
const text = (what: string): Uint8Array => new TextEncoder().encode(what);

interface Setting {
  readonly outbox: ShardOutbox;
  readonly reader: RingReader;
  readonly bell: Doorbell;
  readonly counters: Float64Array;
}

const SETTINGS = {
  batch(): Setting {
    if (loaded.libc === undefined) throw new Error(loaded.reason);
    const { libc } = loaded;
    const { fd } = openBatchSocket(libc, { host: '127.0.0.1', family: 4, port: 0 }, 0, 0);
    onTestFinished(() => { libc.close(fd); });
    return withRing((out, bell, counters) => new BatchOutbox(libc, [{ fd }], new OfferWriter(out, bell), counters));
  },
  ring(): Setting {
    return withRing((out, bell) => new RingOutbox(out, bell));
  },
};

function withRing(create: (out: RingWriter, bell: Doorbell, counters: Float64Array) => ShardOutbox): Setting {
  const memory = createRing(1 << 18);
  const bell = new Doorbell(createBell());
  const counters = new Float64Array(COUNTER_COUNT);
  return { outbox: create(new RingWriter(memory), bell, counters), reader: new RingReader(memory), bell, counters };
}

for (const kind of ['batch', 'ring'] as const) {
  describe.skipIf(kind === 'batch' && loaded.libc === undefined)(`offers of the ${kind} outbox`, () => {
    it('reach the out-ring with one more hop, for the shard named, and ring the bell', () => {
      const { outbox, reader, bell } = SETTINGS[kind]();
      const meta = {
        listener: 1, family: 4, port: 5060, a0: 7, a1: 0, a2: 0, a3: 0, connection: 0, keyLo: -5, keyHi: 6, kind: 1, hops: 0, topVia: undefined,
      };
      expect(outbox.offer(3, text('xxACK yy'), 2, 6, meta)).toBe(true);
      expect(meta.hops).toBe(0);
      bell.announce();
      expect(reader.empty()).toBe(true);
      outbox.flush();
      expect(bell.wait(0)).toBe(true);
      expect(reader.next()).toBe(true);
      expect([reader.type, reader.owner, reader.meta]).toEqual([RECORD_OFFER, 3, { ...meta, hops: 1 }]);
      expect(new TextDecoder().decode(reader.bytes.slice(reader.start, reader.end))).toBe('ACK ');
    });

    it('are refused when every hop is used up or the out-ring is full', () => {
      const { outbox } = SETTINGS[kind]();
      expect(outbox.offer(1, text('ACK'), 0, 3, { ...createPacketMeta(), hops: 255 })).toBe(false);
      const large = new Uint8Array(60_000);
      let count = 0;
      while (outbox.offer(1, large, 0, large.length, createPacketMeta())) count++;
      expect(count).toBe(4);
    });

    it('leave the bell alone when there are none', () => {
      const { outbox, bell } = SETTINGS[kind]();
      bell.announce();
      outbox.flush();
      expect(bell.ring()).toBe(true);
    });
  });
}

describe('RingOutbox', () => {
  it('turns messages into RECORD_SEND with destination and owner', () => {
    const { outbox, reader } = SETTINGS.ring();
    const to = { ...endpointOf('2001:db8::1', 5070, 2) };
    const at = outbox.reserve(1000);
    outbox.bytes.set(text('--first'), at);
    outbox.commit(at + 2, at + 7, to, 77);
    expect(outbox.send(text('..second'), 2, 8, to, -1)).toBe(true);
    outbox.flush();
    const seen: unknown[] = [];
    while (reader.next()) {
      seen.push([reader.type, new TextDecoder().decode(reader.bytes.slice(reader.start, reader.end)), reader.owner]);
      expect(reader.meta).toEqual({ ...createPacketMeta(), ...to });
    }
    expect(seen).toEqual([[RECORD_SEND, 'first', 77], [RECORD_SEND, 'second', -1]]);
    expect(outbox.nextFailure()).toBe(-1);
  });

  it('says so when the out-ring is full', () => {
    const { outbox } = SETTINGS.ring();
    const large = new Uint8Array(60_000);
    while (outbox.send(large, 0, large.length, endpointOf('127.0.0.1', 5070), -1));
    expect(outbox.reserve(60_000)).toBe(-1);
    expect(outbox.reserve(1000)).toBeGreaterThan(0);
  });
});

describe.skipIf(loaded.libc === undefined)('BatchOutbox', () => {
  it('sends what was composed, and hands the owners of failed sends out after the flush', async () => {
    const { outbox, counters } = SETTINGS.batch();
    const peer = await openPeer(4);
    const good = endpointOf('127.0.0.1', peer.port);
    const bad = endpointOf('255.255.255.255', peer.port);
    const at = outbox.reserve(1000);
    outbox.bytes.set(text('composed'), at);
    outbox.commit(at, at + 8, good, 1);
    outbox.send(text('refused'), 0, 7, bad, 2);
    outbox.send(text('ownerless'), 0, 9, bad, -1);
    outbox.send(text('stored'), 0, 6, good, 3);
    outbox.send(text('refused'), 0, 7, bad, 4);
    expect(outbox.nextFailure()).toBe(-1);
    outbox.flush();
    expect([outbox.nextFailure(), outbox.nextFailure(), outbox.nextFailure()]).toEqual([2, 4, -1]);
    expect([counters[C_DATAGRAMS_OUT], counters[C_DROP_SEND_ERROR]]).toEqual([2, 3]);
    while (peer.received.length < 2) await new Promise((resolve) => setImmediate(resolve));
    expect(peer.received.map(({ bytes }) => bytes.toString())).toEqual(['composed', 'stored']);
  });

  it('keeps failures of a batch that flushed by itself until they are taken', () => {
    const { outbox } = SETTINGS.batch();
    const bad = endpointOf('255.255.255.255', 5070);
    for (let i = 0; i < 200; i++) outbox.send(text('refused'), 0, 7, bad, i);
    outbox.flush();
    for (let i = 0; i < 200; i++) expect(outbox.nextFailure()).toBe(i);
    expect(outbox.nextFailure()).toBe(-1);
  });
});

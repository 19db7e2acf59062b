import { describe, expect, it } from 'vitest';
import { Dispatcher } from '../../../src/main/dispatcher.js';
import { OutRings } from '../../../src/main/out-rings.js';
import type { UdpDriver } from '../../../src/net/udp-driver.js';
import { Doorbell, createBell } from '../../../src/ring/doorbell.js';
import {
  RECORD_DATAGRAM, RECORD_OFFER, RECORD_SEND, RECORD_SEND_FAILED, RING_BYTES_MIN, createPacketMeta,
} from '../../../src/ring/layout.js';
import { RingReader, RingWriter, createRing } from '../../../src/ring/spsc-ring.js';
import { Clock, sharedNowMs } from '../../../src/shard/clock.js';
import { COUNTER_COUNT, C_DROP_RING_FULL, C_KEEPALIVES_IN } from '../../../src/telemetry/counters.js';

const encoder = new TextEncoder();

/** A router that reads the shard from the first digit of the message. */
const firstDigit = { route: (bytes: Uint8Array, start: number) => (bytes[start] ?? 0) - 0x30 };

function stage(shards: number) {
  const inRings = Array.from({ length: shards }, () => createRing(RING_BYTES_MIN));
  const counters = new Float64Array(COUNTER_COUNT);
  const inlets = inRings.map((ring) => ({ ring: new RingWriter(ring), bell: new Doorbell(createBell()) }));
  const dispatcher = new Dispatcher(firstDigit, inlets, counters, new Clock(sharedNowMs()));
  return { dispatcher, counters, readers: inRings.map((ring) => new RingReader(ring)) };
}

function send(dispatcher: Dispatcher, text: string): void {
  const bytes = encoder.encode(text);
  dispatcher.datagram(bytes, 0, bytes.length, createPacketMeta());
}

function texts(reader: RingReader): string[] {
  const found: string[] = [];
  while (reader.next()) found.push(new TextDecoder().decode(reader.bytes.slice(reader.start, reader.end)));
  return found;
}

describe('dispatcher', () => {
  it('puts every datagram into the ring of its shard, in order, and shows it at the flush', () => {
    const { dispatcher, readers } = stage(2);
    for (const text of ['0a', '1a', '0b']) send(dispatcher, text);
    expect(readers[0]!.empty()).toBe(true);
    dispatcher.flush();
    expect(texts(readers[0]!)).toEqual(['0a', '0b']);
    expect(texts(readers[1]!)).toEqual(['1a']);
  });

  it('drops and counts what a full ring does not take, and goes on when there is room again', () => {
    const { dispatcher, counters, readers } = stage(2);
    const text = `0${'x'.repeat(9_999)}`;
    for (let i = 0; i < 100; i++) send(dispatcher, text);
    dispatcher.flush();
    const taken = texts(readers[0]!).length;
    expect(taken).toBeGreaterThan(20);
    expect(counters[C_DROP_RING_FULL]).toBe(100 - taken);
    readers[0]!.release();
    send(dispatcher, '0again');
    send(dispatcher, '1other');
    dispatcher.flush();
    expect(texts(readers[0]!)).toEqual(['0again']);
    expect(texts(readers[1]!)).toEqual(['1other']);
  });

  it('counts keep-alives and gives them to no shard', () => {
    const { dispatcher, counters, readers } = stage(1);
    for (const text of ['\r\n\r\n', '\0\0\0\0']) send(dispatcher, text);
    dispatcher.flush();
    expect(counters[C_KEEPALIVES_IN]).toBe(2);
    expect(readers[0]!.empty()).toBe(true);
  });

  it('tells a shard which of its datagrams could not be sent', () => {
    const { dispatcher, readers } = stage(2);
    dispatcher.sendFailed(1, 77);
    dispatcher.flush();
    expect(readers[1]!.next()).toBe(true);
    expect([readers[1]!.type, readers[1]!.owner]).toEqual([RECORD_SEND_FAILED, 77]);
  });
});

describe('out-rings', () => {
  it('passes offers on to the shard they are for, hops kept, and datagrams to the driver with their shard and owner', () => {
    const { dispatcher, readers } = stage(2);
    const outMemory = [createRing(RING_BYTES_MIN), createRing(RING_BYTES_MIN)];
    const sent: unknown[] = [];
    const driver: UdpDriver = {
      kind: 'dgram',
      listeners: [],
      send: (bytes, start, end, to, shard, owner) => {
        sent.push([new TextDecoder().decode(bytes.slice(start, end)), to.port, shard, owner]);
        return true;
      },
      flush: () => sent.push('flush'),
      close: () => Promise.resolve(),
    };
    const outRings = new OutRings(outMemory.map((memory) => new RingReader(memory)), dispatcher, driver);
    expect(outRings.empty()).toBe(true);
    const writer = new RingWriter(outMemory[0]!);
    const bytes = encoder.encode('CANCEL');
    writer.push(RECORD_OFFER, bytes, 0, bytes.length, { ...createPacketMeta(), port: 5060, keyLo: 7, kind: 1, hops: 1 }, 1);
    writer.push(RECORD_SEND, bytes, 0, 3, { ...createPacketMeta(), port: 5070 }, 42);
    // The replacement of a shard may offer to one that is not there: nothing happens.
    writer.push(RECORD_OFFER, bytes, 0, bytes.length, createPacketMeta(), 9);
    writer.publish();
    expect(outRings.empty()).toBe(false);
    expect(outRings.drain()).toBe(3);
    expect(outRings.drain()).toBe(0);
    expect(sent).toEqual([['CAN', 5070, 0, 42], 'flush']);
    const reader = readers[1]!;
    expect(reader.next()).toBe(true);
    expect(reader.type).toBe(RECORD_OFFER);
    expect(reader.type).not.toBe(RECORD_DATAGRAM);
    expect(reader.meta).toMatchObject({ port: 5060, keyLo: 7, kind: 1, hops: 1 });
    expect(readers[0]!.empty()).toBe(true);
  });
});

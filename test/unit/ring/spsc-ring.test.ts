import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PacketMeta } from '../../../src/proxy/ports.js';
import {
  RECORD_DATAGRAM, RECORD_OFFER, RECORD_SEND, RECORD_SEND_FAILED, createPacketMeta, recordBytes,
} from '../../../src/ring/layout.js';
import { RingReader, RingWriter, createRing } from '../../../src/ring/spsc-ring.js';

const RING_BYTES = 1 << 18;
const LARGEST = 65_507;
/** Payloads are windows of this pattern; its period shares no factor with 8, so that a shifted copy shows. */
const PATTERN = Uint8Array.from({ length: LARGEST + 4096 }, (_, i) => (i * 7 + (i >> 8) * 13) % 251);

function payloadOf(sequence: number, bytes: number): Uint8Array {
  const from = (sequence * 37) % 4096;
  return PATTERN.subarray(from, from + bytes);
}

function payloadIn(reader: RingReader): Uint8Array {
  return reader.bytes.subarray(reader.start, reader.end);
}

function pair(): { memory: SharedArrayBuffer; writer: RingWriter; reader: RingReader } {
  const memory = createRing(RING_BYTES);
  return { memory, writer: new RingWriter(memory), reader: new RingReader(memory) };
}

/** A meta whose every field differs from the others and depends on `sequence`. */
function metaOf(sequence: number): PacketMeta {
  return {
    listener: sequence & 0xffff, family: sequence % 2 === 0 ? 4 : 6, port: (sequence * 3 + 1) & 0xffff,
    a0: sequence * 5 | 0, a1: -sequence | 0, a2: sequence * 11 | 0, a3: ~sequence, connection: sequence * 17 | 0,
    keyLo: (sequence * 0x9e3779b1) | 0, keyHi: -1 - sequence | 0, kind: sequence % 5, hops: sequence & 0xff, topVia: undefined,
  };
}

describe('createRing', () => {
  it.each([0, 1000, 1 << 17, 300_000, 2 ** 31, 1.5])('refuses %d bytes and says what is allowed', (bytes) => {
    expect(() => createRing(bytes)).toThrow(/ring capacity is .* allowed: a power of two from 262144 to 1073741824/);
  });
});

describe('RingWriter and RingReader', () => {
  it('carry every field of a record', () => {
    const { writer, reader } = pair();
    const extremes: PacketMeta = {
      listener: 65_535, family: 6, port: 65_535, a0: -1, a1: 0x7fffffff, a2: -0x80000000, a3: 1, connection: -2,
      keyLo: -3, keyHi: 0x7ffffffe, kind: 255, hops: 255, topVia: undefined,
    };
    writer.nowMs = 0xfffffffe;
    expect(writer.push(RECORD_OFFER, PATTERN, 10, 23, extremes, 0x7fffffff)).toBe(true);
    writer.nowMs = 5;
    expect(writer.push(RECORD_SEND_FAILED, PATTERN, 0, 0, createPacketMeta(), -1)).toBe(true);
    writer.publish();
    expect(reader.next()).toBe(true);
    expect(reader.type).toBe(RECORD_OFFER);
    expect({ ...reader.meta }).toEqual(extremes);
    expect(reader.owner).toBe(0x7fffffff);
    expect(reader.receivedMs).toBe(0xfffffffe);
    expect([...payloadIn(reader)]).toEqual([...PATTERN.subarray(10, 23)]);
    expect(reader.next()).toBe(true);
    expect(reader.type).toBe(RECORD_SEND_FAILED);
    expect({ ...reader.meta }).toEqual(createPacketMeta());
    expect([reader.owner, reader.receivedMs, reader.end - reader.start]).toEqual([-1, 5, 0]);
    expect(reader.next()).toBe(false);
  });

  it('carry a message that lies in their own memory, behind the ring', () => {
    const memory = createRing(RING_BYTES, 4096);
    const writer = new RingWriter(memory, RING_BYTES);
    const reader = new RingReader(memory, RING_BYTES);
    const start = writer.memory.length - 100;
    writer.memory.set(PATTERN.subarray(0, 90), start);
    expect(writer.push(RECORD_DATAGRAM, writer.memory, start + 3, start + 80, metaOf(1), -1)).toBe(true);
    expect(writer.push(RECORD_DATAGRAM, writer.memory, start, start, metaOf(2), -1)).toBe(true);
    writer.publish();
    expect(reader.next()).toBe(true);
    expect([...payloadIn(reader)]).toEqual([...PATTERN.subarray(3, 80)]);
    expect(reader.next()).toBe(true);
    expect([...payloadIn(reader)]).toEqual([]);
    expect(reader.next()).toBe(false);
  });

  it('show nothing before it is published, and then all of it', () => {
    const { writer, reader } = pair();
    expect(writer.publish()).toBe(false);
    writer.push(RECORD_DATAGRAM, PATTERN, 0, 5, metaOf(1), -1);
    writer.push(RECORD_DATAGRAM, PATTERN, 0, 6, metaOf(2), -1);
    expect(reader.empty()).toBe(true);
    expect(reader.next()).toBe(false);
    expect(writer.publish()).toBe(true);
    expect(writer.publish()).toBe(false);
    expect(reader.empty()).toBe(false);
    expect(reader.next() && reader.next()).toBe(true);
    expect(reader.empty()).toBe(true);
  });

  it('refuse a record when full and take it once room was released', () => {
    const { writer, reader } = pair();
    let taken = 0;
    while (writer.push(RECORD_DATAGRAM, PATTERN, 0, 1000, metaOf(taken), taken)) taken++;
    expect(taken).toBe(Math.floor(RING_BYTES / recordBytes(1000)));
    writer.publish();
    expect(reader.next()).toBe(true);
    expect(writer.push(RECORD_DATAGRAM, PATTERN, 0, 1000, metaOf(taken), taken)).toBe(false);
    reader.release();
    // The record that no longer fits in front of the wrap needs the pad's room too.
    while (reader.next() && reader.owner < 2) reader.release();
    reader.release();
    expect(writer.push(RECORD_DATAGRAM, PATTERN, 0, 1000, metaOf(taken), taken)).toBe(true);
    writer.publish();
    let last = -1;
    while (reader.next()) last = reader.owner;
    expect(last).toBe(taken);
  });

  it('leave a message that was composed in the ring where it was claimed', () => {
    const { writer, reader } = pair();
    for (let round = 0; round < 5000; round++) {
      const forgotten = writer.claim(3000);
      expect(forgotten).toBeGreaterThan(0);
      const at = writer.claim(2000);
      const bytes = (round * 7) % 2001;
      writer.bytes.set(payloadOf(round, bytes), at);
      writer.commit(RECORD_SEND, at, bytes, metaOf(round), round);
      writer.publish();
      expect(reader.next()).toBe(true);
      expect(Buffer.compare(payloadIn(reader), payloadOf(round, bytes))).toBe(0);
      expect([reader.type, reader.owner, reader.meta.a3, reader.meta.keyLo]).toEqual([RECORD_SEND, round, ~round, 0]);
      reader.release();
    }
  });

  it('keep content and order through any mix of pushes, reads, wraps and full rings', () => {
    const size = fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 1, max: 1500 }) },
      { weight: 2, arbitrary: fc.integer({ min: 1500, max: LARGEST }) },
      { weight: 1, arbitrary: fc.constant(LARGEST) },
    );
    const step = fc.oneof(
      fc.record({ push: size, times: fc.integer({ min: 1, max: 60 }) }),
      fc.record({ read: fc.integer({ min: 1, max: 80 }) }),
      fc.constant({ release: true }),
    );
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { writer, reader } = pair();
      const expected: { sequence: number; bytes: number }[] = [];
      const held: { start: number; end: number; sequence: number }[] = [];
      let sequence = 0;
      const readOne = (): boolean => {
        if (!reader.next()) return false;
        const next = expected.shift();
        expect(reader.owner).toBe(next?.sequence);
        expect({ ...reader.meta }).toEqual(metaOf(reader.owner));
        expect(Buffer.compare(payloadIn(reader), payloadOf(reader.owner, next?.bytes ?? -1))).toBe(0);
        held.push({ start: reader.start, end: reader.end, sequence: reader.owner });
        return true;
      };
      const release = (): void => {
        // What was read before stays intact until now, whatever the writer did meanwhile.
        for (const { start, end, sequence: of } of held.splice(0)) {
          expect(Buffer.compare(reader.bytes.subarray(start, end), payloadOf(of, end - start))).toBe(0);
        }
        reader.release();
      };
      for (const each of steps) {
        if ('push' in each) {
          for (let i = 0; i < each.times; i++) {
            const payload = payloadOf(sequence, each.push);
            const usedBefore = writer.usedBytes();
            if (writer.push(RECORD_DATAGRAM, payload, 0, payload.length, metaOf(sequence), sequence)) {
              expected.push({ sequence, bytes: each.push });
              sequence++;
            } else {
              expect(usedBefore).toBe(writer.usedBytes());
              expect(usedBefore + 2 * recordBytes(each.push)).toBeGreaterThan(RING_BYTES);
            }
          }
          writer.publish();
        } else if ('read' in each) {
          for (let i = 0; i < each.read && readOne(); i++);
        } else {
          release();
        }
      }
      while (readOne());
      release();
      expect(expected).toEqual([]);
      expect(writer.usedBytes()).toBe(0);
    }), { numRuns: 150 });
  });

  it('go on when the byte counts pass 2^32', () => {
    const { memory } = pair();
    // As after many hours: the counts stand just below the wrap of an int32, and of a uint32.
    for (const start of [0x7fffff00, -256]) {
      const control = new Int32Array(memory, 0, 64);
      control[0] = control[1] = control[32] = start;
      const writer = new RingWriter(memory);
      const reader = new RingReader(memory);
      for (let i = 0; i < 2000; i++) {
        const payload = payloadOf(i, (i * 31) % 1500);
        expect(writer.push(RECORD_DATAGRAM, payload, 0, payload.length, metaOf(i), i)).toBe(true);
        writer.publish();
        expect(reader.next()).toBe(true);
        expect(reader.owner).toBe(i);
        expect(Buffer.compare(payloadIn(reader), payload)).toBe(0);
        reader.release();
      }
    }
  });
});

describe('a replacement', () => {
  it('reader goes on behind the record that its predecessor was handed last', () => {
    const { memory, writer, reader } = pair();
    for (let i = 0; i < 10; i++) writer.push(RECORD_DATAGRAM, payloadOf(i, 100), 0, 100, metaOf(i), i);
    writer.publish();
    reader.next();
    reader.release();
    reader.next();
    reader.next();
    const second = new RingReader(memory);
    const seen: number[] = [];
    while (second.next()) seen.push(second.owner);
    expect(seen).toEqual([3, 4, 5, 6, 7, 8, 9]);
  });

  it('reader frees what its predecessor had not released, even when nothing is left to read', () => {
    const { memory, writer, reader } = pair();
    while (writer.push(RECORD_DATAGRAM, PATTERN, 0, 5000, metaOf(0), 0));
    writer.publish();
    while (reader.next());
    expect(writer.push(RECORD_DATAGRAM, PATTERN, 0, 5000, metaOf(1), 1)).toBe(false);
    const second = new RingReader(memory);
    expect(writer.push(RECORD_DATAGRAM, PATTERN, 0, 5000, metaOf(1), 1)).toBe(true);
    writer.publish();
    expect(second.next()).toBe(true);
    expect(second.owner).toBe(1);
  });

  it('writer goes on behind what its predecessor published', () => {
    const { memory, writer, reader } = pair();
    writer.push(RECORD_SEND, PATTERN, 0, 700, metaOf(1), 1);
    writer.publish();
    writer.push(RECORD_SEND, PATTERN, 0, 700, metaOf(2), 2);
    const second = new RingWriter(memory);
    second.push(RECORD_SEND, payloadOf(3, 300), 0, 300, metaOf(3), 3);
    second.publish();
    const seen: number[] = [];
    while (reader.next()) seen.push(reader.owner);
    expect(seen).toEqual([1, 3]);
    expect(Buffer.compare(payloadIn(reader), payloadOf(3, 300))).toBe(0);
  });
});

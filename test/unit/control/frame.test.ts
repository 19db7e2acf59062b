/** Frames of the control socket, whole, in pieces, and hostile. */
import { encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFrame, FrameError, FrameReader } from '../../../src/control/frame.js';

const MAX = 1024;

function frame(claimed: number, body: Uint8Array | readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 + body.length);
  new DataView(bytes.buffer).setUint32(0, claimed);
  bytes.set(body, 4);
  return bytes;
}

describe('a frame reader', () => {
  it('gives back what was written, however the bytes are cut', () => {
    const values = fc.array(fc.oneof(fc.string({ maxLength: 50 }), fc.integer(), fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.boolean())), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(values, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (sent, cuts) => {
        const bytes = Buffer.concat(sent.map((value) => encodeFrame(value, MAX)));
        const reader = new FrameReader(MAX);
        const received: unknown[] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = cuts[i % cuts.length]!;
          received.push(...reader.push(bytes.subarray(at, at + size)));
          at += size;
        }
        expect(received).toEqual(sent.map((value) => (typeof value === 'object' ? { ...value } : value)));
      }),
    );
  });

  it('refuses a claim that is too long before a byte of the body has come', () => {
    expect(() => new FrameReader(MAX).push(frame(MAX + 1, []))).toThrow('a frame of 1025 bytes; allowed: 1 to 1024');
    expect(() => new FrameReader(MAX).push(frame(0xffff_ffff, []))).toThrow(FrameError);
  });

  it.each([
    ['an empty frame', frame(0, [])],
    ['an unused msgpack byte', frame(1, [0xc1])],
    ['a value that is cut off', frame(2, [0xa5, 0x41])],
    ['more than one value', frame(2, [0x01, 0x02])],
    ['a list of four billion', frame(5, [0xdd, 0xff, 0xff, 0xff, 0xff])],
    ['a mapping of four billion', frame(5, [0xdf, 0xff, 0xff, 0xff, 0xff])],
    ['a text of four billion', frame(5, [0xdb, 0xff, 0xff, 0xff, 0xff])],
    ['a key __proto__', frame(11, [0x81, 0xa9, ...new TextEncoder().encode('__proto__')])],
    ['an HTTP request', new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n')],
  ])('refuses %s', (_what, bytes) => {
    expect(() => new FrameReader(MAX).push(bytes)).toThrow(FrameError);
  });

  it('takes lists in lists as deep as a frame can have them', () => {
    expect(() => new FrameReader(MAX).push(frame(1001, [...Array<number>(1000).fill(0x91), 0x01]))).not.toThrow();
  });

  it('throws nothing but FrameError, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
        try {
          new FrameReader(MAX).push(frame(body.length, body));
        } catch (error) {
          expect(error).toBeInstanceOf(FrameError);
        }
      }),
    );
  });
});

describe('encodeFrame', () => {
  it('refuses what is too long', () => {
    expect(encodeFrame('x', MAX)).toEqual(frame(2, encode('x')));
    expect(() => encodeFrame('x'.repeat(MAX), MAX)).toThrow(FrameError);
  });
});

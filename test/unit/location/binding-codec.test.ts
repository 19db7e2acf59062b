/** The encoding of a user's bindings. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Binding, RECEIVED_NOWHERE, type ReceivedFrom } from '../../../src/location/binding.js';
import { BINDINGS_VERSION, decodeBindings, encodeBindings, encodedExpiryMs } from '../../../src/location/binding-codec.js';
import { CONTACT_BYTES_MAX } from '../../../src/location/bounds.js';
import { NOW_MS, binding, bytes } from './stage.js';

const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const octets = (maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength });
const timeMs = fc.oneof(fc.nat(2 ** 31 - 1), fc.maxSafeNat().map((n) => n % 2 ** 48));

const received: fc.Arbitrary<ReceivedFrom> = fc.oneof(
  fc.constant(RECEIVED_NOWHERE),
  fc.record({ listener: fc.nat(), family: fc.constant(4), port: fc.nat(65535), a0: word, a1: fc.constant(0), a2: fc.constant(0), a3: fc.constant(0), connection: fc.nat() }),
  fc.record({ listener: fc.nat(), family: fc.constant(6), port: fc.nat(65535), a0: word, a1: word, a2: word, a3: word, connection: fc.constant(2 ** 32 - 1) }),
);

const anyBinding: fc.Arbitrary<Binding> = fc.record({
  contact: octets(60),
  expiresMs: timeMs,
  updatedMs: timeMs,
  q: fc.integer({ min: -1, max: 1000 }),
  callId: octets(200),
  cseq: fc.nat(2 ** 31 - 1),
  path: fc.array(octets(40), { maxLength: 4 }),
  instance: octets(50),
  regId: fc.oneof(fc.constant(0), fc.nat(2 ** 31 - 1)),
  userAgent: octets(128),
  methods: fc.nat(0x7fff),
  received,
});

describe('encoded bindings', () => {
  it('are read back as they were', () => {
    fc.assert(
      fc.property(fc.array(anyBinding, { maxLength: 5 }), (bindings) => {
        const encoded = encodeBindings(bindings);
        expect(decodeBindings(encoded)).toEqual(bindings);
        expect(encodedExpiryMs(encoded)).toBe(bindings.length === 0 ? -1 : Math.min(...bindings.map(({ expiresMs }) => expiresMs)));
      }),
    );
  });

  it('are refused, and nothing is thrown, when they are any other bytes', () => {
    const damaged = fc
      .tuple(fc.array(anyBinding, { minLength: 1, maxLength: 3 }).map(encodeBindings), fc.nat(), fc.nat(255), fc.nat())
      .map(([encoded, at, value, cut]) => {
        const copy = encoded.slice(0, cut % 4 === 0 ? cut % encoded.length : encoded.length);
        if (copy.length > 0) copy[at % copy.length] = value;
        return copy;
      });
    const headed = fc.uint8Array({ maxLength: 80 }).map((tail) => Uint8Array.from([BINDINGS_VERSION, ...tail]));
    fc.assert(
      fc.property(fc.oneof(damaged, headed, fc.uint8Array({ maxLength: 80 })), (any) => {
        encodedExpiryMs(any);
        const bindings = decodeBindings(any);
        // What is taken for bindings is exactly what they would be encoded as.
        if (bindings !== undefined) expect(encodeBindings(bindings)).toEqual(any);
      }),
      { numRuns: 2000 },
    );
  });

  it('are refused when they are cut short, go on behind their end, or come from another version', () => {
    const encoded = encodeBindings([binding()]);
    for (let length = 0; length < encoded.length; length++) expect(decodeBindings(encoded.subarray(0, length))).toBeUndefined();
    expect(decodeBindings(Uint8Array.from([...encoded, 0]))).toBeUndefined();
    encoded[0] = BINDINGS_VERSION + 1;
    expect(decodeBindings(encoded)).toBeUndefined();
    expect(encodedExpiryMs(encoded)).toBe(-1);
  });

  it('of a usual phone take little more than its texts', () => {
    const phone = binding({ userAgent: bytes('phone'), received: { ...RECEIVED_NOWHERE, family: 4, port: 5062, a0: 0x7f000001 } });
    expect(encodeBindings([phone]).length).toBeLessThanOrEqual(24 + 2 + 5 + 40);
  });

  it('keep their bounds', () => {
    expect(() => encodeBindings([binding({ contact: new Uint8Array(CONTACT_BYTES_MAX + 1) })])).toThrow(RangeError);
    expect(() => encodeBindings([binding({ q: 1001 })])).toThrow(RangeError);
    expect(() => encodeBindings([binding({ expiresMs: NOW_MS + 0.5 })])).toThrow(RangeError);
    expect(() => encodeBindings(Array.from({ length: 1001 }, () => binding()))).toThrow(RangeError);
  });
});

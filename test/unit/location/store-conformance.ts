/** What every location store does, whatever keeps its data: each implementation runs this suite (`src/location/store.ts`). */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Binding } from '../../../src/location/binding.js';
import { type Change, type LocationStore, LocationUnavailable } from '../../../src/location/store.js';
import { NOW_MS, binding, bytes, text } from './stage.js';

/** Where the stores of one test keep their data. */
export interface StoreHarness {
  /** A store over the data of this harness, empty at first. Several over the same data, where `canShare`. */
  open(options: { readonly aorsMax: number }): Promise<LocationStore>;
  /** Whether several stores can be open over the same data. */
  readonly canShare: boolean;
  /** Takes the data away, after every store has been closed. */
  destroy(): Promise<void>;
}

const put = (...bindings: Binding[]): (() => Change<undefined>) => () => ({ bindings, result: undefined });
const at = (uri: string, seconds: number): Binding => binding({ contact: bytes(uri), expiresMs: NOW_MS + seconds * 1000 });

export function describeLocationStore(name: string, create: () => Promise<StoreHarness>): void {
  describe(`${name} as a location store`, () => {
    let harness: StoreHarness;
    let store: LocationStore;
    const opened: LocationStore[] = [];

    async function open(aorsMax = 1000): Promise<LocationStore> {
      const another = await harness.open({ aorsMax });
      opened.push(another);
      return another;
    }

    beforeEach(async () => {
      harness = await create();
      store = await open();
    });

    afterEach(async () => {
      for (const one of opened.splice(0)) await one.close();
      await harness.destroy();
    });

    const contactsOf = async (aor: string, from = store): Promise<string[]> => (await from.read(aor)).map(({ contact }) => text(contact));

    it('knows nothing at first', async () => {
      expect(await store.read('alice@h')).toEqual([]);
      expect(await store.count()).toBe(0);
      expect(await store.nextExpiryMs()).toBe(Infinity);
      expect(await store.takeExpired(NOW_MS, 10)).toEqual([]);
    });

    it('reads what has been written, to the last field and in order', async () => {
      const bindings = [
        binding({
          q: 250,
          path: [bytes('<sip:p1;lr>'), bytes('<sip:p2;lr>')],
          instance: bytes('urn:uuid:1'),
          regId: 2,
          userAgent: bytes('\u00ff\u0000'),
          methods: 6,
          received: { listener: 3, family: 6, port: 5060, a0: -1, a1: 2, a2: 3, a3: 4, connection: 9 },
        }),
        at('sip:b@h', 20),
      ];
      await store.update('alice@h', put(...bindings));
      expect(await store.read('alice@h')).toEqual(bindings);
      expect(await store.read('Alice@h')).toEqual([]);
      expect(await store.count()).toBe(1);
    });

    it('shows an update the present bindings and hands its result through', async () => {
      await store.update('alice@h', put(at('sip:a@h', 10)));
      const seen: string[] = [];
      const updated = await store.update('alice@h', (current) => {
        seen.splice(0, seen.length, ...current.map(({ contact }) => text(contact)));
        return { bindings: [...current, at('sip:b@h', 20)], result: current.length };
      });
      expect(updated).toEqual({ result: 1, isStored: true });
      expect(seen).toEqual(['sip:a@h']);
      expect(await contactsOf('alice@h')).toEqual(['sip:a@h', 'sip:b@h']);
    });

    it('leaves everything as it is when an update wants nothing, or throws', async () => {
      await store.update('alice@h', put(at('sip:a@h', 10)));
      expect(await store.update('alice@h', () => ({ bindings: undefined, result: 7 }))).toEqual({ result: 7, isStored: true });
      await store.update('bob@h', () => ({ bindings: undefined, result: 0 }));
      await expect(store.update('alice@h', () => { throw new Error('no'); })).rejects.toThrow('no');
      expect(await contactsOf('alice@h')).toEqual(['sip:a@h']);
      expect(await store.count()).toBe(1);
    });

    it('forgets an address-of-record without bindings', async () => {
      await store.update('alice@h', put(at('sip:a@h', 10)));
      await store.update('alice@h', put());
      await store.update('bob@h', put());
      expect(await store.read('alice@h')).toEqual([]);
      expect(await store.count()).toBe(0);
      expect(await store.nextExpiryMs()).toBe(Infinity);
    });

    it('hands out bindings that later updates do not touch', async () => {
      await store.update('alice@h', put(at('sip:a@h', 10)));
      const held = await store.read('alice@h');
      await store.update('alice@h', put(at('sip:changed@h', 30)));
      await store.update('alice@h', put());
      expect(held).toEqual([at('sip:a@h', 10)]);
    });

    it('loses none of many updates at once', async () => {
      const stores = harness.canShare ? [store, await open()] : [store, store];
      await Promise.all(
        Array.from({ length: 40 }, (_, i) =>
          stores[i % 2]!.update('alice@h', (current) => ({ bindings: [...current, at(`sip:a${i}@h`, 10)], result: undefined })),
        ),
      );
      expect((await contactsOf('alice@h')).sort()).toEqual(Array.from({ length: 40 }, (_, i) => `sip:a${i}@h`).sort());
    });

    it('shows one store what another has acknowledged', async () => {
      if (!harness.canShare) return;
      const other = await open();
      await store.update('alice@h', put(at('sip:a@h', 10)));
      expect(await contactsOf('alice@h', other)).toEqual(['sip:a@h']);
      await other.update('alice@h', put(at('sip:b@h', 10)));
      expect(await contactsOf('alice@h')).toEqual(['sip:b@h']);
    });

    it('keeps what was acknowledged when it is closed and opened again', async () => {
      if (store.durability === 'none') return;
      await store.update('alice@h', put(at('sip:a@h', 10)));
      await store.close();
      const again = await open();
      expect(await contactsOf('alice@h', again)).toEqual(['sip:a@h']);
      expect(await again.nextExpiryMs()).toBe(NOW_MS + 10_000);
    });

    it('turns new address-of-records away when the table is full, and serves those that are there', async () => {
      await store.close();
      const small = await open(2);
      await small.update('a@h', put(at('sip:a@h', 10)));
      await small.update('b@h', put(at('sip:b@h', 20)));
      expect(await small.update('c@h', () => ({ bindings: [at('sip:c@h', 10)], result: 'x' }))).toEqual({ result: 'x', isStored: false });
      expect(await small.read('c@h')).toEqual([]);
      expect((await small.update('a@h', put(at('sip:a@h', 30)))).isStored).toBe(true);
      await small.update('a@h', put());
      expect((await small.update('c@h', put(at('sip:c@h', 10)))).isStored).toBe(true);
      expect(await small.count()).toBe(2);
      await small.takeExpired(NOW_MS + 10_000, 10);
      expect((await small.update('d@h', put(at('sip:d@h', 10)))).isStored).toBe(true);
    });

    it('takes out what has expired in order of its end, at most so many, each once', async () => {
      const ends = [5, 3, 8, 1, 9, 2, 7, 4, 6];
      for (const seconds of ends) await store.update(`u${seconds}@h`, put(at(`sip:u${seconds}@h`, seconds)));
      expect(await store.nextExpiryMs()).toBe(NOW_MS + 1000);
      const take = async (seconds: number, limit: number): Promise<string[]> => (await store.takeExpired(NOW_MS + seconds * 1000, limit)).map(({ aor }) => aor);
      expect(await take(0.999, 10)).toEqual([]);
      expect(await take(6, 4)).toEqual(['u1@h', 'u2@h', 'u3@h', 'u4@h']);
      expect(await take(6, 4)).toEqual(['u5@h', 'u6@h']);
      expect(await take(6, 4)).toEqual([]);
      expect(await store.count()).toBe(3);
      expect(await store.nextExpiryMs()).toBe(NOW_MS + 7000);
      expect(await store.read('u6@h')).toEqual([]);
    });

    it('takes only the bindings that have ended, and follows a refresh', async () => {
      await store.update('a@h', put(at('sip:1@h', 5), at('sip:2@h', 1), at('sip:3@h', 3), at('sip:4@h', 9)));
      const [expired, ...more] = await store.takeExpired(NOW_MS + 5000, 10);
      expect(more).toEqual([]);
      expect(expired!.bindings.map(({ contact }) => text(contact))).toEqual(['sip:2@h', 'sip:3@h', 'sip:1@h']);
      expect(await contactsOf('a@h')).toEqual(['sip:4@h']);
      expect(await store.nextExpiryMs()).toBe(NOW_MS + 9000);
      await store.update('a@h', put(at('sip:4@h', 20)));
      expect(await store.takeExpired(NOW_MS + 19_999, 10)).toEqual([]);
      await store.update('a@h', put(at('sip:4@h', 15)));
      expect(await store.takeExpired(NOW_MS + 15_000, 10)).toHaveLength(1);
      expect(await store.count()).toBe(0);
    });

    it('hands each ended binding to one of those that ask', async () => {
      const other = harness.canShare ? await open() : store;
      for (let i = 0; i < 50; i++) await store.update(`u${i}@h`, put(at('sip:a@h', 1)));
      const taken = await Promise.all([store, other, store, other].map((one) => one.takeExpired(NOW_MS + 1000, 50)));
      const aors = taken.flat().map(({ aor }) => aor);
      expect(aors.sort()).toEqual(Array.from({ length: 50 }, (_, i) => `u${i}@h`).sort());
    });

    it('lists every address-of-record once', async () => {
      for (let i = 0; i < 30; i++) await store.update(`u${i}@h`, put(at(`sip:${i}@h`, 10)));
      const seen = new Map<string, string>();
      for await (const [aor, bindings] of store.entries()) seen.set(aor, text(bindings[0]!.contact));
      expect(seen.size).toBe(30);
      expect(seen.get('u7@h')).toBe('sip:7@h');
    });

    it('refuses everything once it is closed', async () => {
      await store.close();
      await store.close();
      await expect(store.read('a@h')).rejects.toThrow(LocationUnavailable);
      await expect(store.update('a@h', put())).rejects.toThrow(LocationUnavailable);
      await expect(store.takeExpired(NOW_MS, 1)).rejects.toThrow(LocationUnavailable);
      await expect(store.nextExpiryMs()).rejects.toThrow(LocationUnavailable);
      await expect(store.count()).rejects.toThrow(LocationUnavailable);
      await expect((async () => { for await (const _ of store.entries()) break; })()).rejects.toThrow(LocationUnavailable);
    });
  });
}

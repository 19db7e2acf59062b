/**
 * Properties of the leaf grammars: whatever the octets, they read nothing outside of their range, throw nothing and agree
 * with the reference grammar; whatever the valid value, its parts come out again.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NameAddrView, parseNameAddr } from '../../src/sip/name-addr.js';
import { GE_NONE } from '../../src/sip/parse-error.js';
import { SCHEME_OTHER, SCHEME_SIP, SCHEME_SIPS, SCHEME_TEL, TRANSPORT_TCP, UriView, parseUri } from '../../src/sip/uri.js';
import { ViaView, parseVia } from '../../src/sip/via.js';
import { embed, textAt } from '../unit/sip/embedded-text.js';
import { isPlainIPv6, referenceNameAddr, referenceUri, referenceVia } from './reference-grammar.js';
import * as text from './sip-text.js';

const RUNS = 3000;

const validUri = fc.record({
  scheme: fc.constantFrom('sip:', 'sips:', 'SIP:'),
  userinfo: fc.option(fc.tuple(text.user, fc.option(text.password, { nil: undefined })), { nil: undefined }),
  host: text.host,
  port: text.port,
  params: fc.array(text.uriParam, { maxLength: 3 }).map((params) => params.join('')),
  headers: fc.array(text.uriHeader, { maxLength: 2 }).map((headers) => headers.join('&')),
});

type UriParts = typeof validUri extends fc.Arbitrary<infer T> ? T : never;

function uriText({ scheme, userinfo, host, port, params, headers }: UriParts): string {
  const [user, password] = userinfo ?? [];
  return [
    scheme,
    user ?? '',
    password === undefined ? '' : `:${password}`,
    userinfo === undefined ? '' : '@',
    host,
    port === 0 ? '' : `:${port}`,
    params,
    headers === '' ? '' : `?${headers}`,
  ].join('');
}

const words = fc.tuple(text.token, text.lws, text.token).map((pieces) => pieces.join(''));
const headerParams = fc.array(text.headerParam, { maxLength: 2 }).map((params) => params.join(''));

/** A name-addr with its parts; `text` is the whole. */
const validAddress = fc
  .record({
    display: fc.option(fc.oneof(text.quotedString, words), { nil: undefined }),
    uri: validUri.map(uriText),
    params: headerParams,
    tag: fc.option(text.token, { nil: undefined }),
    gap: text.sws,
  })
  .map((parts) => {
    const { display, uri, params, tag, gap } = parts;
    const tagText = tag === undefined ? '' : `${gap};${gap}tag${gap}=${gap}${tag}`;
    return { ...parts, text: `${gap}${display ?? ''}${gap}<${uri}>${params}${tagText}${gap}` };
  });

/** A Via value with its parts; `text` is the whole. */
const validVia = fc
  .record({
    protocol: fc.oneof(fc.constantFrom('SIP', 'sip'), text.token),
    version: fc.oneof(fc.constant('2.0'), text.token),
    transport: fc.oneof(fc.constantFrom('UDP', 'TCP'), text.token),
    host: text.host,
    port: text.port,
    params: headerParams,
    branch: fc.option(text.token, { nil: undefined }),
    received: fc.option(fc.oneof(text.ipv4, text.ipv6, text.ipv6.map((address) => `[${address}]`)), { nil: undefined }),
    gap: text.sws,
    space: text.lws,
  })
  .map((parts) => {
    const { protocol, version, transport, host, port, params, branch, received, gap, space } = parts;
    const start = `${protocol}${gap}/${gap}${version}${gap}/${gap}${transport}${space}${host}`;
    const portText = port === 0 ? '' : `${gap}:${gap}${port}`;
    const branchText = branch === undefined ? '' : `;branch${gap}=${gap}${branch}`;
    const receivedText = received === undefined ? '' : `${gap};${gap}received=${received}`;
    return { ...parts, text: start + portText + params + branchText + receivedText + gap };
  });

/** Text of every quality for one grammar. */
function anyText(valid: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.oneof(text.octets, text.fragments, valid, text.spoiled(valid), text.spoiled(text.spoiled(valid)));
}

const anyUri = anyText(validUri.map(uriText));
const bareAddress = fc.tuple(validUri.map(uriText), text.headerParam).map((parts) => parts.join(''));
const anyAddress = anyText(fc.oneof(validAddress.map((value) => value.text), bareAddress));
const anyVia = anyText(validVia.map((value) => value.text));

/** The same bytes, but reading outside of `[start, end)` throws. */
function guarded(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Proxy(bytes, {
    get(target, key) {
      const index = typeof key === 'string' ? Number(key) : Number.NaN;
      if (!(index >= start && index < end)) throw new Error(`read of ${String(key)} outside of ${start} to ${end}`);
      return target[index];
    },
  });
}

/** Every grammar on `bytes[start, end)`: the results and all that the views hold. */
function parseAll(bytes: Uint8Array, start: number, end: number): unknown[] {
  const uri = new UriView();
  const address = new NameAddrView();
  const via = new ViaView();
  const errors = [parseUri(bytes, start, end, uri), parseNameAddr(bytes, start, end, address), parseVia(bytes, start, end, via)];
  return [...errors, uri, address, via];
}

describe('any octets', () => {
  const anything = fc.oneof(anyUri, anyAddress, anyVia);

  it('are read inside of their range only, and nothing throws', () => {
    fc.assert(
      fc.property(anything, (value) => {
        const { bytes, start, end } = embed(value);
        parseAll(guarded(bytes, start, end), start, end);
      }),
      { numRuns: RUNS },
    );
  });

  it('leave every offset of an accepted value inside of the range, ends behind starts', () => {
    fc.assert(
      fc.property(anything, (value) => {
        const { bytes, start, end } = embed(value);
        const [uriError, addressError, viaError, uri, address, via] = parseAll(bytes, start, end);
        for (const [error, view] of [[uriError, uri], [addressError, address], [viaError, via]]) {
          if (error !== GE_NONE) continue;
          const offsets = view as Record<string, number>;
          for (const [name, from] of Object.entries(offsets)) {
            if (!name.endsWith('Start') || from === -1) continue;
            const to = offsets[name.replace(/Start$/, 'End')] ?? from;
            expect(from, name).toBeGreaterThanOrEqual(start);
            expect(to, name).toBeGreaterThanOrEqual(from);
            expect(to, name).toBeLessThanOrEqual(end);
          }
        }
      }),
      { numRuns: RUNS },
    );
  });
});

describe('URIs', () => {
  it('come apart into the parts they were made of', () => {
    fc.assert(
      fc.property(validUri, fc.boolean(), (parts, routed) => {
        const whole = { ...parts, params: parts.params + (routed ? ';transport=TCP;lr' : '') };
        const { bytes, start, end } = embed(uriText(whole));
        const view = new UriView();
        expect(parseUri(bytes, start, end, view)).toBe(GE_NONE);
        expect(view.scheme).toBe(parts.scheme.toLowerCase() === 'sip:' ? SCHEME_SIP : SCHEME_SIPS);
        expect(textAt(bytes, view.userStart, view.userEnd)).toBe(parts.userinfo?.[0]);
        expect(textAt(bytes, view.passwordStart, view.passwordEnd)).toBe(parts.userinfo?.[1]);
        expect(textAt(bytes, view.hostStart, view.hostEnd)).toBe(parts.host);
        expect(view.port).toBe(parts.port);
        expect(textAt(bytes, view.paramsStart, view.paramsEnd) ?? '').toBe(whole.params);
        expect(textAt(bytes, view.headersStart, view.headersEnd) ?? '').toBe(parts.headers);
        expect(view.lr).toBe(routed ? 1 : 0);
        if (routed) expect(view.transport).toBe(TRANSPORT_TCP);
      }),
      { numRuns: RUNS },
    );
  });

  it('are accepted when the reference grammar accepts them, and only then', () => {
    fc.assert(
      fc.property(anyUri, (value) => {
        const { bytes, start, end } = embed(value);
        const view = new UriView();
        const accepted = parseUri(bytes, start, end, view) === GE_NONE;
        if (accepted && (view.scheme === SCHEME_TEL || view.scheme === SCHEME_OTHER)) return;
        const expected = referenceUri(value);
        expect(accepted).toBe(expected !== undefined);
        if (expected === undefined) return;
        expect({
          secure: view.scheme === SCHEME_SIPS,
          user: textAt(bytes, view.userStart, view.userEnd),
          password: textAt(bytes, view.passwordStart, view.passwordEnd),
          host: textAt(bytes, view.hostStart, view.hostEnd),
          port: view.port,
          params: textAt(bytes, view.paramsStart, view.paramsEnd),
          headers: textAt(bytes, view.headersStart, view.headersEnd),
        }).toEqual(expected);
      }),
      { numRuns: RUNS },
    );
  });
});

describe('address values', () => {
  it('come apart into the parts they were made of', () => {
    fc.assert(
      fc.property(validAddress, (value) => {
        const { bytes, start, end } = embed(value.text);
        const view = new NameAddrView();
        expect(parseNameAddr(bytes, start, end, view)).toBe(GE_NONE);
        const quoted = value.display?.startsWith('"') ?? false;
        expect(view.quoted).toBe(quoted ? 1 : 0);
        expect(textAt(bytes, view.displayStart, view.displayEnd)).toBe(quoted ? value.display?.slice(1, -1) : value.display);
        expect(textAt(bytes, view.uriStart, view.uriEnd)).toBe(value.uri);
        expect(textAt(bytes, view.tagStart, view.tagEnd)).toBe(value.tag);
        expect(view.valueEnd).toBe(end);
      }),
      { numRuns: RUNS },
    );
  });

  it('are accepted when the reference grammar accepts them, and only then', () => {
    fc.assert(
      fc.property(anyAddress, (value) => {
        const { bytes, start, end } = embed(value);
        const view = new NameAddrView();
        const accepted = parseNameAddr(bytes, start, end, view) === GE_NONE;
        const expected = referenceNameAddr(value);
        expect(accepted).toBe(expected !== undefined);
        if (expected === undefined) return;
        expect({
          display: textAt(bytes, view.displayStart, view.displayEnd),
          uri: textAt(bytes, view.uriStart, view.uriEnd),
          bracketed: view.bracketed === 1,
          tag: textAt(bytes, view.tagStart, view.tagEnd),
        }).toEqual(expected);
      }),
      { numRuns: RUNS },
    );
  });

  it('of a list are read one by one', () => {
    fc.assert(
      fc.property(fc.array(validAddress, { minLength: 1, maxLength: 4 }), (values) => {
        const { bytes, start, end } = embed(values.map((value) => value.text).join(','));
        const view = new NameAddrView();
        const uris: (string | undefined)[] = [];
        for (let at = start; at < end; at = view.valueEnd + 1) {
          expect(parseNameAddr(bytes, at, end, view)).toBe(GE_NONE);
          uris.push(textAt(bytes, view.uriStart, view.uriEnd));
        }
        expect(uris).toEqual(values.map((value) => value.uri));
      }),
    );
  });
});

describe('Via values', () => {
  it('come apart into the parts they were made of', () => {
    fc.assert(
      fc.property(validVia, (value) => {
        const { bytes, start, end } = embed(value.text);
        const view = new ViaView();
        expect(parseVia(bytes, start, end, view)).toBe(GE_NONE);
        expect(view.protocolOk).toBe(value.protocol.toLowerCase() === 'sip' && value.version === '2.0' ? 1 : 0);
        expect(textAt(bytes, view.transportStart, view.transportEnd)).toBe(value.transport);
        expect(textAt(bytes, view.hostStart, view.hostEnd)).toBe(value.host);
        expect(view.port).toBe(value.port);
        expect(textAt(bytes, view.branchStart, view.branchEnd)).toBe(value.branch);
        expect(textAt(bytes, view.receivedStart, view.receivedEnd)).toBe(value.received);
        const address = value.received?.replace(/[[\]]/g, '');
        expect(view.receivedFamily).toBe(address === undefined ? 0 : isPlainIPv6(address) ? 6 : 4);
        expect(view.valueEnd).toBe(end);
      }),
      { numRuns: RUNS },
    );
  });

  it('are accepted when the reference grammar accepts them, and only then', () => {
    fc.assert(
      fc.property(anyVia, (value) => {
        const { bytes, start, end } = embed(value);
        const view = new ViaView();
        const accepted = parseVia(bytes, start, end, view) === GE_NONE;
        const expected = referenceVia(value);
        expect(accepted).toBe(expected !== undefined);
        if (expected === undefined) return;
        expect(textAt(bytes, view.transportStart, view.transportEnd)).toBe(expected.transport);
        expect(textAt(bytes, view.hostStart, view.hostEnd)).toBe(expected.host);
        expect(view.port).toBe(expected.port);
        expect(textAt(bytes, view.branchStart, view.branchEnd)).toBe(expected.branch);
        expect(textAt(bytes, view.receivedStart, view.receivedEnd)).toBe(expected.received);
      }),
      { numRuns: RUNS },
    );
  });
});

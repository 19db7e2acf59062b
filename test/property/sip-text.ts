/** Arbitraries for the text of SIP fields: the pieces of valid values, and text that is nearly or not at all valid. */
import fc from 'fast-check';

/** What the fields are made of, whole and broken: random rows of these get far into every grammar. */
const FRAGMENTS = [
  'sip:', 'sips:', 'tel:', 'SIP', '/', '2.0', 'UDP', 'TCP', ' ', '\t', '\r\n ', '\n\t', '\r\n', '\r', '\n',
  ':', ';', '=', ',', '@', '?', '&', '%', '%41', '%0', '<', '>', '"', '\\', '\\"', '[', ']', '.', '..', '-', '_', '*',
  'a', 'Bob', 'example.com', '192.0.2.1', '256.1.1.1', '[2001:db8::1]', '2001:db8::1', '[::', '::', '5060', '0', '65536',
  'tag', 'branch', 'z9hG4bK', 'z9hG4bKabc', 'rport', 'received', 'maddr', 'ttl', 'transport', 'lr', 'x',
  ';tag=1', ';ttl=256', ';ttl=1', ';lr', '01.2.3.4', '\\\n', '\0', '\x7f', '\xe9', '\xff', '(', '{', '#',
];

const TOKEN_CHARACTERS = "ABCXYZabcxyz0189-.!%*_+`'~";
const UNRESERVED = "ABZabz019-_.!~*'()";

const charactersOf = (set: string, minLength: number, maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...set), minLength, maxLength });

const escape = fc.constantFrom('%00', '%40', '%3a', '%F0');

function escapable(set: string, minLength: number): fc.Arbitrary<string> {
  const piece = fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...set) }, { weight: 1, arbitrary: escape });
  return fc.array(piece, { minLength, maxLength: 12 }).map((pieces) => pieces.join(''));
}

/** White space where the grammar allows it, mostly none. */
export const sws = fc.constantFrom('', '', '', ' ', '\t', '  ', '\r\n ', ' \r\n\t ');
/** White space where the grammar wants it. */
export const lws = fc.constantFrom(' ', ' ', '\t', '\r\n ', ' \r\n\t ');

export const token = charactersOf(TOKEN_CHARACTERS, 1, 12);

/** Parts of an address of each family as the text of its words. */
export const ipv4 = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255)).map((numbers) => numbers.join('.'));
export const ipv6 = fc.ipV6();

const label = fc
  .tuple(charactersOf('abcXYZ019_', 1, 1), charactersOf('abcXYZ019-_', 0, 6), charactersOf('abcXYZ019_', 1, 1))
  .map((parts) => parts.join(''));
export const hostName = fc
  .tuple(fc.array(label, { maxLength: 3 }), charactersOf('abcXYZ', 1, 6), fc.constantFrom('', '.'))
  .map(([labels, top, dot]) => [...labels, top].join('.') + dot);

/** Any host, IPv6 in brackets. */
export const host = fc.oneof(hostName, ipv4, ipv6.map((text) => `[${text}]`));
export const port = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 65535 }));

export const user = escapable(UNRESERVED + '&=+$,;?/', 1);
export const password = escapable(UNRESERVED + '&=+$,', 0);
const uriParamText = escapable(UNRESERVED + '[]/:&+$', 1);

/** A URI parameter, `;name` or `;name=value`, that means nothing to us. */
export const uriParam = fc
  .tuple(uriParamText, fc.option(uriParamText))
  .map(([name, value]) => (value === null ? `;x${name}` : `;x${name}=${value}`));
export const uriHeader = fc
  .tuple(escapable(UNRESERVED + '[]/?:+$', 1), escapable(UNRESERVED + '[]/?:+$', 0))
  .map(([name, value]) => `${name}=${value}`);

const quotable = ['a', 'B', ' ', '\t', '\r\n ', ',', ';', '<', '>', '@', '\\"', '\\\\', '\\\0', '\\\x7f', '\xc3\xa9', '\xff'];
/** A quoted string with its quotes. */
export const quotedString = fc
  .array(fc.constantFrom(...quotable), { maxLength: 10 })
  .map((pieces) => `"${pieces.join('')}"`);

/** A header parameter that means nothing to us, white space around its separators. */
export const headerParam = fc
  .tuple(sws, sws, token, fc.option(fc.tuple(sws, sws, fc.oneof(token, quotedString, ipv6.map((text) => `[${text}]`)))))
  .map(([a, b, name, value]) => `${a};${b}x${name}${value === null ? '' : `${value[0]}=${value[1]}${value[2]}`}`);

/** Rows of fragments. */
export const fragments = fc.array(fc.constantFrom(...FRAGMENTS), { maxLength: 14 }).map((pieces) => pieces.join(''));

/** Any octets at all. */
export const octets = fc.uint8Array({ maxLength: 60 }).map((bytes) => String.fromCharCode(...bytes));

/** `valid` with one place of it replaced, removed or widened by a fragment. */
export function spoiled(valid: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .tuple(valid, fc.nat(), fc.nat(2), fc.constantFrom('', ...FRAGMENTS))
    .map(([text, at, width, fragment]) => {
      const place = at % (text.length + 1);
      return text.slice(0, place) + fragment + text.slice(place + width);
    });
}

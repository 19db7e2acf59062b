/** Where a message came from, as scripts and logs see it. Sans-I/O. */
import type { SourceAddress } from './api.js';
import { textOf } from './text.js';
import type { Endpoint } from '../proxy/ports.js';
import { AddressWords, IPV6_TEXT_BYTES, writeIpv4, writeIpv6 } from '../sip/address-text.js';

const buffer = new Uint8Array(IPV6_TEXT_BYTES + 2);
const words = new AddressWords();

/** Text of an endpoint's address: dotted quad, or IPv6 without brackets. */
export function sourceOf(endpoint: Endpoint): SourceAddress {
  words.family = endpoint.family;
  words.a0 = endpoint.a0;
  words.a1 = endpoint.a1;
  words.a2 = endpoint.a2;
  words.a3 = endpoint.a3;
  const end = endpoint.family === 6 ? writeIpv6(buffer, 0, words) : writeIpv4(buffer, 0, words);
  return { protocol: 'udp', address: textOf(buffer, 0, end), port: endpoint.port };
}

/** Addresses as operators write them. */
import { describe, expect, it } from 'vitest';
import { formatAdvertise, formatBind, parseAdvertise, parseBind } from '../../../src/config/address.js';

describe('a bind address', () => {
  it.each(['udp:127.0.0.1:5060', 'udp:0.0.0.0:0', 'udp:[::1]:5060', 'udp:[2001:db8::7]:65535', 'udp:[::ffff:192.0.2.1]:1'])('is read and written: %s', (text) => {
    const address = parseBind(text);
    expect(address && formatBind(address)).toBe(text);
  });

  it('may leave out udp:', () => {
    expect(parseBind('127.0.0.1:5060')).toEqual({ host: '127.0.0.1', family: 4, port: 5060 });
  });

  it.each(['', 'udp:', 'udp:127.0.0.1', 'udp:127.0.0.1:', 'udp:127.0.0.1:65536', 'udp:127.0.0.1:x', 'tcp:127.0.0.1:5060', 'udp:localhost:5060', 'udp:::1:5060', 'udp:[::1]', 'udp:[127.0.0.1]:5060', 'udp:[fe80::1%eth0]:5060', 'udp:1.2.3:5060', 'udp:01.2.3.4:5060', 'udp:[:::1]:5060'])('is not %j', (text) => {
    expect(parseBind(text)).toBeUndefined();
  });
});

describe('an advertised address', () => {
  it.each(['sip.example.com', 'sip.example.com:5060', '203.0.113.7', '203.0.113.7:5080', '[2001:db8::1]', '[2001:db8::1]:5060', 'a', 'proxy-1'])('is read and written: %s', (text) => {
    const address = parseAdvertise(text);
    expect(address && formatAdvertise(address)).toBe(text);
  });

  it.each(['', ':5060', 'a b', '-a', 'a-', 'a..b', '1.2.3', '256.1.1.1', 'host:0', 'host:65536', 'host:', '::1', '[::1', '[::g]', 'sip:host', 'h\r\nost', `${'a.'.repeat(130)}a`])('is not %j', (text) => {
    expect(parseAdvertise(text)).toBeUndefined();
  });
});

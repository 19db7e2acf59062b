import { describe, expect, it } from 'vitest';
import { advertisedAddress, hostPort, listenerInfo, type Interfaces } from '../../../src/main/listener-info.js';
import type { BoundListener } from '../../../src/net/udp-driver.js';

const entry = { netmask: '', mac: '', cidr: null };
const interfaces: Interfaces = {
  lo: [
    { ...entry, address: '127.0.0.1', family: 'IPv4', internal: true },
    { ...entry, address: '::1', family: 'IPv6', internal: true, scopeid: 0 },
  ],
  eth0: [
    { ...entry, address: '192.0.2.7', family: 'IPv4', internal: false },
    { ...entry, address: 'fe80::1', family: 'IPv6', internal: false, scopeid: 2 },
    { ...entry, address: '2001:db8::7', family: 'IPv6', internal: false, scopeid: 0 },
  ],
};

function bound(host: string, family: 4 | 6, port = 5060): BoundListener {
  return { host, family, port, askedReceiveBytes: 0, receiveBytes: 0, fd: -1 };
}

describe('what the core knows of a listener', () => {
  it('is the bound address when nothing else is said', () => {
    expect(listenerInfo(bound('127.0.0.1', 4, 40000), undefined, interfaces)).toEqual({
      family: 4, sentBy: '127.0.0.1:40000', ours: [{ host: '127.0.0.1', port: 40000 }],
    });
  });

  it('writes the advertised address, and recognises both', () => {
    expect(listenerInfo(bound('192.0.2.7', 4), { host: 'sip.example.com', port: 6000 }, interfaces)).toEqual({
      family: 4, sentBy: 'sip.example.com:6000', ours: [{ host: 'sip.example.com', port: 6000 }, { host: '192.0.2.7', port: 5060 }],
    });
  });

  it('recognises every address of the machine behind a wildcard, and writes one that others can reach', () => {
    expect(listenerInfo(bound('0.0.0.0', 4), undefined, interfaces)).toEqual({
      family: 4, sentBy: '192.0.2.7:5060', ours: [{ host: '192.0.2.7', port: 5060 }, { host: '127.0.0.1', port: 5060 }],
    });
    expect(listenerInfo(bound('::', 6), undefined, interfaces)).toEqual({
      family: 6, sentBy: '[2001:db8::7]:5060', ours: [{ host: '[2001:db8::7]', port: 5060 }, { host: '[::1]', port: 5060 }],
    });
  });

  it('falls back on loopback where the machine has no other address', () => {
    expect(advertisedAddress(bound('0.0.0.0', 4), undefined, {})).toEqual({ host: '127.0.0.1', port: 5060 });
    expect(advertisedAddress(bound('::', 6), undefined, {})).toEqual({ host: '::1', port: 5060 });
  });

  it('puts IPv6 into brackets', () => {
    expect(hostPort('2001:db8::7', 5060)).toBe('[2001:db8::7]:5060');
    expect(hostPort('192.0.2.7', 5060)).toBe('192.0.2.7:5060');
  });
});

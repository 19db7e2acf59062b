import { describe, expect, it } from 'vitest';
import * as errors from '../../../src/sip/parse-error.js';
import * as transports from '../../../src/sip/transports.js';
import { ViaView, parseVia } from '../../../src/sip/via.js';
import { HOST_IPV4, HOST_IPV6, HOST_NAME } from '../../../src/sip/host.js';
import { embed, textAt } from './embedded-text.js';

/** The parts of a Via value that parses, absent ones left out; or its error. */
function read(text: string): Record<string, string | number> | number {
  const { bytes, start, end } = embed(text);
  const view = new ViaView();
  const error = parseVia(bytes, start, end, view);
  if (error !== errors.GE_NONE) return error;
  const parts: Record<string, string | number> = {};
  const put = (name: string, from: number, to: number): void => {
    const part = textAt(bytes, from, to);
    if (part !== undefined) parts[name] = part;
  };
  put('transportName', view.transportStart, view.transportEnd);
  put('host', view.hostStart, view.hostEnd);
  put('params', view.paramsStart, view.paramsEnd);
  put('branch', view.branchStart, view.branchEnd);
  put('received', view.receivedStart, view.receivedEnd);
  put('maddr', view.maddrStart, view.maddrEnd);
  put('afterRport', view.rportStart, view.rportEnd);
  for (const name of ['protocolOk', 'transport', 'hostKind', 'family', 'port', 'hasCookie', 'rport', 'receivedFamily'] as const) {
    if (view[name] !== 0) parts[name] = view[name];
  }
  if (view.ttl >= 0) parts.ttl = view.ttl;
  if (view.valueEnd !== end) parts.rest = textAt(bytes, view.valueEnd, end)!;
  return parts;
}

const UDP = { protocolOk: 1, transport: transports.TRANSPORT_UDP, transportName: 'UDP' };
const H = { host: 'h', hostKind: HOST_NAME };

describe('a Via value', () => {
  it.each<[string, Record<string, string | number>]>([
    ['SIP/2.0/UDP h', { ...UDP, ...H }],
    ['sip/2.0/udp h', { ...UDP, ...H, transportName: 'udp' }],
    [
      'SIP/2.0/TCP 192.0.2.1:5080;branch=z9hG4bK1',
      {
        protocolOk: 1,
        transport: transports.TRANSPORT_TCP,
        transportName: 'TCP',
        host: '192.0.2.1',
        hostKind: HOST_IPV4,
        family: 4,
        port: 5080,
        params: ';branch=z9hG4bK1',
        branch: 'z9hG4bK1',
        hasCookie: 1,
      },
    ],
    ['SIP/2.0/UDP h;branch=Z9HG4BKx', { ...UDP, ...H, params: ';branch=Z9HG4BKx', branch: 'Z9HG4BKx', hasCookie: 1 }],
    ['SIP/2.0/UDP h;branch=z9hG4bK', { ...UDP, ...H, params: ';branch=z9hG4bK', branch: 'z9hG4bK', hasCookie: 1 }],
    ['SIP/2.0/UDP h;branch=z9hG4b', { ...UDP, ...H, params: ';branch=z9hG4b', branch: 'z9hG4b' }],
    ['SIP/2.0/UDP h;branch=390skdjuw', { ...UDP, ...H, params: ';branch=390skdjuw', branch: '390skdjuw' }],
    ['SIP/2.0/UNKNOWN h', { protocolOk: 1, transport: transports.TRANSPORT_OTHER, transportName: 'UNKNOWN', ...H }],
    ['SIP/3.0/UDP h', { transport: transports.TRANSPORT_UDP, transportName: 'UDP', ...H }],
    ['XYZ/2.0/UDP h', { transport: transports.TRANSPORT_UDP, transportName: 'UDP', ...H }],
    ['SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=390skdjuw', { ...UDP, host: '192.0.2.2', hostKind: HOST_IPV4, family: 4, params: ';branch=390skdjuw', branch: '390skdjuw' }],
    ['SIP/2.0/UDP h : 5060 ;\r\n  branch  =   z9hG4bK9  ', { ...UDP, ...H, port: 5060, params: ';\r\n  branch  =   z9hG4bK9', branch: 'z9hG4bK9', hasCookie: 1 }],
    ['SIP/2.0/UDP h ,SIP/2.0/TCP g', { ...UDP, ...H, rest: ',SIP/2.0/TCP g' }],
    ['SIP/2.0/UDP h;a="x,y;z", SIP/2.0/TCP g', { ...UDP, ...H, params: ';a="x,y;z"', rest: ', SIP/2.0/TCP g' }],
    ['SIP/2.0/UDP [2001:db8::9:1]:6050', { ...UDP, host: '[2001:db8::9:1]', hostKind: HOST_IPV6, family: 6, port: 6050 }],
    ['SIP/2.0/UDP h;rport', { ...UDP, ...H, params: ';rport', afterRport: '' }],
    ['SIP/2.0/UDP h;rport=5062;x', { ...UDP, ...H, params: ';rport=5062;x', afterRport: '=5062', rport: 5062 }],
    ['SIP/2.0/UDP h;RPort = 5062', { ...UDP, ...H, params: ';RPort = 5062', afterRport: ' = 5062', rport: 5062 }],
    ['SIP/2.0/UDP h;received=192.0.2.5', { ...UDP, ...H, params: ';received=192.0.2.5', received: '192.0.2.5', receivedFamily: 4 }],
    ['SIP/2.0/UDP h;received=2001:db8::9:255;x', { ...UDP, ...H, params: ';received=2001:db8::9:255;x', received: '2001:db8::9:255', receivedFamily: 6 }],
    ['SIP/2.0/UDP h;received=[2001:db8::9:255]', { ...UDP, ...H, params: ';received=[2001:db8::9:255]', received: '[2001:db8::9:255]', receivedFamily: 6 }],
    ['SIP/2.0/UDP h;received=::1', { ...UDP, ...H, params: ';received=::1', received: '::1', receivedFamily: 6 }],
    ['SIP/2.0/UDP h;received=::ffff:192.0.2.1', { ...UDP, ...H, params: ';received=::ffff:192.0.2.1', received: '::ffff:192.0.2.1', receivedFamily: 6 }],
    ['SIP/2.0/UDP h;received=host.example', { ...UDP, ...H, params: ';received=host.example', received: 'host.example' }],
    ['SIP/2.0/UDP h;maddr=239.1.2.3;ttl=16', { ...UDP, ...H, params: ';maddr=239.1.2.3;ttl=16', maddr: '239.1.2.3', ttl: 16 }],
    ['SIP/2.0/UDP h;maddr=[ff02::1];ttl=0', { ...UDP, ...H, params: ';maddr=[ff02::1];ttl=0', maddr: '[ff02::1]', ttl: 0 }],
  ])('%j has its parts', (text, parts) => {
    expect(read(text)).toEqual(parts);
  });

  it.each([
    ['', errors.GE_EMPTY],
    [' \t', errors.GE_EMPTY],
    ['SIP/2.0/UDP h,', errors.GE_EMPTY],
    ['SIP/2.0/UDP h, ', errors.GE_EMPTY],
    [',SIP/2.0/UDP h', errors.GE_PROTOCOL],
    ['SIP', errors.GE_PROTOCOL],
    ['SIP/2.0', errors.GE_PROTOCOL],
    ['SIP/2.0/UDP', errors.GE_PROTOCOL],
    ['SIP/2.0/UDP;h', errors.GE_PROTOCOL],
    ['SIP//UDP h', errors.GE_PROTOCOL],
    ['/2.0/UDP h', errors.GE_PROTOCOL],
    ['SIP 2.0/UDP h', errors.GE_PROTOCOL],
    ['SIP/2.0/UDP\r\nh', errors.GE_PROTOCOL],
    ['SIP/2.0/UDP ', errors.GE_HOST],
    ['SIP/2.0/UDP ;branch=a', errors.GE_HOST],
    ['SIP/2.0/UDP h.1', errors.GE_HOST],
    ['SIP/2.0/UDP 2001:db8::1', errors.GE_HOST],
    ['SIP/2.0/UDP [2001:db8::1', errors.GE_IPV6],
    ['SIP/2.0/UDP h:', errors.GE_PORT],
    ['SIP/2.0/UDP h:0', errors.GE_PORT],
    ['SIP/2.0/UDP h:65536', errors.GE_PORT],
    ['SIP/2.0/UDP h g', errors.GE_SEPARATOR],
    ['SIP/2.0/UDP h@g', errors.GE_SEPARATOR],
    ['SIP/2.0/UDP h:5060x', errors.GE_SEPARATOR],
    ['SIP/2.0/UDP 192.0.2.15;;,;,,', errors.GE_PARAM],
    ['SIP/2.0/UDP h;', errors.GE_PARAM],
    ['SIP/2.0/UDP h;,', errors.GE_PARAM],
    ['SIP/2.0/UDP h;branch', errors.GE_BRANCH],
    ['SIP/2.0/UDP h;branch="a"', errors.GE_BRANCH],
    ['SIP/2.0/UDP h;branch=', errors.GE_PARAM_VALUE],
    ['SIP/2.0/UDP h;branch=a;branch=b', errors.GE_PARAM_TWICE],
    ['SIP/2.0/UDP h;rport;rport', errors.GE_PARAM_TWICE],
    ['SIP/2.0/UDP h;rport=0', errors.GE_PARAM_VALUE],
    ['SIP/2.0/UDP h;rport=x', errors.GE_PARAM_VALUE],
    ['SIP/2.0/UDP h;rport=70000', errors.GE_PARAM_VALUE],
    ['SIP/2.0/UDP h;received', errors.GE_PARAM_VALUE],
    ['SIP/2.0/UDP h;received=1::2::3', errors.GE_IPV6],
    ['SIP/2.0/UDP h;received=[1::2::3]', errors.GE_IPV6],
    ['SIP/2.0/UDP h;received=192.0.2.1:5060', errors.GE_IPV6],
    ['SIP/2.0/UDP h;received="::1"', errors.GE_IPV6],
    ['SIP/2.0/UDP h;received=::1;received=::2', errors.GE_PARAM_TWICE],
    ['SIP/2.0/UDP h;other=::1', errors.GE_PARAM_VALUE],
    ['SIP/2.0/UDP h;other=1::1', errors.GE_SEPARATOR],
    ['SIP/2.0/UDP h;maddr=a.b.7', errors.GE_PARAM_VALUE],
    ['SIP/2.0/UDP h;maddr', errors.GE_PARAM_VALUE],
    ['SIP/2.0/UDP h;ttl=256', errors.GE_TTL],
    ['SIP/2.0/UDP h;ttl=x', errors.GE_TTL],
    ['SIP/2.0/UDP h;ttl', errors.GE_TTL],
    ['SIP/2.0/UDP h;a="b', errors.GE_QUOTE],
    ['SIP/2.0/UDP h;a=b c', errors.GE_SEPARATOR],
  ])('%j is refused for its fault', (text, error) => {
    expect(read(text)).toBe(error);
  });

  it('gives the words of received without disturbing those of the sent-by', () => {
    const { bytes, start, end } = embed('SIP/2.0/UDP 192.0.2.1;maddr=224.0.0.1;received=2001:db8::7');
    const view = new ViaView();
    expect(parseVia(bytes, start, end, view)).toBe(errors.GE_NONE);
    expect([view.a0 >>> 0, view.a1, view.a2, view.a3]).toEqual([0xc0000201, 0, 0, 0]);
    expect([view.received0, view.received1, view.received2, view.received3]).toEqual([0x20010db8, 0, 0, 7]);
  });

  it('tells where the sent-by ends', () => {
    for (const text of ['SIP/2.0/UDP h', 'SIP/2.0/UDP h : 5060']) {
      const { bytes, start, end } = embed(text + ' ;x');
      const view = new ViaView();
      expect(parseVia(bytes, start, end, view)).toBe(errors.GE_NONE);
      expect(textAt(bytes, view.valueStart, view.sentByEnd)).toBe(text);
    }
  });

  it('is one of a list, read by going on behind each comma', () => {
    const { bytes, start, end } = embed('SIP/2.0/UDP a;x="1,2" ,\r\n SIP/2.0/TCP b;branch=q,SIP/2.0/WSS c:1');
    const view = new ViaView();
    const hosts: (string | undefined)[] = [];
    for (let at = start; at < end; at = view.valueEnd + 1) {
      expect(parseVia(bytes, at, end, view)).toBe(errors.GE_NONE);
      hosts.push(textAt(bytes, view.hostStart, view.hostEnd));
    }
    expect(hosts).toEqual(['a', 'b', 'c']);
  });

  it('leaves nothing of the value before in the view', () => {
    const view = new ViaView();
    const long = embed('SIP/2.0/UDP [::1]:5;branch=z9hG4bKa;rport=6;received=::2;maddr=h;ttl=7,x');
    parseVia(long.bytes, long.start, long.end, view);
    const short = embed('SIP/2.0/TCP h');
    const fresh = new ViaView();
    parseVia(short.bytes, short.start, short.end, view);
    parseVia(short.bytes, short.start, short.end, fresh);
    expect(view).toEqual(fresh);
  });
});

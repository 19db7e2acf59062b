/** URI comparison by the rules and the examples of RFC 3261 §19.1.4. */
import { describe, expect, it } from 'vitest';
import { areUrisEquivalent } from '../../../src/sip/uri-comparison.js';
import { embed } from './embedded-text.js';

function equivalent(a: string, b: string): boolean {
  const left = embed(a);
  const right = embed(b);
  const forth = areUrisEquivalent(left.bytes, left.start, left.end, right.bytes, right.start, right.end);
  const back = areUrisEquivalent(right.bytes, right.start, right.end, left.bytes, left.start, left.end);
  expect(back).toBe(forth);
  return forth;
}

/** Many parameters: `;p0=…;p1=…`. */
const many = (count: number, value: string): string => Array.from({ length: count }, (_, i) => `;p${i}=${value}`).join('');

describe('two URIs are equivalent', () => {
  it.each([
    ['sip:%61lice@atlanta.com;transport=TCP', 'sip:alice@AtLanTa.CoM;Transport=tcp'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com;newparam=5'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com;security=on'],
    ['sip:carol@chicago.com;newparam=5', 'sip:carol@chicago.com;security=on'],
    ['sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com', 'sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com'],
    ['sip:alice@atlanta.com?subject=project%20x&priority=urgent', 'sip:alice@atlanta.com?priority=urgent&subject=project%20x'],
    ['SIP:a@h', 'sip:a@h'],
    ['sip:a%3Bb@h', 'sip:a%3bb@h'],
    ['sip:a@[2001:db8::1]:5070', 'sip:a@[2001:DB8:0:0::0001]:5070'],
    ['sip:a@h;x=%41', 'sip:a@h;X=a'],
    ['TEL:+15551234', 'tel:+15551234'],
    [`sip:a@h${many(40, 'x')}`, `sip:a@h${many(40, 'x')}`],
  ])('%s and %s', (a, b) => {
    expect(equivalent(a, b)).toBe(true);
  });
});

describe('two URIs differ', () => {
  it.each([
    ['SIP:ALICE@AtLanTa.CoM;Transport=udp', 'sip:alice@AtLanTa.CoM;Transport=UDP'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:5060'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com;transport=udp'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:6000;transport=tcp'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com?Subject=next%20meeting'],
    ['sip:bob@phone21.boxesbybob.com', 'sip:bob@192.0.2.4'],
    ['sip:carol@chicago.com;security=on', 'sip:carol@chicago.com;security=off'],
    ['sip:a@h', 'sips:a@h'],
    ['sip:h', 'sip:a@h'],
    ['sip:a@h', 'sip:a:pw@h'],
    ['sip:a:pw@h', 'sip:a:PW@h'],
    ['sip:a;b@h', 'sip:a%3Bb@h'],
    ['sip:a@h;user=phone', 'sip:a@h'],
    ['sip:a@h;ttl=1', 'sip:a@h'],
    ['sip:a@h;method=INVITE', 'sip:a@h'],
    ['sip:a@h;maddr=192.0.2.1', 'sip:a@h'],
    ['sip:a@h;m%61ddr=192.0.2.1', 'sip:a@h'],
    ['sip:a@h;flag', 'sip:a@h;flag=1'],
    ['sip:a@h?x=1&x=1&y=2', 'sip:a@h?x=1&y=2&y=2'],
    ['sip:a@h?x=1', 'sip:a@h?x=1&x=1'],
    ['tel:+15551234', 'tel:+15551235'],
    ['tel:1', 'sip:1'],
    ['mailto:a@h', 'mailto:A@h'],
    ['sip:a@h', 'sip:'],
  ])('%s and %s', (a, b) => {
    expect(equivalent(a, b)).toBe(false);
  });

  it('when more parameters than are compared one by one are not the same octets', () => {
    expect(equivalent(`sip:a@h${many(33, 'x')}`, `sip:a@h${many(33, 'X')}`)).toBe(false);
    expect(equivalent(`sip:a@h${many(32, 'x')}`, `sip:a@h${many(32, 'X')}`)).toBe(true);
  });
});

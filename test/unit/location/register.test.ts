/** What a REGISTER does to the bindings of a user, and how it is answered: RFC 3261 §10.3, RFC 3327, 3608, 5626, 5627. */
import { describe, expect, it } from 'vitest';
import { METHOD_NAMES } from '../../../src/sip/methods.js';
import { NOW_MS, Registrar, bytes, read, text } from './stage.js';

const A = 'sip:alice@192.0.2.1:5062';
const B = 'sip:alice@192.0.2.2:5062';
const contact = (...values: string[]): string[] => values.map((value) => `Contact: ${value}`);

describe('adding and refreshing (RFC 3261 §10.3 step 7)', () => {
  it('binds a contact for the default lifetime when the client asks for none', () => {
    const registrar = new Registrar({ expiresDefaultS: 1800 });
    const answer = registrar.register({ lines: contact(`<${A}>`) });
    expect([answer.status, answer.reason, answer.contacts]).toEqual([200, 'OK', [`<${A}>;expires=1800`]]);
    expect(registrar.bindings).toMatchObject([{ cseq: 1, updatedMs: NOW_MS, expiresMs: NOW_MS + 1_800_000, q: -1 }]);
  });

  it.each([
    ['the expires parameter before the Expires field', [`Contact: <${A}>;expires=120`, 'Expires: 240'], 120],
    ['the Expires field without a parameter', [`Contact: <${A}>`, 'Expires: 240'], 240],
    ['no more than the longest lifetime', [`Contact: <${A}>;expires=99999`], 7200],
    ['the longest lifetime for a number past 32 bits', [`Contact: <${A}>`, 'Expires: 100000000000000000000'], 7200],
    ['an hour for a malformed parameter (§20.10)', [`Contact: <${A}>;expires=soon`], 3600],
    ['an hour for a parameter without a value', [`Contact: <${A}>;expires`, 'Expires: 240'], 3600],
  ])('grants %s', (_what, lines, seconds) => {
    expect(new Registrar().register({ lines }).contacts).toEqual([`<${A}>;expires=${seconds}`]);
  });

  it('lists all bindings with the seconds they have left, rounded up', () => {
    const registrar = new Registrar();
    registrar.register({ lines: contact(`<${A}>;expires=100;q=0.25`) });
    registrar.nowMs += 39_500;
    const answer = registrar.register({ callId: 'c2', lines: contact(`<${B}>;expires=200`) });
    expect(answer.contacts).toEqual([`<${A}>;q=0.25;expires=61`, `<${B}>;expires=200`]);
  });

  it('refreshes the binding of an equivalent URI and takes over how it is written (§19.1.4)', () => {
    const registrar = new Registrar();
    registrar.register({ lines: contact('<sip:%61lice@Host.example>') });
    registrar.register({ cseq: 2, lines: contact('<sip:alice@host.example;x=1>') });
    expect(registrar.contacts).toEqual(['sip:alice@host.example;x=1']);
  });

  it('of several equivalent bindings refreshes the one that is written the same', () => {
    const registrar = new Registrar();
    registrar.register({ lines: contact('<sip:a@h;s=on>', '<sip:a@h;s=off>') });
    expect(registrar.contacts).toHaveLength(2);
    registrar.register({ cseq: 2, lines: contact('<sip:a@h;s=off>;expires=0') });
    expect(registrar.contacts).toEqual(['sip:a@h;s=on']);
  });

  it('binds each of several contacts, in one field or in many, bare or in brackets, of any scheme', () => {
    const registrar = new Registrar();
    registrar.register({ lines: contact(`<${A}>, "B, b" <${B}>;q=.5`, 'tel:+15551234;expires=60') });
    expect(registrar.bindings.map(({ contact: uri, q }) => [text(uri), q])).toEqual([[A, -1], [B, 500], ['tel:+15551234', -1]]);
  });

  it('lets the last word stand about a contact that is named twice', () => {
    const registrar = new Registrar();
    expect(registrar.register({ lines: contact(`<${A}>;expires=100, <${A}>;expires=200`) }).contacts).toEqual([`<${A}>;expires=200`]);
    registrar.register({ cseq: 2, lines: contact(`<${A}>;expires=0, <${A}>;expires=300`) });
    expect(registrar.contacts).toEqual([A]);
    registrar.register({ cseq: 3, lines: contact(`<${A}>, <${A}>;expires=0`) });
    expect(registrar.contacts).toEqual([]);
  });

  it('keeps what a proxy has to know later', () => {
    const registrar = new Registrar();
    const received = { listener: 1, family: 4, port: 40000, a0: 1, a1: 0, a2: 0, a3: 0, connection: 0 };
    registrar.register({ lines: [...contact(`<${A}>`), 'User-Agent: phone/1', 'Allow: INVITE, BYE, FOO'] }, { received });
    const [kept] = registrar.bindings;
    expect(text(kept!.userAgent)).toBe('phone/1');
    expect(kept!.methods).toBe((1 << METHOD_NAMES.indexOf('INVITE')) | (1 << METHOD_NAMES.indexOf('BYE')));
    expect(kept!.received).toEqual(received);
    registrar.register({ cseq: 2, lines: contact(`<${A}>;methods="MESSAGE"`) });
    expect(registrar.bindings[0]!.methods).toBe(1 << METHOD_NAMES.indexOf('MESSAGE'));
  });

  it('leaves out what has expired', () => {
    const registrar = new Registrar();
    registrar.register({ lines: contact(`<${A}>;expires=60`) });
    registrar.nowMs += 60_000;
    expect(registrar.register({ cseq: 2, lines: contact(`<${B}>;expires=60`) }).contacts).toEqual([`<${B}>;expires=60`]);
    expect(registrar.contacts).toEqual([B]);
  });
});

describe('intervals (RFC 3261 §10.3 step 7, §20.23)', () => {
  it('that are too brief are refused with the shortest one granted, and nothing changes', () => {
    const registrar = new Registrar({ expiresMinS: 90 });
    const answer = registrar.register({ lines: contact(`<${A}>;expires=100, <${B}>;expires=89`) });
    expect([answer.status, answer.reason, answer.all('Min-Expires')]).toEqual([423, 'Interval Too Brief', ['90']]);
    expect(registrar.hasWritten).toBe(false);
  });

  it('of zero, of the minimum, and of an hour are not too brief', () => {
    const registrar = new Registrar({ expiresMinS: 3600 });
    expect(registrar.register({ lines: contact(`<${A}>;expires=0`) }).status).toBe(200);
    expect(registrar.register({ cseq: 2, lines: contact(`<${A}>;expires=3600`) }).status).toBe(200);
    expect(registrar.register({ cseq: 3, lines: contact(`<${A}>;expires=3599`) }).status).toBe(423);
  });
});

describe('removing (RFC 3261 §10.2.2, §10.3 step 6)', () => {
  function twoBindings(): Registrar {
    const registrar = new Registrar();
    registrar.register({ lines: contact(`<${A}>`) });
    registrar.register({ callId: 'c2', cseq: 7, lines: contact(`<${B}>`) });
    return registrar;
  }

  it('takes the contact with lifetime zero and no other', () => {
    const registrar = twoBindings();
    expect(registrar.register({ cseq: 2, lines: contact(`<${A}>;expires=0`) }).contacts).toEqual([`<${B}>;expires=3600`]);
    expect(registrar.contacts).toEqual([B]);
  });

  it('of what is not there succeeds and writes nothing', () => {
    const registrar = twoBindings();
    expect(registrar.register({ cseq: 2, lines: contact('<sip:x@h>;expires=0') }).status).toBe(200);
    expect(registrar.hasWritten).toBe(false);
  });

  it('by * takes all bindings, whoever made them', () => {
    const registrar = twoBindings();
    const answer = registrar.register({ callId: 'c3', lines: ['Contact: *', 'Expires: 0'] });
    expect([answer.status, answer.contacts, registrar.contacts]).toEqual([200, [], []]);
  });

  it('by * fails as a whole when a binding has a CSeq of that Call-ID as high', () => {
    const registrar = twoBindings();
    expect(registrar.register({ callId: 'c2', cseq: 7, lines: ['Contact: *', 'Expires: 0'] }).status).toBe(500);
    expect(registrar.contacts).toEqual([A, B]);
    expect(registrar.register({ callId: 'c2', cseq: 8, lines: ['Contact: *', 'Expires: 0'] }).status).toBe(200);
    expect(registrar.contacts).toEqual([]);
  });

  it.each([
    ['without Expires', ['Contact: *']],
    ['with another Expires', ['Contact: *', 'Expires: 60']],
    ['beside another contact', ['Contact: *', `Contact: <${A}>`, 'Expires: 0']],
    ['twice', ['Contact: *', 'Contact: *', 'Expires: 0']],
    ['in a list', [`Contact: <${A}>, *`, 'Expires: 0']],
    ['with a parameter', ['Contact: *;expires=0', 'Expires: 0']],
  ])('by * %s is a bad request', (_what, lines) => {
    const registrar = twoBindings();
    expect(registrar.register({ callId: 'c3', lines }).status).toBe(400);
    expect(registrar.contacts).toEqual([A, B]);
  });
});

describe('asking (RFC 3261 §10.2.3)', () => {
  it('lists the bindings and changes none', () => {
    const registrar = new Registrar();
    registrar.register({ lines: contact(`<${A}>`) });
    const answer = registrar.register({ cseq: 1 });
    expect([answer.status, answer.contacts, registrar.hasWritten]).toEqual([200, [`<${A}>;expires=3600`], false]);
  });
});

describe('order (RFC 3261 §10.3 step 7)', () => {
  it.each([
    ['a refresh', `<${A}>;q=0.1`],
    ['a removal', `<${A}>;expires=0`],
  ])('refuses %s that the client has overtaken', (_what, value) => {
    const registrar = new Registrar();
    registrar.register({ cseq: 5, lines: contact(`<${A}>`) });
    const answer = registrar.register({ cseq: 4, lines: contact(value) });
    expect([answer.status, answer.reason]).toEqual([500, 'CSeq Out Of Order']);
    expect(registrar.hasWritten).toBe(false);
  });

  it('counts within one Call-ID only', () => {
    const registrar = new Registrar();
    registrar.register({ cseq: 5, lines: contact(`<${A}>`) });
    expect(registrar.register({ callId: 'c2', cseq: 1, lines: contact(`<${A}>`) }).status).toBe(200);
    expect(registrar.bindings[0]).toMatchObject({ cseq: 1 });
  });

  it('refuses all of a request when one contact is out of order', () => {
    const registrar = new Registrar();
    registrar.register({ cseq: 5, lines: contact(`<${A}>`) });
    expect(registrar.register({ cseq: 4, lines: contact(`<${B}>, <${A}>`) }).status).toBe(500);
    expect(registrar.contacts).toEqual([A]);
  });

  it('answers a request that has been carried out again, without carrying it out', () => {
    const registrar = new Registrar();
    registrar.register({ cseq: 5, lines: contact(`<${A}>;expires=100, <${B}>;expires=0`) });
    registrar.nowMs += 10_000;
    const answer = registrar.register({ cseq: 5, lines: contact(`<${A}>;expires=100, <${B}>;expires=0`) });
    expect([answer.status, answer.contacts, registrar.hasWritten]).toEqual([200, [`<${A}>;expires=90`], false]);
  });

  it('does not take another request with the same CSeq for that', () => {
    const registrar = new Registrar();
    registrar.register({ cseq: 5, lines: contact(`<${A}>`) });
    expect(registrar.register({ cseq: 5, lines: contact(`<${A}>, <${B}>`) }).status).toBe(500);
    expect(registrar.register({ cseq: 5, lines: contact(`<${A};x=1>`) }).status).toBe(500);
    expect(registrar.register({ cseq: 5, lines: contact(`<${A}>;expires=0`) }).status).toBe(500);
  });
});

describe('a bad request', () => {
  it.each([
    ['a contact without a scheme', ['Contact: <alice@h>'], 'Bad Contact: no URI scheme'],
    ['a contact with a bad host', ['Contact: <sip:a@-h>'], 'Bad Contact: bad host'],
    ['a q past 1', [`Contact: <${A}>;q=1.1`], 'Bad Contact: q must be 0 to 1 with up to three decimals'],
    ['a q of four decimals', [`Contact: <${A}>;q=0.1234`], 'Bad Contact: q must be 0 to 1 with up to three decimals'],
    ['a q of nothing', [`Contact: <${A}>;q=.`], 'Bad Contact: q must be 0 to 1 with up to three decimals'],
    ['an Expires that is no number', [`Contact: <${A}>`, 'Expires: soon'], 'Bad Expires: must be a number of seconds'],
    ['a contact past its bound', [`Contact: <sip:${'a'.repeat(1025)}@h>`], 'Bad Contact: URI of more than 1024 bytes'],
    ['a Path that is none', [`Contact: <${A}>`, 'Path: sip:p', 'Supported: path'], 'Bad Path'],
    ['too many Paths', [`Contact: <${A}>`, `Path: ${Array(9).fill('<sip:p;lr>').join(',')}`, 'Supported: path'], 'Bad Path: more than 8 values or 2048 bytes'],
  ])('is one with %s', (_what, lines, reason) => {
    const registrar = new Registrar();
    const answer = registrar.register({ lines });
    expect([answer.status, answer.reason, registrar.hasWritten]).toEqual([400, reason, false]);
  });
});

describe('extensions (RFC 3261 §8.2.2.3)', () => {
  it('that are required and unknown are named in a 420', () => {
    const answer = new Registrar().register({ lines: [...contact(`<${A}>`), 'Require: path, foo, Bar', 'Proxy-Require: baz, foo'] });
    expect([answer.status, answer.reason, answer.all('Unsupported')]).toEqual([420, 'Bad Extension', ['foo, Bar, baz']]);
  });

  it('count as unknown when they are switched off', () => {
    const off = new Registrar({ path: 'never', outbound: false, gruu: false });
    expect(off.register({ lines: ['Require: path, outbound, gruu'] }).all('Unsupported')).toEqual(['path, outbound, gruu']);
    expect(off.register({}).all('Supported')).toEqual([]);
    expect(new Registrar().register({ lines: ['Require: path', 'Require: OUTBOUND, gruu'] }).status).toBe(200);
    expect(new Registrar().register({}).all('Supported')).toEqual(['path, outbound, gruu']);
  });
});

describe('contacts of one user', () => {
  function full(contactsFull: 'refuse' | 'replace-oldest'): Registrar {
    const registrar = new Registrar({ contactsMax: 2, contactsFull });
    registrar.register({ callId: 'c1', lines: contact(`<${A}>`) });
    registrar.nowMs += 1000;
    registrar.register({ callId: 'c2', lines: contact(`<${B}>`) });
    registrar.nowMs += 1000;
    return registrar;
  }

  it('one too many is refused, and nothing changes', () => {
    const registrar = full('refuse');
    const answer = registrar.register({ callId: 'c3', lines: contact('<sip:c@h>') });
    expect([answer.status, answer.reason, registrar.contacts]).toEqual([403, 'Too Many Contacts', [A, B]]);
  });

  it('are refreshed at the cap, and one takes the place of another', () => {
    const registrar = full('refuse');
    expect(registrar.register({ callId: 'c1', cseq: 2, lines: contact(`<${A}>`) }).status).toBe(200);
    expect(registrar.register({ callId: 'c1', cseq: 3, lines: contact('<sip:c@h>', `<${A}>;expires=0`) }).status).toBe(200);
    expect(registrar.contacts).toEqual([B, 'sip:c@h']);
  });

  it('make room for a new one by age of their last refresh, where that is the setting', () => {
    const registrar = full('replace-oldest');
    registrar.register({ callId: 'c1', cseq: 2, lines: contact(`<${A}>`) });
    expect(registrar.register({ callId: 'c3', lines: contact('<sip:c@h>') }).status).toBe(200);
    expect(registrar.contacts).toEqual([A, 'sip:c@h']);
    expect(registrar.register({ callId: 'c4', lines: contact('<sip:d@h>', '<sip:e@h>', '<sip:f@h>') }).status).toBe(403);
    expect(registrar.contacts).toEqual([A, 'sip:c@h']);
  });

  it('can still be refreshed and removed after the cap has been lowered', () => {
    const registrar = full('refuse');
    const lowered = new Registrar({ contactsMax: 1 });
    lowered.bindings = registrar.bindings;
    expect(lowered.register({ callId: 'c1', cseq: 2, lines: contact(`<${A}>`) }).status).toBe(200);
    expect(lowered.contacts).toEqual([A, B]);
  });

  it('named in one request have a bound', () => {
    const many = Array.from({ length: 33 }, (_, i) => `<sip:a${i}@h>`);
    expect(new Registrar({ contactsMax: 1000 }).register({ lines: contact(...many) }).status).toBe(403);
  });
});

describe('Path and Service-Route (RFC 3327 §5.3, RFC 3608 §6.3)', () => {
  const lines = [...contact(`<${A}>`), 'Path: "Edge" <sip:p1.example.com;lr>;x=1, <sip:p2.example.com;lr>', 'Path: <sip:p3.example.com;lr>'];
  const values = ['<sip:p1.example.com;lr>;x=1', '<sip:p2.example.com;lr>', '<sip:p3.example.com;lr>'];

  it('keeps the Path of a client that knows of it, and says so', () => {
    const registrar = new Registrar();
    expect(registrar.register({ lines: [...lines, 'Supported: gruu', 'k: Path'] }).all('Path')).toEqual(values);
    expect(registrar.bindings[0]!.path.map(text)).toEqual(values);
  });

  it('refuses the Path of a client that does not, by default', () => {
    const answer = new Registrar().register({ lines });
    expect([answer.status, answer.all('Unsupported'), answer.all('Supported')]).toEqual([420, ['path'], ['path']]);
  });

  it('keeps it silently where that is the setting', () => {
    const registrar = new Registrar({ path: 'always' });
    expect(registrar.register({ lines }).all('Path')).toEqual([]);
    expect(registrar.bindings[0]!.path.map(text)).toEqual(values);
  });

  it('ignores it where that is the setting', () => {
    const registrar = new Registrar({ path: 'never' });
    expect(registrar.register({ lines: [...lines, 'Supported: path'] }).all('Path')).toEqual([]);
    expect(registrar.bindings[0]!.path).toEqual([]);
  });

  it('writes a folded Path on one line', () => {
    const registrar = new Registrar();
    registrar.register({ lines: [...contact(`<${A}>`), 'Path: <sip:p;lr> ;a=1\r\n ;b=2', 'Supported: path'] });
    expect(registrar.bindings[0]!.path.map(text).join()).not.toMatch(/[\r\n]/);
  });

  it('sends the Service-Route of the settings with every 200', () => {
    const registrar = new Registrar({ serviceRoute: [bytes('<sip:s1;lr>'), bytes('<sip:s2;lr>')] });
    expect(registrar.register({}).all('Service-Route')).toEqual(['<sip:s1;lr>', '<sip:s2;lr>']);
    expect(registrar.register({ lines: ['Require: foo'] }).all('Service-Route')).toEqual([]);
  });
});

describe('instances and flows (RFC 5626 §6)', () => {
  const INSTANCE = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"';
  const same = INSTANCE.toLowerCase();
  const flow = (uri: string, regId: number, instance = INSTANCE): string => `Contact: <${uri}>;${instance};reg-id=${regId}`;

  it('have one binding for each instance and reg-id, whatever its URI', () => {
    const registrar = new Registrar();
    registrar.register({ lines: [flow(A, 1), 'Supported: outbound'] });
    registrar.register({ callId: 'c2', lines: [flow(A, 2)] });
    registrar.register({ callId: 'c3', lines: [flow(B, 1, same)] });
    expect(registrar.bindings.map((kept) => [text(kept.contact), kept.regId])).toEqual([[B, 1], [A, 2]]);
  });

  it('are confirmed to a client that supports outbound', () => {
    const answer = new Registrar().register({ lines: [flow(A, 1), 'Supported: outbound'] });
    expect(answer.all('Require')).toEqual(['outbound']);
    expect(answer.contacts).toEqual([`<${A}>;expires=3600;${INSTANCE};reg-id=1`]);
    expect(new Registrar().register({ lines: [flow(A, 1)] }).all('Require')).toEqual([]);
  });

  it('are ordered by Call-ID and CSeq like other bindings', () => {
    const registrar = new Registrar();
    registrar.register({ cseq: 2, lines: [flow(A, 1)] });
    expect(registrar.register({ cseq: 1, lines: [flow(B, 1)] }).status).toBe(500);
  });

  it('live beside a binding without a reg-id', () => {
    const registrar = new Registrar();
    registrar.register({ lines: [flow(A, 1)] });
    registrar.register({ callId: 'c2', lines: contact(`<${A}>`) });
    expect(registrar.bindings.map((kept) => kept.regId)).toEqual([1, 0]);
  });

  it('with more than one lasting contact are a bad request', () => {
    const registrar = new Registrar();
    expect(registrar.register({ lines: [flow(A, 1), ...contact(`<${B}>`)] }).status).toBe(400);
    expect(registrar.register({ lines: [flow(A, 1), ...contact(`<${B}>;expires=0`)] }).status).toBe(200);
  });

  it('ignore a reg-id without an instance, of zero, or of something else', () => {
    for (const value of [`<${A}>;reg-id=1`, `<${A}>;reg-id=0;${INSTANCE}`, `<${A}>;reg-id=x;${INSTANCE}`, `<${A}>;reg-id=1;+sip.instance=x`]) {
      expect(read({ lines: contact(value) }).request!.contacts[0]!.regId).toBe(0);
    }
  });

  it('through a proxy without outbound are 439, or ignored when the client does not insist', () => {
    const answer = new Registrar().register({ lowerVias: 1, lines: [flow(A, 1), 'Supported: outbound'] });
    expect([answer.status, answer.reason]).toEqual([439, 'First Hop Lacks Outbound Support']);
    const registrar = new Registrar();
    expect(registrar.register({ lowerVias: 1, lines: [flow(A, 1)] }).status).toBe(200);
    expect(registrar.bindings[0]).toMatchObject({ regId: 0 });
    expect(registrar.bindings[0]!.instance.length).toBeGreaterThan(0);
  });

  it('through a proxy whose Path has ob count', () => {
    const registrar = new Registrar();
    const answer = registrar.register({ lowerVias: 1, lines: [flow(A, 1), 'Supported: outbound, path', 'Path: <sip:edge;lr;ob>'] });
    expect([answer.status, answer.all('Require'), registrar.bindings[0]!.regId]).toEqual([200, ['outbound'], 1]);
  });

  it('do not count where outbound is switched off', () => {
    const registrar = new Registrar({ outbound: false });
    expect(registrar.register({ lines: [flow(A, 1), 'Supported: outbound'] }).all('Require')).toEqual([]);
    expect(registrar.bindings[0]!.regId).toBe(0);
  });
});

describe('public GRUUs (RFC 5627 §5)', () => {
  const INSTANCE = '+sip.instance="<urn:uuid:1>"';

  it('are told to clients that support them', () => {
    const answer = new Registrar().register({ lines: [`Contact: <${A}>;${INSTANCE}`, 'Supported: gruu'] });
    expect(answer.contacts).toEqual([`<${A}>;expires=3600;${INSTANCE};pub-gruu="sip:alice@example.com;gr=urn:uuid:1"`]);
    expect(new Registrar().register({ lines: [`Contact: <${A}>;${INSTANCE}`] }).contacts[0]).not.toContain('gruu');
    expect(new Registrar({ gruu: false }).register({ lines: [`Contact: <${A}>;${INSTANCE}`, 'Supported: gruu'] }).contacts[0]).not.toContain('gruu');
  });

  it('are refused to a contact that is the address-of-record', () => {
    const lines = [`Contact: <sip:alice@Example.com>;${INSTANCE}`, 'Supported: gruu'];
    expect(new Registrar().register({ lines }).status).toBe(403);
  });
});

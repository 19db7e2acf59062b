import { describe, expect, it } from 'vitest';
import { ascii } from '../../../src/sip/chars.js';
import * as headers from '../../../src/sip/header-names.js';
import { HEADER_BYTES, HEADER_NAMES, H_OTHER, headerId, headerIdOf } from '../../../src/sip/header-names.js';
import * as methods from '../../../src/sip/methods.js';
import { METHOD_NAMES, M_UNKNOWN, methodId, methodIdOf } from '../../../src/sip/methods.js';
import * as errors from '../../../src/sip/parse-error.js';
import { reasonBytes, reasonPhrase } from '../../../src/sip/reasons.js';
import { TRANSPORT_NAMES, TRANSPORT_NONE, TRANSPORT_OTHER, transportId } from '../../../src/sip/transports.js';
import { embed, textAt } from './embedded-text.js';

function idOf(name: string): number {
  const { bytes, start, end } = embed(name);
  return headerId(bytes, start, end);
}

/** The numeric constants of a module whose name begins with `prefix`, by name. */
function constants(module: object, prefix: string): [string, number][] {
  return Object.entries(module).filter((entry): entry is [string, number] => entry[0].startsWith(prefix) && typeof entry[1] === 'number');
}

describe('header names', () => {
  it('every constant is the number of the name it is called after', () => {
    const byConstant = constants(headers, 'H_').filter(([, id]) => id !== H_OTHER);
    expect(byConstant).toHaveLength(HEADER_NAMES.length - 1);
    for (const [constant, id] of byConstant) {
      expect(HEADER_NAMES[id]!.toUpperCase().replaceAll('-', '_'), constant).toBe(constant.slice('H_'.length));
    }
  });

  it('every name is found in any case, and its bytes are the name', () => {
    for (let id = 1; id < HEADER_NAMES.length; id++) {
      const name = HEADER_NAMES[id]!;
      for (const form of [name, name.toLowerCase(), name.toUpperCase()]) expect(idOf(form), form).toBe(id);
      expect(headerIdOf(name)).toBe(id);
      expect(HEADER_BYTES[id]).toEqual(ascii(name));
    }
  });

  it.each([
    ['v', 'Via'],
    ['f', 'From'],
    ['t', 'To'],
    ['i', 'Call-ID'],
    ['m', 'Contact'],
    ['c', 'Content-Type'],
    ['l', 'Content-Length'],
    ['k', 'Supported'],
    ['s', 'Subject'],
    ['e', 'Content-Encoding'],
    ['o', 'Event'],
    ['u', 'Allow-Events'],
    ['r', 'Refer-To'],
    ['b', 'Referred-By'],
    ['x', 'Session-Expires'],
    ['a', 'Accept-Contact'],
    ['j', 'Reject-Contact'],
    ['d', 'Request-Disposition'],
    ['y', 'Identity'],
    ['n', 'Identity-Info'],
  ])('the compact form %s is %s', (letter, name) => {
    expect(HEADER_NAMES[idOf(letter)]).toBe(name);
    expect(HEADER_NAMES[idOf(letter.toUpperCase())]).toBe(name);
    expect(HEADER_NAMES[headerIdOf(letter)]).toBe(name);
  });

  it.each(['', 'z', '@', 'Vib', 'Via ', 'Vi\0', 'C%6Fntact', 'Content-Lengtx', 'Xontent-Length', 'Call_ID', 'X'.repeat(300)])('%j is another header', (name) => {
    expect(idOf(name)).toBe(H_OTHER);
  });

  it('a name with characters past ASCII is another header', () => {
    expect(headerIdOf('\u0156ia')).toBe(H_OTHER);
    expect(headerIdOf('\u0176')).toBe(H_OTHER);
  });
});

describe('methods', () => {
  it('every constant is the number of its name', () => {
    for (const [constant, id] of constants(methods, 'M_').filter(([, id]) => id !== M_UNKNOWN)) {
      const name = constant.slice('M_'.length);
      const { bytes, start, end } = embed(name);
      expect(METHOD_NAMES[id]).toBe(name);
      expect(methodId(bytes, start, end)).toBe(id);
      expect(methodIdOf(name)).toBe(id);
    }
  });

  it.each(['', 'A', 'invite', 'Invite', 'INVITED', 'INVIT', 'INVITF', 'ACT', 'BYD', 'XYZ', 'INFX', 'PRACT', 'REFEX', 'NOTIFX', 'RE%47IST%45R', 'REGISTEX', 'SUBSCRIBX', 'PUBLISX'])(
    '%j has no number',
    (name) => {
      const { bytes, start, end } = embed(name);
      expect(methodId(bytes, start, end)).toBe(M_UNKNOWN);
      expect(methodIdOf(name)).toBe(M_UNKNOWN);
    },
  );
});

describe('transports', () => {
  it('every name is found in any case', () => {
    for (let id = TRANSPORT_NONE + 1; id < TRANSPORT_OTHER; id++) {
      for (const name of [TRANSPORT_NAMES[id]!, TRANSPORT_NAMES[id]!.toLowerCase()]) {
        const { bytes, start, end } = embed(name);
        expect(transportId(bytes, start, end)).toBe(id);
      }
    }
  });

  it.each(['', 'U', 'UDX', 'UXP', 'TLSX', 'TLS-SCTP', 'UNKNOWN', 'SCTX', 'WX'])('%j is another transport', (name) => {
    const { bytes, start, end } = embed(name);
    expect(transportId(bytes, start, end)).toBe(TRANSPORT_OTHER);
  });
});

describe('reason phrases', () => {
  it.each([
    [100, 'Trying'],
    [200, 'OK'],
    [404, 'Not Found'],
    [487, 'Request Terminated'],
    [505, 'Version Not Supported'],
    [299, 'OK'],
    [499, 'Bad Request'],
    [699, 'Not Acceptable'],
  ])('of %i is %s', (status, phrase) => {
    expect(reasonPhrase(status)).toBe(phrase);
    expect(reasonBytes(status)).toEqual(ascii(phrase));
  });

  it.each([-1, 0, 99, 700, 1e9, Number.NaN])('of %i is nothing', (status) => {
    expect(reasonPhrase(status)).toBe('');
    expect(reasonBytes(status)).toHaveLength(0);
  });
});

describe('parse errors', () => {
  it('no two codes are the same, and each has a phrase of its own', () => {
    for (const prefix of ['PE_', 'GE_']) {
      const codes = constants(errors, prefix).map(([, code]) => code);
      expect(new Set(codes).size).toBe(codes.length);
    }
    const phrases = constants(errors, 'PE_').map(([, code]) => errors.errorReason(code));
    expect(new Set(phrases).size).toBe(phrases.length);
    for (const [name, code] of constants(errors, 'GE_')) {
      if (code === errors.GE_NONE) continue;
      expect(errors.errorReason(errors.withGrammar(errors.PE_FROM, code)), name).toMatch(/^Bad From: \S/);
    }
  });

  it('a phrase says which header and what is wrong, as text and as bytes', () => {
    const error = errors.withGrammar(errors.PE_FROM, errors.GE_QUOTE);
    expect(errors.errorReason(error)).toBe('Bad From: unbalanced quote');
    const bytes = errors.errorReasonBytes(error);
    expect(textAt(bytes, 0, bytes.length)).toBe('Bad From: unbalanced quote');
    expect(errors.messageCodeOf(error)).toBe(errors.PE_FROM);
    expect(errors.grammarCodeOf(error)).toBe(errors.GE_QUOTE);
  });

  it.each([
    [errors.PE_FROM, 400],
    [errors.PE_SCHEME, 416],
    [errors.PE_VERSION, 505],
    [errors.withGrammar(errors.PE_VIA, errors.GE_HOST), 400],
  ])('error %i is answered %i', (error, status) => {
    expect(errors.errorStatus(error)).toBe(status);
  });

  it('every phrase fits a status line: printable ASCII without line ends', () => {
    for (const [, code] of constants(errors, 'PE_')) {
      for (const [, grammar] of constants(errors, 'GE_')) {
        expect(errors.errorReason(errors.withGrammar(code, grammar))).toMatch(/^[ -~]+$/);
      }
    }
  });

  it('a Request-URI is told apart by its fault', () => {
    expect(errors.requestUriError(errors.GE_SPACE)).toBe(errors.PE_REQUEST_URI_SPACE);
    expect(errors.requestUriError(errors.GE_ANGLE)).toBe(errors.PE_REQUEST_URI_BRACKETS);
    expect(errors.requestUriError(errors.GE_PORT)).toBe(errors.withGrammar(errors.PE_REQUEST_URI, errors.GE_PORT));
  });
});

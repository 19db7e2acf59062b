/**
 * The answer to a REGISTER as data: status, reason phrase and the header fields that the registrar has to say. Date, To tag and the
 * rest are the business of whoever writes the response. Sans-I/O, any thread.
 */
import { ascii } from '../sip/chars.js';
import { H_MIN_EXPIRES, H_SUPPORTED, H_UNSUPPORTED } from '../sip/header-names.js';

/** One header field with one value. */
export interface AnswerField {
  /** `H_*` of `sip/header-names.ts`. */
  readonly id: number;
  readonly value: Uint8Array;
}

export interface RegisterAnswer {
  readonly status: number;
  readonly reason: string;
  /** In the order in which they are to be written. */
  readonly fields: readonly AnswerField[];
}

/** An answer without header fields of its own. */
export function plainAnswer(status: number, reason: string): RegisterAnswer {
  return { status, reason, fields: [] };
}

/** 423, with the shortest lifetime that is granted (RFC 3261 §20.23). */
export function intervalTooBrief(minS: number): RegisterAnswer {
  return { status: 423, reason: 'Interval Too Brief', fields: [{ id: H_MIN_EXPIRES, value: ascii(String(minS)) }] };
}

/** 420, with the extensions asked for that are not understood (RFC 3261 §8.2.2.3). */
export function badExtension(unsupported: readonly string[]): RegisterAnswer {
  return { status: 420, reason: 'Bad Extension', fields: [{ id: H_UNSUPPORTED, value: ascii(unsupported.join(', ')) }] };
}

/** 420 for a Path whose client does not know of Path (RFC 3327 §5.3): what it would have to support. */
export function pathNotSupported(): RegisterAnswer {
  return {
    status: 420,
    reason: 'Bad Extension',
    fields: [
      { id: H_UNSUPPORTED, value: ascii('path') },
      { id: H_SUPPORTED, value: ascii('path') },
    ],
  };
}

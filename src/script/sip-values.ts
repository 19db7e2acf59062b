/**
 * URIs and name-addrs as scripts see them: snapshots that outlive the message. Built when a script asks. Sans-I/O.
 */
import { ScriptError, type NameAddr, type SipUri } from './api.js';
import { bytesOf, textOf } from './text.js';
import { NameAddrView, parseNameAddr } from '../sip/name-addr.js';
import { errorReason, requestUriError } from '../sip/parse-error.js';
import { UriView, parseUri } from '../sip/uri.js';

const uriView = new UriView();
const nameAddrView = new NameAddrView();

class Uri implements SipUri {
  readonly scheme: string;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly host: string;
  readonly port: number | undefined;
  readonly #text: string;
  readonly #params: string;
  readonly #headers: string;

  constructor(bytes: Uint8Array, start: number, end: number, view: UriView) {
    this.#text = textOf(bytes, start, end);
    this.scheme = textOf(bytes, view.schemeStart, view.schemeEnd).toLowerCase();
    this.user = view.userStart < 0 ? undefined : textOf(bytes, view.userStart, view.userEnd);
    this.password = view.passwordStart < 0 ? undefined : textOf(bytes, view.passwordStart, view.passwordEnd);
    this.host = textOf(bytes, view.hostStart, view.hostEnd);
    this.port = view.port === 0 ? undefined : view.port;
    this.#params = textOf(bytes, view.paramsStart, view.paramsEnd);
    this.#headers = textOf(bytes, view.headersStart, view.headersEnd);
  }

  param(name: string): string | undefined {
    return findParam(this.#params, ';', name);
  }

  header(name: string): string | undefined {
    return findParam(this.#headers, '&', name);
  }

  toString(): string {
    return this.#text;
  }
}

class NameAddrValue implements NameAddr {
  readonly displayName: string;
  readonly uri: SipUri;
  readonly #text: string;
  readonly #params: string;

  constructor(text: string, displayName: string, uri: SipUri, params: string) {
    this.#text = text;
    this.displayName = displayName;
    this.uri = uri;
    this.#params = params;
  }

  param(name: string): string | undefined {
    return findParam(this.#params, ';', name);
  }

  toString(): string {
    return this.#text;
  }
}

/** The URI in `bytes[start, end)`; one that does not parse comes out with its text as the host and nothing else. */
export function uriOf(bytes: Uint8Array, start: number, end: number): SipUri {
  const copy = bytes.slice(start, end);
  if (parseUri(copy, 0, copy.length, uriView) !== 0) {
    uriView.userStart = -1;
    uriView.passwordStart = -1;
    uriView.hostStart = 0;
    uriView.hostEnd = copy.length;
    uriView.port = 0;
    uriView.paramsStart = -1;
    uriView.headersStart = -1;
  }
  return new Uri(copy, 0, copy.length, uriView);
}

/** The bytes of a URI that a script wrote. Throws `ScriptError` VD_SCRIPT_URI when it is none, or has white space in it. */
export function uriBytesOf(value: string | SipUri): Uint8Array {
  const text = typeof value === 'string' ? value : value.toString();
  const bytes = bytesOf(text);
  const fault = parseUri(bytes, 0, bytes.length, uriView);
  if (fault !== 0) {
    throw new ScriptError('VD_SCRIPT_URI', `not a usable URI: ${JSON.stringify(text)} (${errorReason(requestUriError(fault))}); wanted is one such as "sip:user@host:5060"`);
  }
  return bytes;
}

/** The first name-addr value in `bytes[start, end)`. */
export function nameAddrOf(bytes: Uint8Array, start: number, end: number): NameAddr {
  const view = nameAddrView;
  if (start < 0 || parseNameAddr(bytes, start, end, view) !== 0) {
    return new NameAddrValue(textOf(bytes, start, end), '', uriOf(bytes, Math.max(0, start), Math.max(0, end)), '');
  }
  const text = textOf(bytes, start, view.valueEnd);
  const display = textOf(bytes, view.displayStart, view.displayEnd).replace(/\\(.)/gs, '$1');
  const params = textOf(bytes, view.paramsStart, view.paramsEnd);
  return new NameAddrValue(text, display, uriOf(bytes, view.uriStart, view.uriEnd), params);
}

/** Value of `name` in `;a=b;c` or `a=b&c`: '' without a value, undefined when absent. Quotes are taken off. */
function findParam(params: string, separator: string, name: string): string | undefined {
  const wanted = name.toLowerCase();
  for (const part of splitParams(params, separator)) {
    const equals = part.indexOf('=');
    const key = (equals < 0 ? part : part.slice(0, equals)).trim().toLowerCase();
    if (key !== wanted || key === '') continue;
    const value = equals < 0 ? '' : part.slice(equals + 1).trim();
    return value.startsWith('"') && value.endsWith('"') && value.length > 1 ? value.slice(1, -1).replace(/\\(.)/gs, '$1') : value;
  }
  return undefined;
}

/** Splits at separators that stand outside of quoted strings. */
function splitParams(params: string, separator: string): string[] {
  if (!params.includes('"')) return params.split(separator);
  const parts: string[] = [];
  let quoted = false;
  let from = 0;
  for (let i = 0; i < params.length; i++) {
    const c = params[i];
    if (quoted && c === '\\') i++;
    else if (c === '"') quoted = !quoted;
    else if (c === separator && !quoted) {
      parts.push(params.slice(from, i));
      from = i + 1;
    }
  }
  parts.push(params.slice(from));
  return parts;
}

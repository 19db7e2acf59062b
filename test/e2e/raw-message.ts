/**
 * A SIP message cut into raw header fields, for tests that compare bytes: latin1 text in, latin1 text out, nothing
 * normalised. This is not a parser and shares nothing with ours on purpose.
 */

export interface RawField {
  /** Lower case, compact names written out for those the tests ask for. */
  readonly name: string;
  /** The whole field with folded lines, without its last line break. */
  readonly raw: string;
}

export interface RawMessage {
  readonly startLine: string;
  readonly fields: readonly RawField[];
  /** What follows the empty line, cut to Content-Length if there is a sensible one. */
  readonly body: string;
}

const LONG_NAMES: Readonly<Record<string, string>> = { v: 'via', f: 'from', t: 'to', i: 'call-id', l: 'content-length', m: 'contact' };

export function readRaw(text: string): RawMessage {
  const end = text.indexOf('\r\n\r\n');
  const head = end < 0 ? text : text.slice(0, end);
  const rest = end < 0 ? '' : text.slice(end + 4);
  // A line break is one that no space or tab follows: folded lines stay together.
  const [startLine = '', ...lines] = head.split(/\r\n(?![ \t])/);
  const fields = lines.map((raw) => {
    const name = raw.slice(0, raw.indexOf(':')).trim().toLowerCase();
    return { name: LONG_NAMES[name] ?? name, raw };
  });
  const lengths = fields.filter((field) => field.name === 'content-length').map((field) => Number(value(field)));
  const [bodyBytes] = lengths;
  return { startLine, fields, body: bodyBytes !== undefined && bodyBytes >= 0 ? rest.slice(0, bodyBytes) : rest };
}

/** The value of a field, unfolded. */
export function value(field: RawField): string {
  return field.raw.slice(field.raw.indexOf(':') + 1).replace(/\r\n[ \t]+/g, ' ').trim();
}

export function fieldsNamed(message: RawMessage, name: string): RawField[] {
  return message.fields.filter((field) => field.name === name);
}

/**
 * Makes `text` a message that its sender can have sent by UDP from `port`: the transport of the top Via becomes UDP and
 * its sent-by gets that port, so that an answer finds its way whether or not the Via asks for rport (RFC 3261 18.2.2).
 */
export function sentFromPort(text: string, port: number): string {
  let done = false;
  const changed = text.replace(
    /^((?:via|v)[ \t]*:\s*SIP\s*\/\s*[\d.]+\s*\/\s*)(\w+)(\s+)(\[[^\]]*\]|[^\s;,:]+)(\s*:\s*\d+)?/im,
    (_all, before: string, _transport: string, gap: string, host: string) => {
      done = true;
      return `${before}UDP${gap}${host}:${String(port)}`;
    },
  );
  if (!done) throw new Error(`no top Via found in:\n${text}`);
  return changed;
}

/** Whatever the request was: a final response that goes back the way it came. */
export function answerTo(request: string, status: string): string {
  const echoed = ['via', 'from', 'to', 'call-id', 'cseq'];
  const fields = readRaw(request).fields.filter(({ name }) => echoed.includes(name)).map(({ raw }) => raw);
  return [`SIP/2.0 ${status}`, ...fields, 'Content-Length: 0', '', ''].join('\r\n');
}

/** Status of a response, or undefined for anything else. */
export function statusOf(text: string): number | undefined {
  const match = /^SIP\/2\.0 (\d{3}) /.exec(text);
  return match ? Number(match[1]) : undefined;
}

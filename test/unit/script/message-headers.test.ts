import { describe, expect, it } from 'vitest';
import { EditPlan } from '../../../src/proxy/edit-plan.js';
import { ScriptError } from '../../../src/script/api.js';
import { MessageHeaders, headerLines, oneLine } from '../../../src/script/message-headers.js';
import { MessageView } from '../../../src/sip/message.js';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const LINES = [
  'Via: SIP/2.0/UDP h',
  'f: <sip:a@b>;tag=1',
  'To: <sip:c@d>',
  'Subject:\r\n  one\r\n\ttwo ',
  'X-Some : 1',
  'x-some: 2',
  'k: a, b',
  'Supported: c',
  'X-Name: grüß',
];

class Message {
  readonly view = new MessageView(32);
  readonly headers = new MessageHeaders(this);
  private readonly bytes: Uint8Array;
  private readonly end: number;

  constructor(lines: readonly string[] = LINES) {
    const text = encoder.encode(`INVITE sip:a@b SIP/2.0\r\n${lines.join('\r\n')}\r\n\r\nbody`);
    this.bytes = new Uint8Array(64 * 1024);
    this.bytes.set(text);
    this.end = text.length;
    expect(this.view.parse(this.bytes, 0, text.length)).toBe(0);
  }

  /** The header lines as they go out. */
  out(): string[] {
    const plan = new EditPlan();
    this.headers.plan(plan);
    const to = this.bytes.length / 2;
    const text = decoder.decode(this.bytes.subarray(to, plan.apply(this.bytes, 0, this.end, to)));
    expect(text.endsWith('\r\n\r\nbody')).toBe(true);
    return text.slice(0, -8).replace(/^.*\r\n/, '').split(/\r\n(?![ \t])/);
  }
}

/** The code of the ScriptError that `action` throws. */
function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof ScriptError) return error.code;
    throw error;
  }
  return 'no error';
}

describe('reading headers', () => {
  const { headers } = new Message();

  it.each([
    ['From', '<sip:a@b>;tag=1'],
    ['from', '<sip:a@b>;tag=1'],
    ['f', '<sip:a@b>;tag=1'],
    ['F', '<sip:a@b>;tag=1'],
    ['t', '<sip:c@d>'],
    ['SUBJECT', 'one two'],
    ['x-SOME', '1'],
    ['supported', 'a, b'],
    ['X-Name', 'grüß'],
    ['v', 'SIP/2.0/UDP h'],
  ])('get(%j) is the first value, unfolded, by name in any case or compact form', (name, value) => {
    expect(headers.get(name)).toBe(value);
    expect(headers.has(name)).toBe(true);
  });

  it.each(['X-None', 'Contact', 'm', '', ' ', 'x some', 'ſ', 'X-Som'])('get(%j) is nothing', (name) => {
    expect(headers.get(name)).toBeUndefined();
    expect(headers.getAll(name)).toEqual([]);
    expect(headers.has(name)).toBe(false);
  });

  it('gets all fields of a name in order, long and compact ones alike', () => {
    expect(headers.getAll('K')).toEqual(['a, b', 'c']);
    expect(headers.getAll('X-Some')).toEqual(['1', '2']);
  });

  it('reads bytes that are no UTF-8 as Latin-1', () => {
    const message = new Message(['X: ?']);
    message.view.bytes[message.view.bytes.indexOf(0x3f)] = 0xe4;
    expect(message.headers.get('X')).toBe('ä');
  });
});

describe('changing headers', () => {
  it('adds at the end, and shows it at once', () => {
    const { headers } = new Message();
    headers.add('X-New', '1');
    headers.add('x-some', '3');
    headers.add('s', '');
    expect(headers.get('x-new')).toBe('1');
    expect(headers.getAll('X-Some')).toEqual(['1', '2', '3']);
    expect(headers.getAll('Subject')).toEqual(['one two', '']);
  });

  it('writes what was added behind the others, in order', () => {
    const message = new Message();
    message.headers.add('X-New', 'ä');
    message.headers.add('X-New', 'b');
    expect(message.out()).toEqual([...LINES, 'X-New: ä', 'X-New: b']);
  });

  it('removes all fields of a name, long and compact, and counts them', () => {
    const message = new Message();
    expect(message.headers.remove('Supported')).toBe(2);
    expect(message.headers.remove('Supported')).toBe(0);
    expect(message.headers.remove('X-SOME')).toBe(2);
    expect(message.headers.get('k')).toBeUndefined();
    expect(message.out()).toEqual(LINES.filter((line) => !/^(k|Supported|x-some)/i.test(line)));
  });

  it('removes folded fields whole', () => {
    const message = new Message();
    expect(message.headers.remove('s')).toBe(1);
    expect(message.out()).toEqual(LINES.filter((line) => !line.startsWith('Subject')));
  });

  it('removes what was added', () => {
    const message = new Message();
    message.headers.add('X-New', '1');
    message.headers.add('X-Other', '2');
    expect(message.headers.remove('x-new')).toBe(1);
    expect(message.headers.getAll('X-New')).toEqual([]);
    expect(message.out()).toEqual([...LINES, 'X-Other: 2']);
  });

  it('replaces all fields of a name by one, or adds it', () => {
    const message = new Message();
    message.headers.replace('X-Some', 'new');
    message.headers.replace('X-Some', 'newer');
    message.headers.replace('X-Absent', 'now');
    expect(message.headers.getAll('x-some')).toEqual(['newer']);
    expect(message.out()).toEqual([...LINES.filter((line) => !/^x-some/i.test(line)), 'X-Some: newer', 'X-Absent: now']);
  });

  it('replaces From and To, which a message has exactly once', () => {
    const message = new Message();
    message.headers.replace('From', '<sip:x@y>');
    expect(message.headers.getAll('f')).toEqual(['<sip:x@y>']);
    for (const name of ['From', 'f', 'TO', 't']) {
      expect(codeOf(() => message.headers.add(name, '<sip:x>'))).toBe('VD_SCRIPT_HEADER');
      expect(codeOf(() => message.headers.remove(name))).toBe('VD_SCRIPT_HEADER');
    }
    expect(message.out()).toContain('To: <sip:c@d>');
  });

  it.each(['Via', 'v', 'V', 'max-forwards', 'Record-Route', 'ROUTE', 'Content-Length', 'l', 'CSeq', 'Call-ID', 'i'])('leaves %s to the engine', (name) => {
    const { headers } = new Message();
    for (const change of [() => headers.add(name, '1'), () => headers.remove(name), () => headers.replace(name, '1'), () => headerLines([[name, '1']])]) {
      expect(codeOf(change)).toBe('VD_SCRIPT_HEADER');
    }
  });

  it.each(['', ' ', 'X Y', 'X:', 'X\r\nY', 'Ä', 'X\0', '"X"', '<x>'])('refuses the name %j', (name) => {
    const { headers } = new Message();
    expect(codeOf(() => headers.add(name, '1'))).toBe('VD_SCRIPT_HEADER');
    expect(codeOf(() => headerLines([[name, '1']]))).toBe('VD_SCRIPT_HEADER');
  });

  it.each(['a\r\nVia: x', 'a\n', '\r', 'a\r\n b', '\0', '\x7f', '\x1b[0m'])('refuses the value %j, and changes nothing', (value) => {
    const message = new Message();
    expect(codeOf(() => message.headers.add('X', value))).toBe('VD_SCRIPT_HEADER');
    expect(codeOf(() => message.headers.replace('X-Some', value))).toBe('VD_SCRIPT_HEADER');
    expect(codeOf(() => headerLines([['X', value]]))).toBe('VD_SCRIPT_HEADER');
    expect(codeOf(() => oneLine(value, 'reason'))).toBe('VD_SCRIPT_HEADER');
    expect(message.out()).toEqual(LINES);
  });

  it('takes any other value', () => {
    const message = new Message();
    for (const value of ['', ' ', 'a\tb', '"q\\"', 'ünï', '\u{1f4de}']) message.headers.add('X', value);
    expect(message.headers.getAll('X')).toHaveLength(6);
    expect(oneLine('a\tb ü', 'reason')).toBe('a\tb ü');
  });

  it('has a bound', () => {
    const message = new Message();
    expect(codeOf(() => { for (let i = 0; i < 100_000; i++) message.headers.add('X', '1'); })).toBe('VD_SCRIPT_HEADER');
    expect(codeOf(() => message.headers.replace('From', '<sip:x>'))).toBe('VD_SCRIPT_HEADER');
    expect(message.headers.get('f')).toBe('<sip:a@b>;tag=1');
    expect(message.headers.remove('X')).toBe(256);
    message.headers.add('X', 'again');
    expect(message.out()).toEqual([...LINES, 'X: again']);
  });

  it('is over when the message is', () => {
    const { headers } = new Message();
    headers.close();
    for (const use of [() => headers.get('From'), () => headers.getAll('X'), () => headers.has('X'), () => headers.remove('X-Some'), () => headers.replace('X-Some', '1')]) {
      expect(codeOf(use)).toBe('VD_SCRIPT_OVER');
    }
  });
});

describe('header lines of a reply', () => {
  it('are whole lines in order', () => {
    expect(decoder.decode(headerLines([['X-A', '1'], ['Contact', '<sip:ü@b>'], ['X-A', '']]))).toBe('X-A: 1\r\nContact: <sip:ü@b>\r\nX-A: \r\n');
  });

  it.each(['From', 't'])('do not hold a second %s', (name) => {
    expect(codeOf(() => headerLines([[name, '<sip:a>']]))).toBe('VD_SCRIPT_HEADER');
  });
});

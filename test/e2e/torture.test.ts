/**
 * The running proxy fed every torture message of RFC 4475 and RFC 5118 by UDP. A bare socket is the next hop of all
 * requests and answers them 480; each message comes from a socket of its own. What the two see has to agree with the
 * index, what is forwarded has to be what came in, and the process has to live on.
 */
import { describe, expect, test, vi } from 'vitest';
import { DRIVERS, type ProxyOptions, type ProxyProcess } from './proxy-process.js';
import { answerTo, fieldsNamed, readRaw, sentFromPort, statusOf, value, type RawMessage } from './raw-message.js';
import { answersProbe, SipSocket } from './sip-socket.js';
import { readTortureFiles, type TortureFile } from './torture-files.js';
import { useProxy } from './use-proxy.js';

const files = readTortureFiles();
const ANSWER_MS = 5000;
/** Probes with different branches: enough to have gone through every shard, behind whatever was sent before. */
const PROBES = 16;

vi.setConfig({ maxConcurrency: 32, testTimeout: 30_000, hookTimeout: 60_000 });

describe.skipIf(files.length === 0).concurrent.each(DRIVERS)('torture messages through the %s driver', (io) => {
  const nextHop: { socket?: SipSocket } = {};
  const use = useProxy('torture', openNextHop, expectAlive);

  async function openNextHop(): Promise<ProxyOptions> {
    const socket = await SipSocket.open();
    nextHop.socket = socket;
    socket.onMessage = (text, from) => {
      if (statusOf(text) === undefined && !text.startsWith('ACK ')) socket.send(answerTo(text, '480 Temporarily Unavailable'), from);
    };
    return {
      shards: 2,
      io,
      routes: 'torture',
      env: { E2E_NEXT_HOP: `sip:127.0.0.1:${String(socket.address.port)}` },
      timers: { t1Ms: 50, t2Ms: 400, t4Ms: 500, timerDMs: 500 },
    };
  }

  /** It has survived everything, and still answers. */
  async function expectAlive(proxy: ProxyProcess): Promise<void> {
    await settle();
    nextHop.socket?.close();
    const counters = await proxy.counters();
    if (counters === undefined) return;
    expect(counters['loopErrors']).toBe(0);
    expect(counters['scriptErrors']).toBe(0);
    expect(counters['shardRestarts']).toBe(0);
  }

  async function settle(): Promise<void> {
    const { ipv4 } = use.proxy;
    for (let probe = 0; probe < PROBES; probe++) expect(await answersProbe(ipv4, ANSWER_MS)).toBe(true);
  }

  test.each(files)('$name: $action $codes', async (file) => {
    const { ipv4 } = use.proxy;
    const source = await SipSocket.open();
    try {
      const original = Buffer.from(file.bytes).toString('latin1');
      const isResponse = original.startsWith('SIP/');
      const sent = isResponse ? original : sentFromPort(original, source.address.port);
      source.send(sent, ipv4);

      const isFinal = (text: string): boolean => (statusOf(text) ?? 0) >= 200;
      if (isResponse || mayBeDropped(file)) await settle();
      else await source.find(isFinal, ANSWER_MS, 'final response');

      const mark = `:${String(source.address.port)}`;
      const cameFromHere = (text: string): boolean => fieldsNamed(readRaw(text), 'via').some((via) => value(via).includes(mark));
      const forwarded = nextHop.socket?.received.find((text) => !text.startsWith('ACK ') && cameFromHere(text));
      judge(file, sent, forwarded, source.received.find(isFinal));
    } finally {
      source.close();
    }
  });
});

/** Requests so broken that no response can be formed: dropping them is right too. */
function mayBeDropped({ name, action }: TortureFile): boolean {
  return action === 'drop' || name === 'rfc4475/insuf';
}

function judge(file: TortureFile, sent: string, forwarded: string | undefined, final: string | undefined): void {
  const status = final === undefined ? undefined : statusOf(final);
  const outcome = forwarded !== undefined ? 'forwarded' : status === undefined ? 'dropped' : `answered ${String(status)}`;
  const rightAnswers = file.codes.map((code) => `answered ${String(code)}`);
  switch (file.action) {
    case 'forward':
    case 'forward-or-404':
    case 'register-or-forward':
      // The next hop of the test is always reachable, so these have to be forwarded.
      expect(outcome).toBe('forwarded');
      break;
    case 'forward-or-reject':
    case 'reject-or-2543':
    case 'reject-or-sanitise':
      expect(['forwarded', ...rightAnswers]).toContain(outcome);
      break;
    case 'reject':
      expect([...rightAnswers, ...(mayBeDropped(file) ? ['dropped'] : [])]).toContain(outcome);
      break;
    case 'drop':
    case 'response-forward-or-drop':
      // Their top Via is not ours, so the second of the two: none of them may get anywhere.
      expect(outcome).toBe('dropped');
      break;
  }
  if (final !== undefined && forwarded === undefined) expectAnswer(file, readRaw(sent), readRaw(final));
  if (forwarded === undefined) return;
  expect(status, 'the answer of the next hop').toBe(480);
  if (file.action === 'reject-or-sanitise') expectSanitised(readRaw(forwarded));
  else expectUnchanged(file, readRaw(sent), readRaw(forwarded));
  expect(viaFields(readRaw(final ?? ''))).toEqual(viaFields(readRaw(sent)));
}

/** Raw Via fields, without the `received` and `rport` values that a proxy has to set (RFC 3261 18.2.1, RFC 3581). */
function viaFields(message: RawMessage): string[] {
  return fieldsNamed(message, 'via').map(({ raw }) =>
    raw.replace(/\s*;\s*received\s*=\s*(\[[^\]]*\]|[^;,\s]+)/i, '').replace(/(;\s*rport)=\d+/i, '$1'),
  );
}

/** What a proxy may not touch (RFC 3261 16.6): everything but Via, Max-Forwards, Max-Breadth and Route, byte for byte. */
function expectUnchanged(file: TortureFile, sent: RawMessage, forwarded: RawMessage): void {
  const hadLength = fieldsNamed(sent, 'content-length').length > 0;
  const kept = (message: RawMessage): string[] =>
    message.fields
      .filter(({ name }) => !['via', 'max-forwards', 'max-breadth', 'route'].includes(name) && (hadLength || name !== 'content-length'))
      .map(({ raw }) => raw);
  expect(kept(forwarded)).toEqual(kept(sent));
  expect(forwarded.body).toBe(sent.body);
  // A strict router in the Route moves the Request-URI (RFC 3261 16.6 step 6).
  if (file.name !== 'rfc4475/mpart01') expect(forwarded.startLine).toBe(sent.startLine);
  expect(viaFields(forwarded).slice(1)).toEqual(viaFields(sent));
  expect(viaFields(forwarded)[0]).toMatch(/^Via: SIP\/2\.0\/UDP 127\.0\.0\.1:\d+;.*branch=z9hG4bK./);
  const [before] = fieldsNamed(sent, 'max-forwards').map(value);
  const [after] = fieldsNamed(forwarded, 'max-forwards').map(value);
  expect(Number(after)).toBe(before === undefined ? 70 : Number(before) - 1);
}

/** A repaired message may not carry the fault on. */
function expectSanitised(forwarded: RawMessage): void {
  expect(forwarded.startLine).toMatch(/^\S+ [^\s<>?]+ SIP\/2\.0$/);
  expect(fieldsNamed(forwarded, 'route')).toEqual([]);
  for (const name of ['from', 'to']) {
    for (const field of fieldsNamed(forwarded, name)) expect(value(field)).toMatch(/^("[^"]*"|[^",<]*) ?<[^\s<>]+>(;\S+)*$|^[^\s<>,?]+$/);
  }
  for (const field of fieldsNamed(forwarded, 'contact')) expect(value(field)).not.toMatch(/^[^<]*\?/);
}

/** An answer of the proxy's own repeats what RFC 3261 8.2.6 says, as far as the request had it. */
function expectAnswer(file: TortureFile, sent: RawMessage, answer: RawMessage): void {
  expect(viaFields(answer)).toEqual(viaFields(sent));
  for (const name of ['from', 'call-id', 'cseq']) {
    const [asked] = fieldsNamed(sent, name).map(value);
    const [echoed] = fieldsNamed(answer, name).map(value);
    expect(echoed, name).toBe(asked);
  }
  if (file.name === 'rfc4475/bext01') {
    const unsupported = fieldsNamed(answer, 'unsupported').flatMap((field) => value(field).split(/\s*,\s*/));
    expect(unsupported.sort()).toEqual(['noProxiesSupportThis', 'norDoAnyProxiesSupportThis'].sort());
  }
}

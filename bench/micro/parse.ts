/**
 * The parser's two costs, a byte: the search for line ends (byte by byte against `ByteWords`), and `MessageView.parse` over the
 * seven messages of a call. On-CPU time of this process, best of the rounds.
 *
 * Run: npx esbuild bench/micro/parse.ts --bundle --platform=node --format=esm --outfile=dist/bench/parse.mjs && node dist/bench/parse.mjs [rounds]
 */
import { ByteWords } from '../../src/sip/byte-words.js';
import { MessageView } from '../../src/sip/message.js';
import { callIds, inDialog, invite, response } from '../workloads/call.js';

const ROUNDS = Number(process.argv[2] ?? 6);
const PASSES = 50_000;
const LF = 0x0a;

const ids = callIds(7);
const recordRoute = 'sip:127.0.0.1:5060;lr;vd=0000';
const vias = ['Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKvd0000000123456789abcdef', 'Via: SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bK-1-2-3'];
const messages = [
  invite(ids),
  response('100 Trying', 'INVITE', ids, vias, recordRoute),
  response('180 Ringing', 'INVITE', ids, vias, recordRoute),
  response('200 OK', 'INVITE', ids, vias, recordRoute),
  inDialog('ACK', ids, recordRoute),
  inDialog('BYE', ids, recordRoute),
  response('200 OK', 'BYE', ids, vias, recordRoute),
];

// In shared memory and at odd offsets, as in a shard.
const memory = new Uint8Array(new SharedArrayBuffer(1 << 16));
const places: { readonly start: number; readonly end: number }[] = [];
let top = 1001;
for (const message of messages) {
  memory.set(message, top);
  places.push({ start: top, end: top + message.length });
  top += message.length + 13;
}
const bytesACall = messages.reduce((sum, message) => sum + message.length, 0);

const words = new ByteWords();
words.attach(memory);
const view = new MessageView(256);
/** Keeps results from being optimised away. */
let consumed = 0;

function linesByByte(start: number, end: number): void {
  for (let i = start; i < end; i++) {
    while (i < end && memory[i] !== LF) i++;
    consumed++;
  }
}

function linesByWord(start: number, end: number): void {
  for (let i = start; i < end; i++) {
    i = words.lineFeed(i, end);
    consumed++;
  }
}

function parse(start: number, end: number): void {
  consumed += view.parse(memory, start, end) + view.fieldCount;
}

function nsAByte(run: (start: number, end: number) => void): number {
  const before = process.cpuUsage();
  for (let pass = 0; pass < PASSES; pass++) for (const { start, end } of places) run(start, end);
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1000) / PASSES / bytesACall;
}

const cases = [['line ends, byte by byte', linesByByte], ['line ends, ByteWords', linesByWord], ['MessageView.parse', parse]] as const;
const best = new Map<string, number>();
// In turns, so that what the machine does meanwhile falls on all of them.
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, run] of cases) best.set(name, Math.min(best.get(name) ?? Infinity, nsAByte(run)));
}
console.log(`${bytesACall} bytes a call, ${PASSES} passes, best of ${ROUNDS} rounds (${consumed} consumed)`);
for (const [name, ns] of best) console.log(`${name.padEnd(26)} ${ns.toFixed(2)} ns a byte, ${((ns * bytesACall) / 1000).toFixed(2)} µs a call`);

/** Simulated phones talking to each other without a proxy: they must be right before they may judge one. */
import { describe, expect, it } from 'vitest';
import { endpointV4 } from '../../src/sim/address.js';
import { ladder } from '../../src/sim/ladder.js';
import { M_INVITE, M_OPTIONS, MessageReader } from '../../src/sim/message-reader.js';
import { MessageWriter } from '../../src/sim/message-writer.js';
import { Network, type NetworkSettings, PERFECT_NETWORK } from '../../src/sim/network.js';
import { Random } from '../../src/sim/random.js';
import { SentMessage } from '../../src/sim/sent-message.js';
import { Slab } from '../../src/sim/slab.js';
import { Trace } from '../../src/sim/trace.js';
import { type CallerPlan, Uac } from '../../src/sim/uac.js';
import { type CalleePlan, Uas } from '../../src/sim/uas.js';
import { VirtualClock } from '../../src/sim/virtual-clock.js';

const CALLER: CallerPlan = {
  method: M_INVITE,
  requestUri: 'sip:0@10.2.0.0:5060',
  cancelAfterMs: -1,
  cancelsBlindly: false,
  cancelSends: 1,
  hangUpAfterMs: 2000,
  reinviteAfterMs: -1,
  reinviteCancelAfterMs: -1,
  isRouteless: false,
  hasCookie: true,
};
const CALLEE: CalleePlan = {
  isSilent: false,
  ringAfterMs: 100,
  ringStatus: 180,
  answerAfterMs: 1000,
  status: 200,
  answersWhenCancelled: false,
  hangUpAfterMs: -1,
  reinviteRingAfterMs: -1,
  reinviteAnswerAfterMs: 0,
  reinviteStatus: 200,
  hasCookie: true,
};

function call(caller: Partial<CallerPlan>, callee: Partial<CalleePlan>, network: Partial<NetworkSettings> = {}, seed = 1) {
  const clock = new VirtualClock();
  const net = new Network(clock, new Random(seed), { ...PERFECT_NETWORK, delayMs: 10, ...network });
  const trace = new Trace(clock);
  net.observer = trace;
  // A host that is nobody, for building the callee before the caller knows where to send.
  const nobody = net.attach(endpointV4(1, 1), { receive: () => undefined });
  const shared = {
    clock,
    network: net,
    reader: new MessageReader(),
    writer: new MessageWriter(new Slab()),
    timers: { t1Ms: 500, t2Ms: 4000 },
    proxyAddress: '',
  };
  const uas = new Uas({ ...shared, proxy: nobody }, endpointV4(0x0a020000, 5060), 0, { ...CALLEE, ...callee });
  const uac = new Uac({ ...shared, proxy: uas.port }, endpointV4(0x0a010000, 5060), 0, { ...CALLER, ...caller }, 0);
  while (clock.step());
  const messages = trace.entries.map((entry) => {
    const sent = new SentMessage(entry.bytes, entry.start, entry.end, '', entry.sentMs);
    return { label: sent.status > 0 ? `${sent.status}/${sent.header('cseq').split(' ')[1]!}` : sent.label, atMs: entry.sentMs };
  });
  return { uac, uas, messages, labels: messages.map((message) => message.label), drawing: ladder(trace.entries) };
}

describe('two phones', () => {
  it('hold an answered call', () => {
    const { labels, uac, uas } = call({}, {});
    expect(labels).toEqual(['INVITE', '180/INVITE', '200/INVITE', 'ACK', 'BYE', '200/BYE']);
    expect([uac.outcome, uac.strays, uas.strays, uac.timeouts, uas.timeouts]).toEqual([200, 0, 0, 0, 0]);
    expect([uas.isEstablished, uas.byesReceived, uac.byesAnswered]).toEqual([true, 1, 1]);
  });

  it('end it from the other side', () => {
    const { labels, uac } = call({ hangUpAfterMs: -1 }, { hangUpAfterMs: 500 });
    expect(labels.slice(-2)).toEqual(['BYE', '200/BYE']);
    expect(uac.dialogs[0]?.isEnded).toBe(true);
    expect(uac.byesReceived).toBe(1);
  });

  it('are busy', () => {
    expect(call({}, { status: 486 }).labels).toEqual(['INVITE', '180/INVITE', '486/INVITE', 'ACK']);
  });

  it('cancel', () => {
    const { labels, uac } = call({ cancelAfterMs: 500 }, {});
    expect(labels).toEqual(['INVITE', '180/INVITE', 'CANCEL', '200/CANCEL', '487/INVITE', 'ACK']);
    expect(uac.outcome).toBe(487);
  });

  it('wait with a CANCEL for a provisional response', () => {
    const { labels } = call({ cancelAfterMs: 50 }, { ringAfterMs: 800 });
    expect(labels).toEqual(['INVITE', 'INVITE', '180/INVITE', 'CANCEL', '200/CANCEL', '487/INVITE', 'ACK']);
  });

  it('answer although cancelled, and hang up at once', () => {
    const { labels } = call({ cancelAfterMs: 500 }, { answersWhenCancelled: true });
    expect(labels).toEqual(['INVITE', '180/INVITE', 'CANCEL', '200/CANCEL', '200/INVITE', 'ACK', 'BYE', '200/BYE']);
  });

  it('retransmit to a silent one by Timers A and B', () => {
    const { messages, uac } = call({}, { isSilent: true });
    expect(messages.map(({ atMs }) => atMs)).toEqual([0, 500, 1500, 3500, 7500, 15_500, 31_500]);
    expect(uac.outcome).toBe(408);
  });

  it('retransmit a request other than INVITE by Timers E and F', () => {
    const { messages } = call({ method: M_OPTIONS }, { isSilent: true });
    expect(messages.map(({ atMs }) => atMs)).toEqual([0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
  });

  it('get through on a network that loses a third', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const { uac, uas, drawing } = call({}, {}, { lossPercent: 33, dupPercent: 20, reorderPercent: 20, reorderMs: 300 }, seed);
      expect([uac.outcome, uac.strays, uas.strays], `seed ${seed}\n${drawing}`).toEqual([200, 0, 0]);
    }
  });

  it('draw a ladder', () => {
    const { drawing } = call({}, { status: 486 });
    expect(drawing.split('\n')).toHaveLength(5);
    expect(drawing).toMatch(/0\.000 {2}\| INVITE -+> .* arrives 0\.010/);
    expect(drawing).toMatch(/1\.010 {2}< 486 INVITE -+\|/);
  });
});

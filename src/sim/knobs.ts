/**
 * What a random simulation is made of, in one table: the type, the defaults, the bounds, and the flags of `npm run sim`.
 * A knob at the value of `CALM` does nothing; that is how a failing run is made smaller.
 */

/** Percentages are of calls, except those of the network, which are of datagrams. */
export interface Knobs {
  readonly seed: number;
  /** 1 to 65536 in one run. */
  readonly calls: number;
  /** The one call that takes place, with the plan that it has among all; -1: every call. */
  readonly only: number;
  readonly callsPerSecond: number;
  readonly shards: number;
  readonly key: 'transaction' | 'call-id';
  /** Proxies in a row that a call goes through, each with shards of its own. */
  readonly nodes: number;
  readonly lossPercent: number;
  readonly dupPercent: number;
  readonly reorderPercent: number;
  readonly reorderMs: number;
  readonly delayMs: number;
  readonly jitterMs: number;
  /** Of the datagrams that a proxy sends: those that its transport refuses. */
  readonly sendFailPercent: number;
  /** Most branches of a call at a time, 1 to 16. */
  readonly forks: number;
  /** Calls whose script has another target to try when all have failed. */
  readonly failoverPercent: number;
  readonly cancelPercent: number;
  /** Of the cancelled: those that do not wait for a provisional response. */
  readonly blindCancelPercent: number;
  /** Of the cancelled: those whose CANCEL is sent two or three times in a row. */
  readonly dupCancelPercent: number;
  /** How long a CANCEL that matches nothing waits for its INVITE; 0: not at all. */
  readonly earlyCancelMs: number;
  /** Callees that answer a CANCEL with 200 and the INVITE with 200 as well: they were just answering. */
  readonly lateAnswerPercent: number;
  /** Scripts that await something before they decide. */
  readonly asyncPercent: number;
  /** Scripts that go on pending for as long as the call rings; some of them answer at the end, or relay once more. */
  readonly pendPercent: number;
  /** Scripts of which a handler never settles: before it has done anything, behind its relay, or when the first targets have failed. */
  readonly hangPercent: number;
  /** Scripts that answer by themselves: at once, after a provisional response, or behind their relay. */
  readonly scriptReplyPercent: number;
  /** Calls whose responses go through a reply handler. */
  readonly replyHandlerPercent: number;
  readonly throwPercent: number;
  readonly silentPercent: number;
  /** Callees that ring, and of which nobody hears again. */
  readonly vanishPercent: number;
  /** Callees that ring until somebody gives up. */
  readonly noAnswerPercent: number;
  /** Callees that answer 486 and the like. */
  readonly rejectPercent: number;
  /** OPTIONS outside of dialogs in place of calls. */
  readonly optionsPercent: number;
  /** MESSAGEs outside of dialogs in place of calls: slow answers, forks, provisional responses. */
  readonly messagePercent: number;
  /** Calls with a re-INVITE from the caller. */
  readonly reinvitePercent: number;
  /** Of those: cancelled by the caller. */
  readonly reinviteCancelPercent: number;
  /** Of those: CANCEL and ACK to a failure without the Route that the re-INVITE had. */
  readonly routelessPercent: number;
  /** Calls that go through the proxy twice. */
  readonly spiralPercent: number;
  /** Phones of RFC 2543, without the magic cookie. */
  readonly oldPhonePercent: number;
  /** Calls whose dialogs go through the proxy. */
  readonly recordRoutePercent: number;
  /** Shards that crash during the run. */
  readonly crashes: number;
  readonly lagMs: number;
  readonly batchMax: number;
}

export const DEFAULT_KNOBS: Knobs = {
  seed: 1,
  calls: 1000,
  only: -1,
  callsPerSecond: 100,
  shards: 2,
  key: 'transaction',
  nodes: 1,
  lossPercent: 0,
  dupPercent: 0,
  reorderPercent: 0,
  reorderMs: 400,
  delayMs: 5,
  jitterMs: 30,
  sendFailPercent: 0,
  forks: 1,
  failoverPercent: 0,
  cancelPercent: 20,
  blindCancelPercent: 0,
  dupCancelPercent: 0,
  earlyCancelMs: 0,
  lateAnswerPercent: 10,
  asyncPercent: 0,
  pendPercent: 0,
  hangPercent: 0,
  scriptReplyPercent: 0,
  replyHandlerPercent: 0,
  throwPercent: 1,
  silentPercent: 3,
  vanishPercent: 0,
  noAnswerPercent: 3,
  rejectPercent: 20,
  optionsPercent: 5,
  messagePercent: 0,
  reinvitePercent: 0,
  reinviteCancelPercent: 50,
  routelessPercent: 0,
  spiralPercent: 0,
  oldPhonePercent: 5,
  recordRoutePercent: 90,
  crashes: 0,
  lagMs: 0,
  batchMax: 8,
};

export type KnobName = keyof Knobs;
export type NumberKnob = Exclude<KnobName, 'key'>;

/** A knob as a flag of `npm run sim`. */
export interface KnobFlag {
  readonly knob: NumberKnob;
  readonly flag: string;
  readonly unit: 'n' | 'percent' | 'ms';
  readonly min: number;
  readonly max: number;
  readonly text: string;
  /** Value at which it does nothing; absent: it cannot be done without. */
  readonly calm?: number;
}

function percent(knob: NumberKnob, flag: string, text: string, calm = 0): KnobFlag {
  return { knob, flag, unit: 'percent', min: 0, max: 100, text, calm };
}

/** All knobs but `key`, in the order in which help lists them and a failing run is made smaller. */
export const KNOB_FLAGS: readonly KnobFlag[] = [
  { knob: 'seed', flag: 'seed', unit: 'n', min: 0, max: 0xffff_ffff, text: 'first seed' },
  { knob: 'calls', flag: 'calls', unit: 'n', min: 1, max: 65_536, text: 'calls of each seed' },
  { knob: 'only', flag: 'only', unit: 'n', min: -1, max: 65_535, text: 'let only this call take place; -1: all' },
  { knob: 'callsPerSecond', flag: 'rate', unit: 'n', min: 1, max: 100_000, text: 'new calls a second of virtual time' },
  { knob: 'crashes', flag: 'crash', unit: 'n', min: 0, max: 1000, text: 'shards that crash during a run', calm: 0 },
  { knob: 'nodes', flag: 'nodes', unit: 'n', min: 1, max: 4, text: 'proxies in a row', calm: 1 },
  percent('lossPercent', 'loss', 'datagrams lost'),
  percent('dupPercent', 'dup', 'datagrams doubled'),
  percent('reorderPercent', 'reorder', 'datagrams held back'),
  { knob: 'reorderMs', flag: 'reorder-ms', unit: 'ms', min: 0, max: 10_000, text: 'by at most so long' },
  { knob: 'delayMs', flag: 'delay', unit: 'ms', min: 0, max: 10_000, text: 'shortest delay' },
  { knob: 'jitterMs', flag: 'jitter', unit: 'ms', min: 0, max: 10_000, text: 'what may come on top of it', calm: 0 },
  percent('sendFailPercent', 'send-fail', 'datagrams of the proxy that its transport refuses'),
  { knob: 'lagMs', flag: 'lag', unit: 'ms', min: 0, max: 1000, text: 'by how much a shard or a timer may run late', calm: 0 },
  { knob: 'batchMax', flag: 'batch', unit: 'n', min: 1, max: 256, text: 'most messages that a shard takes at once', calm: 1 },
  { knob: 'shards', flag: 'shards', unit: 'n', min: 1, max: 64, text: 'shards', calm: 1 },
  { knob: 'forks', flag: 'forks', unit: 'n', min: 1, max: 16, text: 'most branches of a call', calm: 1 },
  percent('failoverPercent', 'failover', 'calls with another target when all have failed'),
  percent('reinvitePercent', 'reinvite', 'calls with a re-INVITE'),
  percent('reinviteCancelPercent', 'reinvite-cancel', 'of those: cancelled'),
  percent('routelessPercent', 'routeless', 'of those: CANCEL and ACK without their Route'),
  percent('spiralPercent', 'spiral', 'calls that go through the proxy twice'),
  percent('asyncPercent', 'async', 'scripts that await something before they decide'),
  percent('pendPercent', 'pend', 'scripts that go on pending behind their relay'),
  percent('hangPercent', 'hang', 'scripts of which a handler never settles'),
  percent('scriptReplyPercent', 'script-reply', 'scripts that answer by themselves'),
  percent('replyHandlerPercent', 'reply-handler', 'calls with a reply handler'),
  percent('throwPercent', 'throw', 'scripts that throw'),
  percent('messagePercent', 'message', 'MESSAGEs in place of calls'),
  percent('optionsPercent', 'options', 'OPTIONS in place of calls'),
  percent('dupCancelPercent', 'dup-cancel', 'cancelled calls whose CANCEL is sent several times'),
  percent('blindCancelPercent', 'blind', 'cancelled calls that do not wait for a provisional response'),
  { knob: 'earlyCancelMs', flag: 'early-cancel', unit: 'ms', min: 0, max: 32_000, text: 'how long a CANCEL waits for its INVITE', calm: 0 },
  percent('cancelPercent', 'cancel', 'calls cancelled'),
  percent('lateAnswerPercent', 'late-answer', 'callees that answer 200 to the CANCEL and to the INVITE'),
  percent('silentPercent', 'silent', 'callees that never send anything'),
  percent('vanishPercent', 'vanish', 'callees that ring and are not heard of again'),
  percent('noAnswerPercent', 'unanswered', 'callees that ring for ever'),
  percent('rejectPercent', 'reject', 'callees that answer with a failure'),
  percent('oldPhonePercent', 'old', 'phones of RFC 2543'),
  percent('recordRoutePercent', 'record-route', 'calls whose dialogs go through the proxy', 100),
];

/** The command that repeats a run: every knob that is not at its default, and the seed. */
export function commandOf(knobs: Knobs): string {
  const words = ['npm run sim --'];
  for (const { knob, flag } of KNOB_FLAGS) {
    if (knob === 'seed' || knobs[knob] !== DEFAULT_KNOBS[knob]) words.push(`--${flag} ${knobs[knob]}`);
  }
  if (knobs.key !== DEFAULT_KNOBS.key) words.push(`--key ${knobs.key}`);
  return words.join(' ');
}

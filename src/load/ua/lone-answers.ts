/**
 * Requests outside of a dialog that begin none (REGISTER, OPTIONS, MESSAGE …): answered at once by the steps of their
 * scenario. The answer follows from the request alone, so nothing is kept of it, and a copy of it gets the same answer.
 */
import { M_BYE, M_OPTIONS } from '../../sip/methods.js';
import { L_ANSWERED_UAS, L_RETRANSMISSIONS_SEEN, L_UNEXPECTED, countRefused } from '../metrics.js';
import { OP_CHALLENGE, OP_CHALLENGE_REPLY, OP_CODE, OP_END, OP_MESSAGE, OP_SLOTS, OP_STATUS, type ProgramEntry } from '../scenario/program.js';
import type { Composer } from './composer.js';
import type { UaContext } from './context.js';
import type { Credentials } from './credentials.js';
import type { ScenarioChoice } from './scenario-choice.js';

export class LoneAnswers {
  private readonly ua: UaContext;
  private readonly composer: Composer;
  private readonly credentials: Credentials;
  private readonly choice: ScenarioChoice;

  constructor(ua: UaContext, composer: Composer, credentials: Credentials, choice: ScenarioChoice) {
    this.ua = ua;
    this.composer = composer;
    this.credentials = credentials;
    this.choice = choice;
  }

  /** Answers the scanned request, whose key the call index has made last, to endpoint `peer` from `socket`. */
  answer(peer: number, socket: number): void {
    const { ua } = this;
    const { code, metrics, scan, callIndex } = ua;
    const again = callIndex.seenBefore();
    if (again) metrics[L_RETRANSMISSIONS_SEEN]!++;
    const entry = scan.method === M_BYE ? -1 : this.choice.draw();
    if (entry < 0) {
      // OPTIONS is how peers ask whether we live, and no part of the test.
      if (!again && scan.method !== M_OPTIONS) metrics[L_UNEXPECTED]!++;
      const status = scan.method === M_OPTIONS ? 200 : scan.method === M_BYE ? 481 : 405;
      this.composer.replyToScan(ua.templates.plain[status]!, -1, socket, peer);
      return;
    }
    this.runAlone(ua.program.entries[entry]!, again, peer, socket, code);
  }

  private runAlone(entry: ProgramEntry, again: boolean, peer: number, socket: number, code: Int32Array): void {
    const { ua } = this;
    for (let step = entry.calleeAt + OP_SLOTS; code[step + OP_CODE] !== OP_END; step += OP_SLOTS) {
      const reply = code[step + OP_MESSAGE]!;
      if (code[step + OP_CODE] === OP_CHALLENGE_REPLY) {
        const found = this.credentials.check(ua.program.challenges[code[step + OP_CHALLENGE]!]!);
        if (found === 'good') continue;
        if (found === 'wrong' && !again) countRefused(ua.metrics, ua.callers);
        this.composer.replyToScan(found === 'wrong' ? reply + 1 : reply, -1, socket, peer);
        return;
      }
      this.composer.replyToScan(reply, -1, socket, peer);
      if (code[step + OP_STATUS]! >= 200 && !again) ua.metrics[L_ANSWERED_UAS]!++;
    }
  }
}

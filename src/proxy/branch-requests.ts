/**
 * What the proxy itself sends on a branch beside the request: its CANCEL (RFC 3261 §9.1, §16.10) and the ACK to a failure
 * (§17.1.1.3). Both are made from the request as it was sent, which is kept for retransmission, or from the first ACK.
 *
 * Invariant: at most one CANCEL a branch, and only after a provisional response came on it. Sans-I/O.
 */
import { CF_CANCEL_SENT, CF_CANCEL_WANTED, CF_LOSER, type Core } from './core.js';
import { ascii } from '../sip/chars.js';
import { H_REASON } from '../sip/header-names.js';
import { FIELD_LINE, FIELD_STRIDE } from '../sip/header-fields.js';
import type { MessageView } from '../sip/message.js';
import { M_CANCEL, M_INVITE } from '../sip/methods.js';
import { C_CANCELS_OUT, C_DROP_OUTBOX_FULL, C_REQUESTS_OUT } from '../telemetry/counters.js';
import { S_IC_PROCEEDING } from '../transaction/machines.js';
import {
  C_NEXT,
  C_SERVER,
  F_CLASS,
  F_KEY_HI,
  F_KEY_LO,
  F_LAST,
  F_LAST_BYTES,
  S_FIRST,
  S_REASON,
  S_REASON_BYTES,
} from '../transaction/table.js';

/** Reason of a CANCEL for branches that lost (RFC 3326 §2, RFC 3261 §16.7 step 10). */
const REASON_ELSEWHERE = ascii('Reason: SIP;cause=200;text="Call completed elsewhere"\r\n');

export class BranchRequests {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  /**
   * Sends the ACK to the failure in `core.response` (§17.1.1.3). What is kept of the branch from then on is the ACK: it has all
   * that the ACK to a failure that comes again is made of, and is half as long as the INVITE.
   */
  acknowledge(client: number): void {
    const core = this.#core;
    if (!this.#readSent(client)) return;
    const { composer } = core;
    if (!composer.ack(core.stored, core.response)) return;
    if (core.arena.commit(composer.start, composer.end, core.layer.clientEndpoint(client), -1)) core.counters[C_REQUESTS_OUT]!++;
    else core.counters[C_DROP_OUTBOX_FULL]!++;
    core.layer.keepInstead(client, composer.start, composer.end);
  }

  /** Cancels every branch without a final response; `flag` is CF_LOSER when another one has taken the call, else 0. */
  all(server: number, flag: number): void {
    const core = this.#core;
    if (core.server(server, F_CLASS) !== M_INVITE) return;
    for (let client = core.server(server, S_FIRST); client !== 0; client = core.client(client, C_NEXT)) {
      if (!core.layer.clientIsOpen(client)) continue;
      if (flag !== 0) core.flagClient(client, flag);
      if (core.layer.clientState(client) === S_IC_PROCEEDING) this.send(client);
      else core.flagClient(client, CF_CANCEL_WANTED);
    }
  }

  /** Cancels a branch on which a provisional response has come, once. */
  send(client: number): void {
    const core = this.#core;
    if (core.clientHas(client, CF_CANCEL_SENT)) return;
    core.flagClient(client, CF_CANCEL_SENT);
    core.layer.cancelled(client);
    if (!this.#readSent(client)) return;
    const server = core.client(client, C_SERVER);
    const loser = core.clientHas(client, CF_LOSER);
    const block = server === 0 || loser ? 0 : core.server(server, S_REASON);
    const composed = loser
      ? core.composer.cancel(core.stored, REASON_ELSEWHERE, 0, REASON_ELSEWHERE.length)
      : core.composer.cancel(core.stored, core.arena.bytes, block, block === 0 ? 0 : block + core.server(server, S_REASON_BYTES));
    if (!composed) return;
    const cancel = core.layer.createClient(core.client(client, F_KEY_LO), core.client(client, F_KEY_HI), M_CANCEL);
    if (cancel === 0) {
      // No room for a transaction: once is better than not at all.
      if (core.arena.commit(core.composer.start, core.composer.end, core.layer.clientEndpoint(client), -1)) core.counters[C_CANCELS_OUT]!++;
      else core.counters[C_DROP_OUTBOX_FULL]!++;
      return;
    }
    core.layer.setClientEndpoint(cancel, core.layer.clientEndpoint(client));
    if (core.layer.sendRequest(cancel, core.composer.start, core.composer.end)) core.counters[C_CANCELS_OUT]!++;
    else core.layer.endClient(cancel);
  }

  /** Reads the request that was sent on a branch back into `core.stored`. */
  #readSent(client: number): boolean {
    const core = this.#core;
    const block = core.client(client, F_LAST);
    if (block === 0) return false;
    return core.stored.parse(core.arena.bytes, block, block + core.client(client, F_LAST_BYTES)) === 0;
  }

  /** Keeps the Reason headers of the caller's CANCEL, of which each protocol may have one, for those of the branches (RFC 3326). */
  keepReason(server: number, cancel: MessageView): void {
    const core = this.#core;
    let length = 0;
    for (let field = cancel.nextField(H_REASON, -1); field >= 0; field = cancel.nextField(H_REASON, field)) {
      length += cancel.lineEnd(field) - cancel.fields[field * FIELD_STRIDE + FIELD_LINE]!;
    }
    if (length === 0) return;
    const block = core.arena.store.allocate(length);
    if (block === 0) return;
    let at = block;
    for (let field = cancel.nextField(H_REASON, -1); field >= 0; field = cancel.nextField(H_REASON, field)) {
      const start = cancel.fields[field * FIELD_STRIDE + FIELD_LINE]!;
      const end = cancel.lineEnd(field);
      core.arena.bytes.copyWithin(at, start, end);
      at += end - start;
    }
    core.setServer(server, S_REASON, block);
    core.setServer(server, S_REASON_BYTES, length);
  }
}

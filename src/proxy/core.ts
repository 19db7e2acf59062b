/**
 * What the parts of the proxy core share: memory, tables, views, plans, counters. One `Core` is one shard's; it is made by
 * the engine and handed to the parts, so that each part is a class with one concern and none reaches through another.
 * Sans-I/O.
 */
import { Arena, type ArenaMemory } from './arena.js';
import { Composer } from './composer.js';
import { EditPlan } from './edit-plan.js';
import { MergedRequests } from './merged-requests.js';
import { Listeners } from './next-hop.js';
import type { EngineLog, EngineOptions, Outbox } from './ports.js';
import type { Routes } from '../script/api.js';
import { MAX_CHANGES } from '../script/message-headers.js';
import { MessageView } from '../sip/message.js';
import { type KeyHasher, branchHasher, upstreamHasher } from '../transaction/key.js';
import type { TransactionLayer } from '../transaction/layer.js';
import { F_FLAGS, RECORD_STRIDE } from '../transaction/table.js';

/** Header fields that a message has more when it goes out than when it came in: ours, and those of the script. */
const ADDED_FIELDS = MAX_CHANGES + 16;

/** What the engine is handed. */
export interface EnginePorts {
  readonly outbox: Outbox;
  /** One block of counters, see telemetry/counters.ts. */
  readonly counters: Float64Array;
  readonly log: EngineLog;
  /** Memory for messages, shared with the outbox; absent: the engine makes its own. */
  readonly memory?: ArenaMemory;
}

// Flags of a server transaction's response context
/** A CANCEL came. */
export const SF_CANCELLED = 1;
/** A handler of its script is awaiting something. */
export const SF_SUSPENDED = 2;
/** A handler is running right now: what follows from its calls waits until it returns. */
export const SF_IN_HANDLER = 4;
/** All branches have ended while a handler was running. */
export const SF_CONCLUDE = 8;
/** A context is kept for later handlers. */
export const SF_KEPT = 16;
/** A CANCEL that waits for its INVITE. */
export const SF_HELD = 32;
/** The request has been here before: what is sent on for it carries a loop part. */
export const SF_SEEN_BEFORE = 64;

// Flags of a client transaction
/** To be cancelled as soon as a provisional response comes (§9.1). */
export const CF_CANCEL_WANTED = 1;
/** The CANCEL has been sent. */
export const CF_CANCEL_SENT = 2;
/** Cancelled by the proxy because another branch answered. */
export const CF_LOSER = 4;
/** Has had its final response, or ended without one: it is not pending any more. */
export const CF_DONE = 8;

export class Core {
  readonly options: EngineOptions;
  readonly counters: Float64Array;
  readonly log: EngineLog;
  readonly arena: Arena;
  /** Set by the engine, since its user is made of the core. */
  layer!: TransactionLayer;
  readonly composer: Composer;
  readonly listeners: Listeners;
  readonly upstreamHasher: KeyHasher;
  readonly branchHasher: KeyHasher;
  /** Only where all requests of a Call-ID come here. */
  readonly merged: MergedRequests | undefined;
  /** Edits of the message being composed. Filled and applied within one call. */
  readonly plan = new EditPlan();
  /** A plan that stays empty. */
  readonly noEdits = new EditPlan();
  /** The response at hand: the one that came in, or the best one read back. */
  readonly response: MessageView;
  /** A stored message being read back: a request of ours, or one that is being answered. */
  readonly stored: MessageView;
  routes: Routes;

  constructor(options: EngineOptions, ports: EnginePorts, routes: Routes) {
    this.options = options;
    this.counters = ports.counters;
    this.log = ports.log;
    this.routes = routes;
    this.arena = new Arena(ports.outbox, options.limits.storeBytes, ports.memory);
    this.composer = new Composer(this.arena, ports.counters, options);
    this.listeners = new Listeners(options.listeners);
    this.upstreamHasher = upstreamHasher(options.secret);
    this.branchHasher = branchHasher(options.secret);
    this.merged = options.shardingKey === 'call-id' ? new MergedRequests(this.upstreamHasher, options.limits.transactions) : undefined;
    this.response = new MessageView(options.limits.headers);
    this.stored = new MessageView(options.limits.headers + ADDED_FIELDS);
  }

  /** Field of a server transaction. */
  server(id: number, field: number): number {
    return this.layer.servers.records[id * RECORD_STRIDE + field]!;
  }

  setServer(id: number, field: number, value: number): void {
    this.layer.servers.records[id * RECORD_STRIDE + field] = value;
  }

  /** Field of a client transaction. */
  client(id: number, field: number): number {
    return this.layer.clients.records[id * RECORD_STRIDE + field]!;
  }

  setClient(id: number, field: number, value: number): void {
    this.layer.clients.records[id * RECORD_STRIDE + field] = value;
  }

  serverHas(id: number, flag: number): boolean {
    return (this.server(id, F_FLAGS) & flag) !== 0;
  }

  flagServer(id: number, flag: number): void {
    this.setServer(id, F_FLAGS, this.server(id, F_FLAGS) | flag);
  }

  unflagServer(id: number, flag: number): void {
    this.setServer(id, F_FLAGS, this.server(id, F_FLAGS) & ~flag);
  }

  clientHas(id: number, flag: number): boolean {
    return (this.client(id, F_FLAGS) & flag) !== 0;
  }

  flagClient(id: number, flag: number): void {
    this.setClient(id, F_FLAGS, this.client(id, F_FLAGS) | flag);
  }
}

/**
 * Keeps the shards alive: starts each one, waits until all are ready, starts another on the same rings when one dies, and
 * stops them. Knows nothing of rings and sockets; what it starts and how it waits is handed in. Main thread.
 *
 * Invariant: at most one life of a shard runs at a time, so its ring always has a single reader.
 */
import type { EngineLog } from '../proxy/ports.js';
import { errorCode, errorText, type FromShard, type ToShard } from '../shard/control-message.js';
import { RestartPolicy } from './restart-policy.js';
import { StartError } from './start-error.js';

/** One run of one shard, from its start to its stop or crash. */
export interface ShardLife {
  /** Resolves when the shard was stopped, rejects when it crashed. */
  readonly ended: Promise<void>;
  /** Sends a control message, and wakes the shard for it. */
  post(message: ToShard): void;
  /** Lets go of everything that this life alone used. Called once, after `ended`. */
  release(): void;
}

/** What the supervisor needs from its surroundings. */
export interface SupervisorPorts {
  readonly shards: number;
  readonly log: EngineLog;
  /** Starts shard `shard`; its reports go to `onReport` until the life has ended. */
  start(shard: number, onReport: (message: FromShard) => void): ShardLife;
  /** A shard died and will be replaced (for the counter). */
  onCrash(shard: number): void;
  /** The replacement of a dead shard takes messages. */
  onReplaced(shard: number): void;
  /** Monotonic milliseconds. */
  nowMs(): number;
  /** Calls `fire` in `delayMs`; the returned function cancels it. */
  after(delayMs: number, fire: () => void): () => void;
}

interface Slot {
  readonly policy: RestartPolicy;
  life: ShardLife | undefined;
  /** A life of this shard has been ready once: from then on a crash means a replacement, not a failed start. */
  wasReady: boolean;
  /** The present life is ready. */
  ready: boolean;
  startedMs: number;
  failure: Extract<FromShard, { type: 'failed' }> | undefined;
  cancelRestart: (() => void) | undefined;
}

interface Reload {
  waitingFor: Set<number>;
  error: { code: string; message: string } | undefined;
  settle: () => void;
}

/** The supervisor of all shards of one server. */
export class Supervisor {
  private readonly ports: SupervisorPorts;
  private readonly slots: Slot[] = [];
  private readonly reloads = new Map<number, Reload>();
  private reloadId = 0;
  private stopping = false;
  private onAllReady: (() => void) | undefined;
  private onStartFailed: ((error: StartError) => void) | undefined;
  private onAllEnded: (() => void) | undefined;

  constructor(ports: SupervisorPorts) {
    this.ports = ports;
    for (let i = 0; i < ports.shards; i++) {
      this.slots.push({
        policy: new RestartPolicy(),
        life: undefined,
        wasReady: false,
        ready: false,
        startedMs: 0,
        failure: undefined,
        cancelRestart: undefined,
      });
    }
  }

  /** Starts every shard; resolves when all are ready, rejects with `StartError` as soon as one cannot start. */
  startAll(): Promise<void> {
    const started = new Promise<void>((resolve, reject) => {
      this.onAllReady = resolve;
      this.onStartFailed = reject;
    });
    for (let shard = 0; shard < this.slots.length; shard++) this.start(shard);
    return started;
  }

  /** Sends a control message to one shard; nothing happens while it is being replaced. */
  post(shard: number, message: ToShard): void {
    this.slots[shard]?.life?.post(message);
  }

  /** Sends a control message to every shard that lives. */
  broadcast(message: ToShard): void {
    for (const slot of this.slots) slot.life?.post(message);
  }

  /** True when shard `shard` runs and is ready. */
  isReady(shard: number): boolean {
    return this.slots[shard]?.ready ?? false;
  }

  /**
   * Hands every shard a new script and waits for their answers; one that is just starting takes it as its first message.
   * A shard that dies meanwhile counts as done: its replacement starts with whatever `start` gives it. Rejects with the first error; the shards that failed keep the old
   * script.
   */
  async reload(message: Omit<Extract<ToShard, { type: 'reload' }>, 'id' | 'type'>): Promise<void> {
    const id = ++this.reloadId;
    const waitingFor = new Set<number>();
    for (let shard = 0; shard < this.slots.length; shard++) if (this.slots[shard]!.life !== undefined) waitingFor.add(shard);
    if (waitingFor.size === 0) return;
    const reload: Reload = { waitingFor, error: undefined, settle: () => undefined };
    const settled = new Promise<void>((resolve) => (reload.settle = resolve));
    this.reloads.set(id, reload);
    for (const shard of waitingFor) this.post(shard, { type: 'reload', id, ...message });
    await settled;
    this.reloads.delete(id);
    if (reload.error !== undefined) throw new StartError(reload.error.code, reload.error.message);
  }

  /** From here on a shard that ends is not replaced. */
  keepDown(): void {
    this.stopping = true;
    for (const slot of this.slots) {
      slot.cancelRestart?.();
      slot.cancelRestart = undefined;
    }
  }

  /**
   * Tells every shard to stop, and replaces none; resolves when all have ended. The caller bounds the wait: a shard that
   * is stuck in its script ends only with its thread.
   */
  stopAll(): Promise<void> {
    this.keepDown();
    if (this.living() === 0) return Promise.resolve();
    const ended = new Promise<void>((resolve) => (this.onAllEnded = resolve));
    this.broadcast({ type: 'stop' });
    return ended;
  }

  private living(): number {
    let count = 0;
    for (const slot of this.slots) if (slot.life !== undefined) count++;
    return count;
  }

  private start(shard: number): void {
    const slot = this.slots[shard]!;
    slot.cancelRestart = undefined;
    slot.failure = undefined;
    slot.startedMs = this.ports.nowMs();
    const life = this.ports.start(shard, (message) => this.report(shard, message));
    slot.life = life;
    life.ended.then(
      () => this.ended(shard, life, undefined),
      (error: unknown) => this.ended(shard, life, error),
    );
  }

  private report(shard: number, message: FromShard): void {
    const slot = this.slots[shard]!;
    switch (message.type) {
      case 'ready':
        slot.ready = true;
        if (slot.wasReady) {
          this.ports.log.info({ shard }, 'shard replaced: it takes messages again');
          this.ports.onReplaced(shard);
        }
        slot.wasReady = true;
        if (this.slots.every((other) => other.ready)) this.onAllReady?.();
        break;
      case 'failed':
        slot.failure = message;
        break;
      case 'reloaded':
        this.reloaded(shard, message.id, message.error);
        break;
    }
  }

  private reloaded(shard: number, id: number, error: Reload['error']): void {
    const reload = this.reloads.get(id);
    if (reload === undefined || !reload.waitingFor.delete(shard)) return;
    reload.error ??= error;
    if (reload.waitingFor.size === 0) reload.settle();
  }

  private ended(shard: number, life: ShardLife, error: unknown): void {
    const slot = this.slots[shard]!;
    life.release();
    slot.life = undefined;
    slot.ready = false;
    for (const id of [...this.reloads.keys()]) this.reloaded(shard, id, undefined);
    if (this.stopping) {
      this.onStartFailed?.(new StartError('VD_STOPPED', 'stopped while starting'));
      if (this.living() === 0) this.onAllEnded?.();
      return;
    }
    const cause = error ?? new Error('the shard ended although nobody stopped it');
    const code = slot.failure?.code ?? errorCode(cause);
    const text = slot.failure?.message ?? errorText(cause);
    if (!slot.wasReady) {
      this.onStartFailed?.(new StartError(code, text, { cause }));
      return;
    }
    this.ports.onCrash(shard);
    const delayMs = slot.policy.delayMs(this.ports.nowMs() - slot.startedMs);
    this.ports.log.error({ shard, code, err: cause, restartInMs: delayMs }, `shard died: ${text}`);
    slot.cancelRestart = this.ports.after(delayMs, () => this.start(shard));
  }
}

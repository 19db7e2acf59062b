import { describe, expect, it } from 'vitest';
import { RestartPolicy } from '../../../src/main/restart-policy.js';
import { Supervisor, type ShardLife } from '../../../src/main/supervisor.js';
import { StartError } from '../../../src/main/start-error.js';
import type { FromShard, ToShard } from '../../../src/shard/control-message.js';

class FakeLife implements ShardLife {
  readonly ended: Promise<void>;
  readonly posted: ToShard[] = [];
  released = 0;
  private settle!: { resolve: () => void; reject: (error: unknown) => void };

  constructor(readonly shard: number, readonly report: (message: FromShard) => void) {
    this.ended = new Promise((resolve, reject) => (this.settle = { resolve, reject }));
  }

  post(message: ToShard): void {
    this.posted.push(message);
  }
  release(): void {
    this.released++;
  }
  end(): Promise<void> {
    this.settle.resolve();
    return turn();
  }
  crash(text = 'boom'): Promise<void> {
    this.settle.reject(new Error(text));
    return turn();
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class Stage {
  readonly lives: FakeLife[] = [];
  readonly crashes: number[] = [];
  readonly replaced: number[] = [];
  readonly errors: string[] = [];
  readonly timers: { delayMs: number; fire: () => void }[] = [];
  nowMs = 0;
  readonly supervisor: Supervisor;

  constructor(shards: number) {
    this.supervisor = new Supervisor({
      shards,
      log: { error: (_fields, text) => this.errors.push(text), warn: () => {}, info: () => {}, debug: () => {} },
      start: (shard, report) => {
        const life = new FakeLife(shard, report);
        this.lives.push(life);
        return life;
      },
      onCrash: (shard) => this.crashes.push(shard),
      onReplaced: (shard) => this.replaced.push(shard),
      nowMs: () => this.nowMs,
      after: (delayMs, fire) => {
        const timer = { delayMs, fire };
        this.timers.push(timer);
        return () => {
          this.timers.splice(this.timers.indexOf(timer), 1);
        };
      },
    });
  }

  async started(): Promise<void> {
    const started = this.supervisor.startAll();
    for (const life of this.lives) life.report({ type: 'ready' });
    await started;
  }

  fireTimer(): void {
    this.timers.shift()!.fire();
  }
}

describe('supervisor', () => {
  it('has started when every shard is ready', async () => {
    const stage = new Stage(2);
    let done = false;
    const started = stage.supervisor.startAll().then(() => (done = true));
    stage.lives[1]!.report({ type: 'ready' });
    await turn();
    expect(done).toBe(false);
    stage.lives[0]!.report({ type: 'ready' });
    await started;
  });

  it('fails to start with the code and text that the shard reported', async () => {
    const stage = new Stage(2);
    const started = stage.supervisor.startAll();
    stage.lives[0]!.report({ type: 'ready' });
    stage.lives[1]!.report({ type: 'failed', code: 'VD_SCRIPT_LOAD', message: 'routes.ts:3: no' });
    void stage.lives[1]!.crash('worker exited with code: 1');
    const error = await started.then(() => undefined, (reason: unknown) => reason);
    expect(error).toBeInstanceOf(StartError);
    expect(error).toMatchObject({ code: 'VD_SCRIPT_LOAD', message: 'routes.ts:3: no' });
  });

  it('replaces a shard that dies, counts it, and leaves the others alone', async () => {
    const stage = new Stage(2);
    await stage.started();
    stage.nowMs = 60_000;
    await stage.lives[1]!.crash();
    expect(stage.crashes).toEqual([1]);
    expect(stage.lives[1]!.released).toBe(1);
    expect(stage.timers.map((timer) => timer.delayMs)).toEqual([0]);
    stage.fireTimer();
    expect(stage.lives.map((life) => life.shard)).toEqual([0, 1, 1]);
    expect(stage.supervisor.isReady(1)).toBe(false);
    expect(stage.replaced).toEqual([]);
    stage.lives[2]!.report({ type: 'ready' });
    expect(stage.supervisor.isReady(1)).toBe(true);
    expect(stage.replaced).toEqual([1]);
  });

  it('replaces a shard that ended although nobody stopped it', async () => {
    const stage = new Stage(1);
    await stage.started();
    await stage.lives[0]!.end();
    expect(stage.crashes).toEqual([0]);
  });

  it('keeps replacing a shard whose replacement dies before it is ready', async () => {
    const stage = new Stage(1);
    await stage.started();
    for (let i = 0; i < 3; i++) {
      await stage.lives.at(-1)!.crash();
      stage.fireTimer();
    }
    expect(stage.crashes.length).toBe(3);
    expect(stage.lives.length).toBe(4);
  });

  it('sends stop to every shard, waits for all, and replaces none', async () => {
    const stage = new Stage(2);
    await stage.started();
    let done = false;
    const stopped = stage.supervisor.stopAll().then(() => (done = true));
    expect(stage.lives.map((life) => life.posted.at(-1)?.type)).toEqual(['stop', 'stop']);
    await stage.lives[0]!.end();
    expect(done).toBe(false);
    await stage.lives[1]!.crash();
    await stopped;
    expect(stage.timers).toEqual([]);
    expect(stage.crashes).toEqual([]);
  });

  it('stops while a replacement is being waited for', async () => {
    const stage = new Stage(1);
    await stage.started();
    await stage.lives[0]!.crash();
    await stage.supervisor.stopAll();
    expect(stage.timers).toEqual([]);
  });

  it('reload settles when all have answered, with the first error', async () => {
    const stage = new Stage(2);
    await stage.started();
    const script = { file: '/routes.ts', code: '', inputs: [] };
    const reloaded = stage.supervisor.reload({ script });
    const sent = stage.lives[0]!.posted[0] as Extract<ToShard, { type: 'reload' }>;
    expect(sent.type).toBe('reload');
    stage.lives[0]!.report({ type: 'reloaded', id: sent.id, error: { code: 'VD_SCRIPT_LOAD', message: 'no' } });
    stage.lives[1]!.report({ type: 'reloaded', id: sent.id });
    await expect(reloaded).rejects.toMatchObject({ code: 'VD_SCRIPT_LOAD' });
  });

  it('reload does not wait for a shard that dies meanwhile', async () => {
    const stage = new Stage(1);
    await stage.started();
    const reloaded = stage.supervisor.reload({ script: { file: '/routes.ts', code: '', inputs: [] } });
    await stage.lives[0]!.crash();
    await reloaded;
  });
});

describe('restart policy', () => {
  it('restarts at once after a healthy life', () => {
    const policy = new RestartPolicy();
    expect(policy.delayMs(60_000)).toBe(0);
    expect(policy.delayMs(60_000)).toBe(0);
  });

  it('waits longer and longer while a shard keeps dying, up to a bound', () => {
    const policy = new RestartPolicy();
    const delays = Array.from({ length: 40 }, () => policy.delayMs(5));
    expect(delays.slice(0, 4)).toEqual([0, 100, 200, 400]);
    expect(delays.at(-1)).toBe(5_000);
    expect(policy.delayMs(60_000)).toBe(0);
  });
});

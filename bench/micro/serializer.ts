/**
 * Composing what goes out, from a message that has been parsed: a request with our Via, Record-Route and one hop less, a response
 * without our Via, and a 100 of our own. What is copied is most of it.
 */
import { Arena, ARENA_OVERHEAD_BYTES } from '../../src/proxy/arena.js';
import { Composer, ForwardParams } from '../../src/proxy/composer.js';
import { EditPlan } from '../../src/proxy/edit-plan.js';
import type { EngineOptions, Outbox } from '../../src/proxy/ports.js';
import { planTopViaRemoval } from '../../src/proxy/via-removal.js';
import { ascii } from '../../src/sip/chars.js';
import { FIELD_END, FIELD_STRIDE, FIELD_VALUE } from '../../src/sip/header-fields.js';
import { MessageView } from '../../src/sip/message.js';
import { reasonBytes } from '../../src/sip/reasons.js';
import { COUNTER_COUNT } from '../../src/telemetry/counters.js';
import { COPIES, placeMessages, type PlacedMessage } from '../workloads/placed-messages.js';
import { PROXY, REQUESTS, RESPONSES } from '../workloads/sized-messages.js';
import { consume, groupOfTasks, type Task } from './benchmark.js';

const SEND_BYTES = 1 << 18;
const STORE_BYTES = 4 << 20;
const HOPS = ascii('69');
const NO_EDITS = new EditPlan();

/** A send queue that is filled from its front, over and over. */
class FrontOutbox implements Outbox {
  readonly bytes = new Uint8Array(new SharedArrayBuffer(SEND_BYTES + ARENA_OVERHEAD_BYTES + STORE_BYTES));
  #top = 0;

  reserve(maxBytes: number): number {
    if (this.#top + maxBytes > SEND_BYTES) this.#top = 0;
    return this.#top;
  }

  commit(_start: number, end: number): void {
    this.#top = (end + 8) & ~7;
  }

  send(): boolean {
    return true;
  }

  offer(): boolean {
    return false;
  }
}

const OPTIONS: EngineOptions = {
  shard: 0,
  shards: 1,
  node: 0,
  secret: Uint32Array.from([1, 2, 3, 4]),
  listeners: [{ family: 4, sentBy: PROXY, ours: [{ host: '192.0.2.10', port: 5060 }] }],
  timers: { t1Ms: 500, t2Ms: 4000, t4Ms: 5000, timerCMs: 185_000, timerDMs: 32_000 },
  limits: { transactions: 1, branches: 1, storeBytes: STORE_BYTES, datagramBytes: 65_507, headers: 256, targets: 32, heldCancels: 1 },
  serverHeader: 'Viaduct',
  maxForwards: 70,
  earlyCancelMs: 50,
  maxBreadth: 60,
  shardingKey: 'transaction',
};

const ENDPOINT = { listener: 0, family: 4, port: 5060, a0: 0xc0000204 | 0, a1: 0, a2: 0, a3: 0, connection: 0 };

function tasks(): Task[] {
  const outbox = new FrontOutbox();
  const { bytes: memory } = outbox;
  const arena = new Arena(outbox, STORE_BYTES, { bytes: memory, start: SEND_BYTES, end: memory.length });
  const composer = new Composer(arena, new Float64Array(COUNTER_COUNT), OPTIONS);
  const plan = new EditPlan();
  const params = new ForwardParams();
  params.recordRoute = true;
  params.lo = 0x12345678;
  params.hi = 0x76543210;

  const parsed = ({ bytes, starts, isRequest }: PlacedMessage): MessageView[] =>
    Array.from(starts, (start) => {
      const view = new MessageView(64);
      view.parse(memory, start, start + bytes.length);
      if (isRequest) view.validateRequest();
      else view.validateResponse();
      return view;
    });
  const send = (): void => {
    consume(composer.end);
    arena.commit(composer.start, composer.end, ENDPOINT, -1);
  };

  const placed = placeMessages([...REQUESTS, ...RESPONSES], memory, SEND_BYTES + ARENA_OVERHEAD_BYTES + (1 << 20));
  const list: Task[] = placed.map((message) => {
    const views = parsed(message);
    const { name, bytes, isRequest } = message;
    return {
      name: `forward ${name}`,
      operations: COPIES,
      bytes: bytes.length,
      run: isRequest
        ? () => {
            for (const view of views) {
              plan.clear();
              const slot = view.maxForwards * FIELD_STRIDE;
              const start = view.fields[slot + FIELD_VALUE]!;
              plan.add(start, view.fields[slot + FIELD_END]! - start, HOPS, HOPS.length);
              composer.forwardRequest(view, params, plan);
              send();
            }
          }
        : () => {
            for (const view of views) {
              plan.clear();
              planTopViaRemoval(view, plan);
              composer.forwardResponse(view, plan, 0);
              send();
            }
          },
    };
  });
  const empty = new Uint8Array(0);
  for (const message of [placed[1]!, placed[4]!]) {
    const views = parsed(message);
    list.push({
      name: `answer 100 to ${message.name}`,
      operations: COPIES,
      bytes: message.bytes.length,
      run: () => {
        for (const view of views) {
          composer.reply(view, 100, reasonBytes(100), 0, 0, NO_EDITS, empty, empty, empty);
          send();
        }
      },
    });
  }
  return list;
}

export const serializer = groupOfTasks('serializer', 'what goes out, composed from a parsed message', tasks);

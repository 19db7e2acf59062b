/** The shard router: from the bytes of a message to its shard and transaction key. The main thread does this for every datagram. */
import { ShardRouter, type ShardRouterOptions } from '../../src/main/shard-router.js';
import { createPacketMeta } from '../../src/ring/layout.js';
import { COPIES, placeMessages, type PlacedMessage } from '../workloads/placed-messages.js';
import { MESSAGES, REQUESTS, type SizedMessage } from '../workloads/sized-messages.js';
import { consume, groupOfTasks, type Task } from './benchmark.js';

const OPTIONS: ShardRouterOptions = { shards: 4, node: 0, secret: Uint32Array.from([1, 2, 3, 4]), key: 'transaction' };

function routing(message: PlacedMessage, how: string, options: ShardRouterOptions): Task {
  const { name, bytes, memory, starts } = message;
  const router = new ShardRouter(options);
  const meta = createPacketMeta();
  return {
    name: `${how}${name}`,
    operations: COPIES,
    bytes: bytes.length,
    run: () => {
      for (let i = 0; i < COPIES; i++) consume(router.route(memory, starts[i]!, starts[i]! + bytes.length, meta) + meta.keyLo);
    },
  };
}

/** Without the magic cookie, as RFC 2543 phones send it: the whole message has to be parsed. */
function rfc2543(message: SizedMessage): SizedMessage {
  const text = new TextDecoder().decode(message.bytes).replace(/branch=z9hG4bK/, 'branch=1');
  return { ...message, bytes: new TextEncoder().encode(text) };
}

export const routerKey = groupOfTasks('router-key', 'shard and transaction key, from the bytes of a message', () => [
  ...placeMessages(MESSAGES).map((message) => routing(message, '', OPTIONS)),
  ...placeMessages([REQUESTS[1]!]).map((message) => routing(message, 'by Call-ID: ', { ...OPTIONS, key: 'call-id' })),
  ...placeMessages([rfc2543(REQUESTS[1]!)]).map((message) => routing(message, 'RFC 2543: ', OPTIONS)),
]);

/**
 * The counters of one shard (and of the main thread): names, units, meaning.
 *
 * Every counter is one float64 in a block of shared memory with a single writer, so incrementing is a plain
 * `counters[C_X]++` and reading from another thread never tears on the 64-bit platforms we run on. Adding a counter is
 * adding a row here: the index constants below, the table that `viaduct stats` prints and the docs follow from it.
 *
 * Sans-I/O: imported by the core and by everything around it.
 */

export interface CounterInfo {
  readonly name: string;
  /** `count` only grows; `gauge` is a present value; `peak` the largest one lately, of all threads together the largest. */
  readonly kind: 'count' | 'gauge' | 'peak';
  readonly help: string;
}

const rows: CounterInfo[] = [];

function counter(name: string, help: string, kind: CounterInfo['kind'] = 'count'): number {
  return rows.push({ name, kind, help }) - 1;
}

// Traffic
export const C_REQUESTS_IN = counter('requestsIn', 'requests taken from the ring, retransmissions included');
export const C_RESPONSES_IN = counter('responsesIn', 'responses taken from the ring');
export const C_REQUESTS_OUT = counter('requestsOut', 'requests sent, retransmissions included');
export const C_RESPONSES_OUT = counter('responsesOut', 'responses sent, retransmissions included');
export const C_KEEPALIVES_IN = counter('keepalivesIn', 'CRLF, NUL and STUN keep-alive datagrams taken and ignored');
// Transactions
export const C_SERVER_TX = counter('serverTransactions', 'server transactions created');
export const C_CLIENT_TX = counter('clientTransactions', 'client transactions created');
export const C_SERVER_TX_ALIVE = counter('serverTransactionsAlive', 'server transactions in the table now', 'gauge');
export const C_CLIENT_TX_ALIVE = counter('clientTransactionsAlive', 'client transactions in the table now', 'gauge');
export const C_RETRANSMISSIONS_IN = counter('retransmissionsIn', 'request retransmissions absorbed by a server transaction');
export const C_RESPONSE_RETRANSMISSIONS_IN = counter('responseRetransmissionsIn', 'response retransmissions absorbed by a client transaction');
export const C_RETRANSMISSIONS_OUT = counter('retransmissionsOut', 'requests and responses sent again by a timer');
export const C_TIMEOUTS = counter('timeouts', 'client transactions that ended by Timer B, C or F');
export const C_ACK_TIMEOUTS = counter('ackTimeouts', 'INVITE server transactions that ended by Timer H (no ACK came)');
export const C_CANCELS_MATCHED = counter('cancelsMatched', 'CANCEL requests that matched an INVITE server transaction');
export const C_CANCELS_UNMATCHED = counter('cancelsUnmatched', 'CANCEL requests that matched no transaction');
export const C_CANCELS_HELD = counter('cancelsHeld', 'CANCEL requests held because their INVITE had not come yet');
export const C_CANCELS_HELD_MATCHED = counter('cancelsHeldMatched', 'of those: the INVITE came in time, and was answered 487');
export const C_CANCELS_HELD_NOW = counter('cancelsHeldNow', 'CANCEL requests held now', 'gauge');
export const C_CANCELS_NOT_HELD = counter('cancelsNotHeld', 'CANCEL requests not held, because as many as allowed were');
export const C_CANCELS_OUT = counter('cancelsOut', 'CANCEL requests sent to branches');
export const C_ACKS_UNMATCHED = counter('acksUnmatched', 'ACK requests handed to the script: one for each answered call, the ACK to its 2xx');
export const C_ACKS_DROPPED = counter('acksDropped', 'ACK requests that ended here: the script did not relay them, or they were to a failure of our own');
export const C_OFFERS_OUT = counter('offersOut', 'CANCEL and ACK requests offered to another shard');
export const C_OFFERS_MATCHED = counter('offersMatched', 'offered CANCEL and ACK requests that matched here');
export const C_STATELESS_RESPONSES = counter('statelessResponses', 'responses forwarded statelessly: the branch proved to be ours');
// Script
export const C_SCRIPT_RUNS = counter('scriptRuns', 'runs of the request handler');
export const C_SCRIPT_ERRORS = counter('scriptErrors', 'script handlers that threw or rejected, and what a script left uncaught');
export const C_SCRIPT_SUSPENDED = counter('scriptSuspended', 'handlers of the script that are awaiting something now, also those whose transaction is over', 'gauge');
export const C_SCRIPT_LATE = counter('scriptLate', 'relay() or reply() of a script after its transaction was answered: refused');
export const C_SCRIPT_NO_ACTION = counter('scriptNoAction', 'request handlers that ended without relay() or reply(): answered 500');
// Answers of our own
export const C_REPLY_1XX = counter('replies1xx', 'provisional responses of our own');
export const C_REPLY_2XX = counter('replies2xx', '2xx responses of our own, 200 to CANCEL included');
export const C_REPLY_3XX = counter('replies3xx', '3xx responses of our own');
export const C_REPLY_4XX = counter('replies4xx', '4xx responses of our own');
export const C_REPLY_5XX = counter('replies5xx', '5xx responses of our own');
export const C_REPLY_6XX = counter('replies6xx', '6xx responses of our own');
// Drops, by cause
export const C_DROP_MALFORMED_REQUEST = counter('dropMalformedRequest', 'requests too broken to answer');
export const C_DROP_MALFORMED_RESPONSE = counter('dropMalformedResponse', 'responses that do not parse');
export const C_DROP_NOT_SIP = counter('dropNotSip', 'datagrams that are no SIP message');
export const C_DROP_FORGED_RESPONSE = counter('dropForgedResponse', 'responses whose branch is not one of ours');
export const C_DROP_LATE_RESPONSE = counter('dropLateResponse', 'responses that came after the final one');
export const C_DROP_LAST_VIA = counter('dropLastVia', 'responses with no Via left below ours');
export const C_DROP_BAD_ADDRESS = counter('dropBadAddress', 'messages bound for a broadcast, multicast or unusable address');
export const C_DROP_UNANSWERABLE = counter('dropUnanswerable', 'responses not sent because the top Via names no usable address');
export const C_DROP_TABLE_FULL = counter('dropTableFull', 'requests refused (503) or dropped because a table was full');
export const C_DROP_TOO_LONG = counter('dropTooLong', 'messages that would exceed the largest datagram when forwarded');
export const C_DROP_OUTBOX_FULL = counter('dropOutboxFull', 'messages not sent because the send queue was full');
export const C_DROP_SEND_ERROR = counter('dropSendError', 'datagrams that the kernel refused to send');
export const C_BAD_REQUESTS = counter('badRequests', 'requests answered 400, 416, 420, 482, 483 or 505 by the engine itself');
export const C_LOOPS_DETECTED = counter('loopsDetected', 'requests that came back unchanged: answered 482, an ACK dropped');
export const C_MERGED_REQUESTS = counter('mergedRequests', 'requests answered 482 because the same one had come another way (`sharding.key: call-id`)');
export const C_BREADTH_EXCEEDED = counter('breadthExceeded', 'targets not tried because Max-Breadth was used up');
// Loop
export const C_WAKEUPS = counter('wakeups', 'times the thread woke from its sleep');
export const C_BATCHES = counter('batches', 'batches of messages processed');
export const C_LONGEST_PAUSE = counter('longestPauseMs', 'longest time for which a busy shard did not look at its ring (`shards: 0`: the main thread at its sockets), in the last 10 to 20 seconds, milliseconds', 'peak');
export const C_LOOP_ERRORS = counter('loopErrors', 'broken invariants caught by the loop');
// Sockets (shards send for themselves with the batch driver)
export const C_DATAGRAMS_IN = counter('datagramsIn', 'datagrams received from the sockets');
export const C_DATAGRAMS_OUT = counter('datagramsOut', 'datagrams handed to the kernel');
export const C_DROP_RING_FULL = counter('dropRingFull', 'datagrams dropped because the ring of a shard was full (`shards: 0`: because a dead engine was not replaced yet)');
export const C_DROP_TRUNCATED = counter('dropTruncated', 'datagrams longer than the receive buffer');
export const C_SHARD_RESTARTS = counter('shardRestarts', 'shards that died and were replaced (`shards: 0`: engines)');

/** All counters in block order: `COUNTERS[C_X]` describes `block[C_X]`. */
export const COUNTERS: readonly CounterInfo[] = rows;

/** float64 slots that one block takes. */
export const COUNTER_COUNT = rows.length;

/**
 * Puts the user agents of one load thread together: memory, program, templates, agent. Sockets are given, so that tests
 * build the same agents over a network of their own.
 */
import { SEND_ARENA_BYTES } from '../../net/udp-batch-sender.js';
import { RECEIVE_BYTES, type LoadIo, type LoadMemory } from '../io/load-io.js';
import type { LoadOptions } from '../options.js';
import { type Random } from '../random.js';
import { compileScenarios, longestWaitMs, type WeightedScenario } from '../scenario/compile.js';
import { LoadAgent } from './agent.js';
import { SETUP_SLOTS } from './context.js';
import type { Endpoints } from './endpoints.js';
import { FAILED_SLOTS } from './failed-calls.js';
import { createIdentity } from './identity.js';
import { Literals } from './template-writer.js';
import { buildTemplates, type UaSocket } from './templates.js';
import { UserNames } from './users.js';

/** User-Agent and Server. */
const AGENT = 'Viaduct-load';
/** Calls of one thread, both sides, at the most. */
const CALLS_MAX = 2_000_000;
/** Places beyond those that the concurrency needs: a callee's call ends a little after the caller's. */
const CALLS_SPARE = 4096;
/** Store of a thread: a dialog or an answer for each call, with a route set of some length. */
const STORE_BYTES_PER_CALL = 1024;
const STORE_BYTES_MIN = 16 * 1024 * 1024;
const STORE_BYTES_MAX = 1536 * 1024 * 1024;
/** Where literals begin: an offset of 0 means none in more than one place. */
const LITERALS_START = 64;
/** Room for the templates of a step and socket, beside its body. */
const TEMPLATE_BYTES = 4096;
const T2_MS = 4000;

/** Places for calls in each thread. Any thread may have to answer for all: see run-thread.ts. */
export function callsOf(options: LoadOptions): number {
  const { concurrency, role, threads } = options;
  const callers = role === 'uas' ? 0 : Math.ceil(concurrency / threads);
  const callees = role === 'uac' ? 0 : concurrency;
  return Math.min(CALLS_MAX, callers + callees + CALLS_SPARE);
}

/** Bytes of `LoadThreadInit.setup`: what all threads of a run share, the set-up times and behind them the failed calls. */
export function setupBytes(options: LoadOptions): number {
  return sharedBytes(options.threads * callsOf(options));
}

function sharedBytes(calls: number): number {
  return (calls * SETUP_SLOTS + FAILED_SLOTS) * 8;
}

/** What the agents of a thread remember of messages and send is in here; users and scenarios say how much there will be. */
export function createMemory(options: LoadOptions, scenarios: readonly WeightedScenario[], sockets: number): LoadMemory {
  const calls = callsOf(options);
  const names = new UserNames(options.users, new Literals(LITERALS_START));
  const literals = LITERALS_START + names.bytes + templateBytes(scenarios) * Math.max(1, sockets);
  const sendStart = (literals + 4095) & ~4095;
  const receiveStart = sendStart + SEND_ARENA_BYTES + 4096;
  const storeStart = receiveStart + RECEIVE_BYTES;
  const store = Math.min(STORE_BYTES_MAX, Math.max(STORE_BYTES_MIN, calls * STORE_BYTES_PER_CALL));
  // Pages that nothing is ever written to take no memory.
  const buffer = new ArrayBuffer((storeStart + store + 7) & ~7);
  return { bytes: new Uint8Array(buffer), words: new Int32Array(buffer), sendStart, receiveStart, storeStart };
}

/** A bound on the literals of all templates for one socket. */
function templateBytes(scenarios: readonly WeightedScenario[]): number {
  let bytes = 16 * TEMPLATE_BYTES;
  for (const { scenario } of scenarios) {
    for (const step of [...scenario.caller, ...(scenario.callee ?? [])]) {
      // An INVITE has two requests that go with it. Text in UTF-8 takes up to three bytes a character.
      bytes += 3 * (TEMPLATE_BYTES + 3 * JSON.stringify(step).length) + ('bodyBytes' in step ? step.bodyBytes : 0);
    }
  }
  return bytes;
}

export interface AgentPlace {
  readonly thread: number;
  readonly threads: number;
  readonly options: LoadOptions;
  readonly scenarios: readonly WeightedScenario[];
  readonly io: LoadIo;
  readonly memory: LoadMemory;
  /** As messages name them; caller sockets first. */
  readonly sockets: readonly UaSocket[];
  readonly callers: number;
  readonly endpoints: Endpoints;
  /** See `UaContext.targets`. */
  readonly targets: Int32Array;
  readonly metrics: Float64Array;
  /** 32 bits. */
  readonly run: number;
  readonly random: Random;
  /** Shared by all threads; undefined: the thread has its own. */
  readonly setup: SharedArrayBuffer | undefined;
  readonly nowUs: number;
}

export function buildAgent(place: AgentPlace): LoadAgent {
  const { thread, threads, options, scenarios, io, memory, sockets, callers, endpoints, targets, metrics, random, setup } = place;
  const calls = callsOf(options);
  const identity = createIdentity(place.run, thread);
  const literals = new Literals(LITERALS_START);
  const names = new UserNames(options.users, literals);
  const program = compileScenarios(scenarios, { ...options, domain: sockets[0]?.domain ?? options.domain });
  const templates = buildTemplates(program, sockets, identity, literals, AGENT);
  if (literals.end > memory.sendStart) throw new Error('the messages of the scenarios are too large');
  literals.copyTo(memory.bytes);
  return new LoadAgent(
    {
      memory, io, metrics, program, templates, names, endpoints, identity, callers, calls, random, targets,
      sockets: sockets.length,
      domains: sockets.map((socket) => socket.domain),
      t1Ms: options.t1Ms,
      t2Ms: Math.max(T2_MS, options.t1Ms),
      proceedingMs: longestWaitMs(options),
      setup: new Float64Array(setup ?? new SharedArrayBuffer(sharedBytes(calls))),
      setupCalls: calls,
      setupFirst: setup === undefined ? thread : 0,
      setupThreads: setup === undefined ? 1 : threads,
    },
    place.nowUs,
  );
}

/**
 * `viaduct/testing`: tests of routing scripts against the real engine on virtual time. Works with any test runner.
 *
 * ```ts
 * const sim = await simulation({ script: new URL('./routes.ts', import.meta.url) });
 * const alice = sim.phone('alice');
 * sim.phone('gateway', { address: '192.0.2.10:5060', rings: '100ms', answers: '2s' });
 * const call = alice.invite('sip:bob@example.com');
 * await call.expect(180);
 * await call.expect(200);
 * call.ack();
 * await sim.finish();
 * ```
 */
import { Simulation, type SimulationOptions } from './simulation.js';

export type { Simulation, SimulationOptions } from './simulation.js';
export type { Behaviour } from './behaviour.js';
export type { Dialog } from './dialog.js';
export { SimulationError } from './failure.js';
export type { MessageFields, MessageFilter, StatusPattern } from './filter.js';
export type { Body, HeaderFields, MessageOptions } from './headers.js';
export type { IncomingInvite, IncomingRequest, ReplyParts } from './incoming.js';
export type { LogLine, Waiting } from './kernel.js';
export type { LadderOptions } from './ladder.js';
export type { Fate, Message } from './message.js';
export type { NetworkConditions, NetworkRule, SimulatedNetwork } from './network.js';
export type { OutgoingInvite, OutgoingRequest, ResponseWaiting } from './outgoing.js';
export type { CallOptions, Callee, Phone, PhoneOptions } from './phone.js';
export type { Rule } from './rules.js';
export type { Script } from './scripts.js';
export type { Time } from './time.js';

/**
 * Starts a simulation. Throws `ScriptLoadError` (code `VD_SCRIPT_LOAD`) when the script is a file that cannot be loaded, and a
 * `TypeError` or `RangeError` that names the option when one makes no sense. End it with `await sim.finish()`.
 */
export async function simulation(options: SimulationOptions): Promise<Simulation> {
  return Simulation.start(options);
}

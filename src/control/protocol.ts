/** What is said on the control socket: requests with an id and a command, answers with the same id. Pure. */
import { z } from 'zod';

/** A client's request. */
export const requestSchema = z.object({
  /** Chosen by the client; its answer carries it. */
  id: z.int().min(0).max(0xffff_ffff),
  command: z.string().min(1).max(64),
  /** What the command needs, if anything. */
  args: z.unknown().optional(),
});
export type ControlRequest = z.output<typeof requestSchema>;

/** The server's answer: why there is no result, or the result. */
export const answerSchema = z.union([
  z.strictObject({ id: z.int(), error: z.string() }),
  z.strictObject({ id: z.int(), result: z.unknown() }),
]);
export type ControlAnswer = z.output<typeof answerSchema>;

/**
 * What a server does for a command: gets the request's `args`, unchecked, and returns plain data. What it throws is told
 * to the client by its message.
 */
export type ControlHandler = (args: unknown) => unknown;

/** Handlers by command. */
export type ControlHandlers = Readonly<Record<string, ControlHandler>>;

/**
 * The control socket: a Unix domain socket (a named pipe on Windows) on which clients of the same user ask for statistics
 * and give commands. Main thread; nothing here runs per SIP message.
 *
 * Invariant: a client costs a bounded amount of memory whatever it sends, and never more than its own connection.
 */
import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { isMainThread } from 'node:worker_threads';
import { systemReason, ViaductError } from '../errors.js';
import { CONTROL_ANSWER_BYTES_MAX, CONTROL_CONNECTIONS_MAX, CONTROL_PENDING_MAX, CONTROL_REQUEST_BYTES_MAX } from '../limits.js';
import { encodeFrame, FrameReader } from './frame.js';
import { requestSchema, type ControlAnswer, type ControlHandlers, type ControlRequest } from './protocol.js';
import { isPipeName } from './socket-path.js';

/** A listening control socket. */
export class ControlServer {
  readonly path: string;
  private readonly server: Server;
  private readonly handlers: ControlHandlers;
  private readonly sockets = new Set<Socket>();

  private constructor(path: string, handlers: ControlHandlers) {
    this.path = path;
    this.handlers = { ping: () => 'pong', ...handlers };
    this.server = createServer((socket) => this.accept(socket));
    this.server.maxConnections = CONTROL_CONNECTIONS_MAX;
  }

  /**
   * Listens on `path` (absolute, or a pipe name), for this user alone. The socket file of a dead process is replaced.
   * Throws `ViaductError` VD_CONTROL_IN_USE when a process answers there, VD_CONTROL_UNAVAILABLE when it cannot listen.
   * `ping` is always there; `handlers` says what else.
   */
  static async open(path: string, handlers: ControlHandlers): Promise<ControlServer> {
    const control = new ControlServer(path, handlers);
    try {
      await listen(control.server, path);
    } catch (error) {
      if (!isInUse(error)) throw unavailable(path, error);
      if (isPipeName(path) || (await answers(path))) throw new ViaductError('VD_CONTROL_IN_USE', { path }, { cause: error });
      removeStale(path);
      await listen(control.server, path).catch((again: unknown) => {
        throw isInUse(again) ? new ViaductError('VD_CONTROL_IN_USE', { path }, { cause: again }) : unavailable(path, again);
      });
    }
    return control;
  }

  /** Stops listening, lets answers that are on their way go out, and removes the socket file. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    for (const socket of this.sockets) socket.destroySoon();
    await closed;
  }

  private accept(socket: Socket): void {
    this.sockets.add(socket);
    const reader = new FrameReader(CONTROL_REQUEST_BYTES_MAX);
    let pending = 0;
    // A broken connection is its client's concern; 'close' follows.
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('drain', () => socket.resume());
    const answer = (message: ControlAnswer): void => {
      if (socket.destroyed) return;
      // A client that does not read its answers is not read either.
      if (!socket.write(encodeAnswer(message))) socket.pause();
    };
    const take = (value: unknown): void => {
      const request = requestSchema.safeParse(value);
      if (!request.success) {
        socket.destroy();
        return;
      }
      const { id } = request.data;
      if (pending >= CONTROL_PENDING_MAX) {
        answer({ id, error: `${CONTROL_PENDING_MAX} requests of this connection wait already` });
        return;
      }
      pending++;
      void this.handle(request.data).then((message) => {
        pending--;
        answer(message);
      });
    };
    socket.on('data', (bytes) => {
      let values: unknown[];
      try {
        values = reader.push(bytes);
      } catch {
        // Not our protocol: there is no way back into step.
        socket.destroy();
        return;
      }
      for (const value of values) if (!socket.destroyed) take(value);
    });
  }

  private async handle({ id, command, args }: ControlRequest): Promise<ControlAnswer> {
    const handler = Object.hasOwn(this.handlers, command) ? this.handlers[command] : undefined;
    if (handler === undefined) {
      return { id, error: `unknown command; allowed: ${Object.keys(this.handlers).sort().join(', ')}` };
    }
    try {
      return { id, result: (await handler(args)) ?? null };
    } catch (error) {
      return { id, error: error instanceof Error ? error.message : String(error) };
    }
  }
}

function encodeAnswer(message: ControlAnswer): Uint8Array {
  try {
    return encodeFrame(message, CONTROL_ANSWER_BYTES_MAX);
  } catch (error) {
    return encodeFrame({ id: message.id, error: `the answer cannot be sent: ${String(error)}` }, CONTROL_ANSWER_BYTES_MAX);
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void => reject(error);
    server.once('error', onError);
    // The file is made within listen(): with this mask nobody else can connect between that and chmod.
    const mask = isMainThread ? process.umask(0o177) : undefined;
    try {
      server.listen(path, () => {
        server.off('error', onError);
        if (!isPipeName(path)) chmodSync(path, 0o600);
        resolve();
      });
    } finally {
      if (mask !== undefined) process.umask(mask);
    }
  });
}

function isInUse(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}

function unavailable(path: string, error: unknown): ViaductError {
  return new ViaductError('VD_CONTROL_UNAVAILABLE', { path, reason: systemReason(error) }, { cause: error });
}

/** Whether a process accepts connections at `path`. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const done = (alive: boolean): void => {
      socket.destroy();
      resolve(alive);
    };
    socket.once('connect', () => done(true));
    // Anything but a refusal (no permission, a full backlog) means that somebody may be there.
    socket.once('error', (error) => done(!('code' in error && (error.code === 'ECONNREFUSED' || error.code === 'ENOTSOCK'))));
  });
}

/** Removes what a dead process left; never a file that is no socket. */
function removeStale(path: string): void {
  const reason = 'there is a file that is no socket';
  if (!lstatSync(path).isSocket()) throw new ViaductError('VD_CONTROL_UNAVAILABLE', { path, reason });
  try {
    unlinkSync(path);
  } catch (error) {
    throw unavailable(path, error);
  }
}

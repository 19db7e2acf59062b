/** The other end of the control socket: what `viaduct stats` and tools talk through. Any thread. */
import { connect, type Socket } from 'node:net';
import { systemReason, ViaductError } from '../errors.js';
import { CONTROL_ANSWER_BYTES_MAX, CONTROL_REQUEST_BYTES_MAX, CONTROL_TIMEOUT_MS } from '../limits.js';
import { encodeFrame, FrameReader } from './frame.js';
import { answerSchema } from './protocol.js';

interface Waiting {
  readonly command: string;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: ViaductError) => void;
  readonly timer: NodeJS.Timeout;
}

/** A connection to a running Viaduct. Requests may overlap. */
export class ControlClient {
  readonly path: string;
  private readonly socket: Socket;
  private readonly reader = new FrameReader(CONTROL_ANSWER_BYTES_MAX);
  private readonly waiting = new Map<number, Waiting>();
  private readonly timeoutMs: number;
  private lastId = 0;
  private broken: ViaductError | undefined;

  private constructor(path: string, socket: Socket, timeoutMs: number) {
    this.path = path;
    this.socket = socket;
    this.timeoutMs = timeoutMs;
    socket.on('data', (bytes) => this.take(bytes));
    socket.on('error', (error) => this.fail(unreachable(path, systemReason(error), error)));
    socket.on('close', () => this.fail(unreachable(path, 'the connection was closed')));
  }

  /** Connects to `path`. Throws `ViaductError` VD_CONTROL_UNREACHABLE. */
  static connect(path: string, timeoutMs = CONTROL_TIMEOUT_MS): Promise<ControlClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      const onError = (error: Error): void => reject(unreachable(path, systemReason(error), error));
      socket.once('error', onError);
      socket.once('connect', () => {
        socket.off('error', onError);
        resolve(new ControlClient(path, socket, timeoutMs));
      });
    });
  }

  /**
   * Sends a command and resolves to its result, unchecked. Rejects with `ViaductError`: VD_CONTROL_REFUSED when the
   * server refuses, VD_CONTROL_UNREACHABLE when it goes away or does not answer in time, VD_CONTROL_PROTOCOL.
   */
  request(command: string, args?: unknown): Promise<unknown> {
    if (this.broken !== undefined) return Promise.reject(this.broken);
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.fail(unreachable(this.path, `no answer after ${this.timeoutMs} ms`)), this.timeoutMs);
      this.waiting.set(id, { command, resolve, reject, timer });
      this.socket.write(encodeFrame({ id, command, args }, CONTROL_REQUEST_BYTES_MAX));
    });
  }

  /** Closes the connection; what still waits is rejected. */
  close(): void {
    this.fail(unreachable(this.path, 'the connection was closed'));
  }

  private take(bytes: Uint8Array): void {
    let values: unknown[];
    try {
      values = this.reader.push(bytes);
    } catch (error) {
      this.fail(new ViaductError('VD_CONTROL_PROTOCOL', { path: this.path, reason: String(error) }, { cause: error }));
      return;
    }
    for (const value of values) this.settle(value);
  }

  private settle(value: unknown): void {
    const answer = answerSchema.safeParse(value);
    if (!answer.success) {
      this.fail(new ViaductError('VD_CONTROL_PROTOCOL', { path: this.path, reason: 'an answer of another form' }));
      return;
    }
    const waiting = this.waiting.get(answer.data.id);
    if (waiting === undefined) return;
    this.waiting.delete(answer.data.id);
    clearTimeout(waiting.timer);
    if ('error' in answer.data) waiting.reject(new ViaductError('VD_CONTROL_REFUSED', { command: waiting.command, reason: answer.data.error }));
    else waiting.resolve(answer.data.result);
  }

  private fail(error: ViaductError): void {
    this.broken ??= error;
    this.socket.destroy();
    for (const { reject, timer } of this.waiting.values()) {
      clearTimeout(timer);
      reject(error);
    }
    this.waiting.clear();
  }
}

function unreachable(path: string, reason: string, cause?: unknown): ViaductError {
  return new ViaductError('VD_CONTROL_UNREACHABLE', { path, reason }, cause === undefined ? undefined : { cause });
}

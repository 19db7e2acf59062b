/**
 * Stands between a caller and the proxy and repeats requests of one method, INVITE by default: each goes out twice at once.
 * An INVITE goes out once more right after the ACK of its call. Answers do not come this way: without rport they go to
 * where the caller's Via says.
 */
import type { Address } from './free-port.js';
import { fieldsNamed, readRaw, value } from './raw-message.js';
import { SipSocket } from './sip-socket.js';

export class Copier {
  /** Datagrams other than ACKs passed on that had gone out before, the caller's own retransmissions included. */
  copies = 0;
  /** ACK datagrams passed on. */
  acks = 0;
  readonly #socket: SipSocket;
  readonly #proxy: Address;
  readonly #method: string;
  readonly #invites = new Map<string, string>();
  readonly #seen = new Set<string>();

  private constructor(socket: SipSocket, proxy: Address, method: string) {
    this.#socket = socket;
    this.#proxy = proxy;
    this.#method = method;
    socket.onMessage = (text) => {
      this.#pass(text);
    };
  }

  static async open(proxy: Address, method = 'INVITE'): Promise<Copier> {
    return new Copier(await SipSocket.open(proxy.host), proxy, method);
  }

  get address(): Address {
    return this.#socket.address;
  }

  close(): void {
    this.#socket.close();
  }

  #pass(text: string): void {
    const [callId] = fieldsNamed(readRaw(text), 'call-id').map(value);
    if (callId === undefined) return;
    this.#send(text);
    if (text.startsWith(`${this.#method} `)) {
      if (this.#method === 'INVITE') this.#invites.set(callId, text);
      this.#send(text);
    } else if (text.startsWith('ACK ')) {
      const invite = this.#invites.get(callId);
      if (invite !== undefined) this.#send(invite);
    }
  }

  #send(text: string): void {
    if (text.startsWith('ACK ')) this.acks++;
    else if (this.#seen.has(text)) this.copies++;
    else this.#seen.add(text);
    this.#socket.send(text, this.#proxy);
  }
}

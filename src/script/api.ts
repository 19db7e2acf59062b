/**
 * What a routing script sees: the typed API behind `defineRoutes`. The words are SIP's and, where there is one, the
 * OpenSIPS word in camel case. Sans-I/O; these are shapes only, implemented by `request-context.ts`.
 *
 * Every value is read lazily from the bytes of the message: a script that never looks at a header never pays for it.
 */

/** A handler may be sync, or async: an async one that is still pending suspends its transaction, not the shard. */
export type Handled = void | Promise<void>;

/** A SIP or SIPS URI in parts (RFC 3261 §19.1). Strings are as written in the message, escapes not decoded. */
export interface SipUri {
  /** `sip`, `sips`, `tel`, … in lower case. */
  readonly scheme: string;
  /** User part without password, `undefined` if there is none. */
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** Host name, IPv4 literal, or IPv6 literal in brackets. */
  readonly host: string;
  /** Port, `undefined` if not given. */
  readonly port: number | undefined;
  /** Value of a URI parameter: `''` for one without a value, `undefined` if absent. Name in any case. */
  param(name: string): string | undefined;
  /** Value of a URI header (`?name=value`). */
  header(name: string): string | undefined;
  /** The whole URI as written. */
  toString(): string;
}

/** A From, To, Contact or Route value. */
export interface NameAddr {
  /** Display name without its quotes, `''` if there is none. */
  readonly displayName: string;
  readonly uri: SipUri;
  /** Value of a header parameter such as `tag`. Name in any case. */
  param(name: string): string | undefined;
  toString(): string;
}

/** Headers of a message. Names are matched in any case, and compact forms as their long ones (`f` is `From`). */
export interface Headers {
  /** First value (whole header field value, unfolded), `undefined` if absent. */
  get(name: string): string | undefined;
  /** One string for every header field of that name, in order. */
  getAll(name: string): string[];
  has(name: string): boolean;
}

/** Headers of a message that will be forwarded: changes go out with every later `relay()`. */
export interface MutableHeaders extends Headers {
  /**
   * Appends a header field. Throws `ScriptError` (VD_SCRIPT_HEADER) for a name that is no token, a value with a line
   * break, or a header that the engine owns (Via, Max-Forwards, Max-Breadth, Record-Route, Route, Content-Length,
   * CSeq, Call-ID).
   * From and To can be replaced, but not added or removed.
   */
  add(name: string, value: string): void;
  /** Removes every header field of that name; how many there were. */
  remove(name: string): number;
  /** Replaces all fields of that name by one; adds it if there was none. */
  replace(name: string, value: string): void;
}

/** Where a message came from. */
export interface SourceAddress {
  readonly protocol: 'udp' | 'tcp' | 'tls' | 'ws' | 'wss';
  /** IP literal, IPv6 without brackets. */
  readonly address: string;
  readonly port: number;
}

/**
 * One target of `relay()`. A string is a URI that becomes the Request-URI. In an object, `uri` does that, and `nextHop`
 * sends the request there without touching the Request-URI (OpenSIPS: `$du`).
 */
export type Target = string | { readonly uri?: string; readonly nextHop?: string };

export interface ReplyOptions {
  /** Extra header fields, `[name, value]`, in order. */
  readonly headers?: readonly (readonly [string, string])[];
  /** Body and its type. */
  readonly body?: { readonly type: string; readonly content: string };
}

/** Log of a script: each line carries shard, Call-ID and transaction. */
export interface ScriptLog {
  error(text: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(text: string, fields?: Readonly<Record<string, unknown>>): void;
  info(text: string, fields?: Readonly<Record<string, unknown>>): void;
  debug(text: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** What `request` gets: one new request (retransmissions never reach a script). */
export interface RouteRequest {
  /** Method as written; methods are case-sensitive. */
  readonly method: string;
  /** The Request-URI after route preprocessing (RFC 3261 §16.4). Assign a URI string to rewrite it. */
  get uri(): SipUri;
  set uri(value: string | SipUri);
  readonly from: NameAddr;
  readonly to: NameAddr;
  readonly callId: string;
  readonly cseq: number;
  /** Max-Forwards as received, `undefined` if absent. */
  readonly maxForwards: number | undefined;
  readonly headers: MutableHeaders;
  /** The body as text (UTF-8), `''` if there is none. */
  readonly body: string;
  readonly source: SourceAddress;
  /** True when the request has a To tag: it belongs to a dialog. */
  readonly inDialog: boolean;
  /**
   * True when the top Route was one that this proxy wrote as Record-Route, and was removed: the request follows a recorded
   * path (OpenSIPS: `loose_route()`). A Route that merely names this proxy is removed too, but proves nothing. Ask for
   * `inDialog` as well: without a To tag such a Route was made up.
   */
  readonly looseRouted: boolean;
  /** True when Route values remain: `relay()` without a target follows them. */
  readonly hasRoute: boolean;
  /** State of this transaction, kept for its later handlers (`reply`, `failure`). Starts as an empty object. */
  readonly state: Record<string, unknown>;
  readonly log: ScriptLog;
  /** Aborted when the caller cancels, or the transaction ends, while the handler is pending. */
  readonly signal: AbortSignal;

  /**
   * OpenSIPS `t_check_trans()`. For a CANCEL or ACK: does it match an INVITE transaction of this proxy? For any other
   * request: true when its transaction exists already. The engine has absorbed retransmissions and routed matching
   * CANCELs before the script runs, so here this is false except inside handlers of a live transaction.
   */
  checkTransaction(): boolean;
  /** Adds our Record-Route, so that later requests of the dialog come through here (RFC 3261 §16.6 step 4). */
  recordRoute(): void;
  /**
   * Stateful forwarding (RFC 3261 §16.6). Without a target: to the top Route, else to the Request-URI. An array forks
   * in parallel. ACK, and a CANCEL that matched nothing, are forwarded statelessly. Returns false when nothing was
   * sent because the transaction is answered or cancelled already (counted as `scriptLate`). A target that cannot be
   * reached answers as its branch would: 404 for a name, 416 for a scheme, 500 for a URI that is none or a transport that is
   * not there; each is logged.
   */
  relay(target?: Target | readonly Target[]): boolean;
  /**
   * Answers the request. 1xx may be sent several times, one final ends the transaction; an ACK is never answered.
   * `reason` defaults to the standard phrase. Returns false when a final went out already. Throws `ScriptError`
   * (VD_SCRIPT_STATUS) for a status outside 100 to 699.
   */
  reply(status: number, reason?: string, options?: ReplyOptions): boolean;
}

/** What `reply` gets: a response on its way upstream. */
export interface RouteReply {
  readonly status: number;
  readonly reason: string;
  readonly headers: MutableHeaders;
  readonly body: string;
  readonly source: SourceAddress;
  /** CSeq method: `INVITE`, `BYE` … */
  readonly method: string;
  readonly callId: string;
  /** The state of the transaction, as the request handler left it. */
  readonly state: Record<string, unknown>;
  readonly log: ScriptLog;
  /** Drops a provisional response (not 100, which never gets here). False for a final: those cannot be dropped. */
  drop(): boolean;
}

/** What `failure` gets: every branch has failed and `status` is the best response (RFC 3261 §16.7 step 6). */
export interface RouteFailure {
  /** The request as it was received, with the changes of the request handler. */
  readonly request: RouteRequest;
  /** Best status: 408 when no branch answered. */
  readonly status: number;
  readonly reason: string;
  /** True when no final response was received at all: 408 by a timer, or 500 because nothing could be sent. */
  readonly local: boolean;
  readonly state: Record<string, unknown>;
  readonly log: ScriptLog;
  /** Tries further targets; the best response is kept and competes with theirs. */
  relay(target: Target | readonly Target[]): boolean;
  /** Answers upstream with this instead of the best response. */
  reply(status: number, reason?: string, options?: ReplyOptions): boolean;
}

/** The handlers of a routing script. Only `request` is required; an absent handler costs nothing. */
export interface Routes {
  /** Every new request, and ACK to 2xx. A CANCEL comes here only when it matched no transaction. */
  request(req: RouteRequest): Handled;
  /** Every response but 100 before it goes upstream. Sync only: responses keep their order. */
  reply?(res: RouteReply): void;
  /** INVITE and other requests whose branches have all failed (300 to 699, timeout); not after a CANCEL. */
  failure?(failure: RouteFailure): Handled;
  /**
   * A CANCEL matched and was answered and routed by the engine: for logs and accounting. `req` is the INVITE that was
   * cancelled.
   */
  cancel?(req: Pick<RouteRequest, 'method' | 'uri' | 'callId' | 'headers' | 'source' | 'state' | 'log'>): void;
}

/** Declares a routing script: returns its argument, with types. */
export function defineRoutes(routes: Routes): Routes {
  return routes;
}

/** An error in the use of the script API, with a stable code. */
export class ScriptError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.name = 'ScriptError';
    this.code = code;
  }
}

/**
 * The templates of a run: every request of every scenario for every socket it can leave from, every answer, and the answers
 * that no scenario asks for. Built once at start; read-only afterwards.
 */
import { reasonPhrase } from '../../sip/reasons.js';
import type { Program, ReplySpec, RequestSpec } from '../scenario/program.js';
import type { MessageParts } from '../scenario/scenario.js';
import { CALL_ID_BYTES, callIdPrefix, type Identity } from './identity.js';
import { type Literals, T_AUTHORIZATION, T_DIALOG, T_LENGTH, T_NUMBER, T_PEER, T_TARGET, T_USER, TemplateWriter, wordLengths } from './template-writer.js';

/** A socket as messages name it: `host:port`, IPv6 in brackets. */
export interface UaSocket {
  readonly hostPort: string;
  /** `IP4 127.0.0.1`, for SDP. */
  readonly sdpAddress: string;
  /** Domain of the URIs that requests from it carry. */
  readonly domain: string;
}

/** int32 slots of one reply in `Templates.replies`: where its head (start line) and its tail lie. */
export const REPLY_SLOTS = 4;

/** Answers beyond the scenarios: their status is the index into `Templates.plain`. */
const PLAIN_STATUSES = [200, 405, 480, 481, 487, 500, 503];

export interface Templates {
  /** All templates, one behind the other. */
  readonly ops: Int32Array;
  /** Where the template of request `spec` for socket `socket` begins: index `spec * sockets + socket`. */
  readonly requestAt: Int32Array;
  /** Literal bytes of the longest template. */
  readonly literalBytesMax: number;
  /** The replies of the program, for each socket: REPLY_SLOTS at `(reply * sockets + socket) * REPLY_SLOTS`. */
  readonly replies: Int32Array;
  /** The same for status codes that no scenario asks for, by status: index of a reply, behind those of the program. */
  readonly plain: Int32Array;
}

/** Builds the templates; their bytes go into `literals`. */
export function buildTemplates(program: Program, sockets: readonly UaSocket[], identity: Identity, literals: Literals, agent: string): Templates {
  const ops: number[] = [];
  let literalBytesMax = 0;
  const requestAt = new Int32Array(program.requests.length * sockets.length);
  for (const [index, spec] of program.requests.entries()) {
    for (const [socket, place] of sockets.entries()) {
      requestAt[index * sockets.length + socket] = ops.length;
      const template = request(spec, place, identity, literals, agent);
      ops.push(...template.ops);
      literalBytesMax = Math.max(literalBytesMax, template.literalBytes);
    }
  }
  const specs = [...program.replies, ...PLAIN_STATUSES.map(plainReply)];
  const replies = new Int32Array(specs.length * sockets.length * REPLY_SLOTS);
  for (const [index, spec] of specs.entries()) {
    for (const [socket, place] of sockets.entries()) {
      const head = literals.addText(`SIP/2.0 ${spec.status} ${spec.reason}\r\n`);
      const tail = literals.addText(replyTail(spec, place, agent));
      replies.set([head.start, head.length, tail.start, tail.length], (index * sockets.length + socket) * REPLY_SLOTS);
      literalBytesMax = Math.max(literalBytesMax, head.length + tail.length);
    }
  }
  const plain = new Int32Array(700).fill(-1);
  for (const [index, status] of PLAIN_STATUSES.entries()) plain[status] = program.replies.length + index;
  return { ops: Int32Array.from(ops), requestAt, literalBytesMax, replies, plain };
}

function plainReply(status: number): ReplySpec {
  return { status, reason: reasonPhrase(status), forInvite: false, parts: {} };
}

function request(spec: RequestSpec, socket: UaSocket, identity: Identity, literals: Literals, agent: string) {
  const out = new TemplateWriter(literals);
  const prefix = callIdPrefix(identity, spec.scenario);
  const { method } = spec;
  const via = `Via: SIP/2.0/UDP ${socket.hostPort};branch=${identity.branchPrefix}`;
  if (spec.inDialog) {
    out.literal(`${method} `).op(T_TARGET).literal(` SIP/2.0\r\n${via}`).branch();
    out.literal('\r\nMax-Forwards: 70\r\n').op(T_DIALOG);
  } else {
    const registers = method === 'REGISTER';
    out.literal(`${method} sip:`);
    if (!registers) out.op(T_PEER).literal('@');
    out.literal(`${socket.domain} SIP/2.0\r\n${via}`).branch().literal('\r\nMax-Forwards: 70\r\nFrom: <sip:').op(T_USER);
    out.literal(`@${socket.domain}>;tag=${identity.tagPrefix}`).call().literal('\r\nTo: <sip:');
    out.op(registers ? T_USER : T_PEER).literal(`@${socket.domain}>\r\nCall-ID: ${prefix}`).call().literal('\r\n');
  }
  out.literal('CSeq: ').op(T_NUMBER).literal(` ${method}\r\n`);
  const bare = method === 'ACK' || method === 'CANCEL';
  if (method !== 'CANCEL') out.op(T_AUTHORIZATION);
  if (!bare && method !== 'BYE' && method !== 'MESSAGE') {
    if (spec.side === 'caller') out.literal('Contact: <sip:').op(T_USER).literal(`@${socket.hostPort}>\r\n`);
    else out.literal(`Contact: <sip:${socket.hostPort}>\r\n`);
  }
  if (!bare) out.literal(`User-Agent: ${agent}\r\n`);
  for (const line of spec.parts.headers ?? []) out.words(line, prefix).literal('\r\n');
  const body = bodyOf(spec.parts, socket);
  if (body === undefined) return out.literal('Content-Length: 0\r\n\r\n').finish();
  const { fixed, users, peers, numbers } = wordLengths(body.text, CALL_ID_BYTES);
  out.literal(`Content-Type: ${body.type}\r\nContent-Length: `);
  if (users + peers + numbers === 0) out.literal(String(fixed));
  else out.op(T_LENGTH, fixed, users, peers, numbers);
  return out.literal('\r\n\r\n').words(body.text, prefix).finish();
}

function replyTail(spec: ReplySpec, socket: UaSocket, agent: string): string {
  const lines: string[] = [];
  if (spec.forInvite && spec.status > 100 && spec.status < 300) lines.push(`Contact: <sip:${socket.hostPort}>`);
  lines.push(`Server: ${agent}`, ...(spec.parts.headers ?? []));
  const body = bodyOf(spec.parts, socket);
  if (body === undefined) return `${lines.join('\r\n')}\r\nContent-Length: 0\r\n\r\n`;
  lines.push(`Content-Type: ${body.type}`, `Content-Length: ${new TextEncoder().encode(body.text).length}`);
  return `${lines.join('\r\n')}\r\n\r\n${body.text}`;
}

function bodyOf(parts: MessageParts, socket: UaSocket): { type: string; text: string } | undefined {
  const { body, bodyBytes = 0 } = parts;
  if (body === undefined) return undefined;
  if (body !== 'sdp') return { type: body.type, text: body.text.padEnd(bodyBytes, '.') };
  const text = `v=0\r\no=- 1 1 IN ${socket.sdpAddress}\r\ns=-\r\nc=IN ${socket.sdpAddress}\r\nt=0 0\r\nm=audio 49170 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n`;
  // An attribute line that nobody knows, as SDP allows (RFC 8866 §5.13), takes up the rest.
  const missing = bodyBytes - text.length - 'a=x-fill:\r\n'.length;
  return { type: 'application/sdp', text: missing > 0 ? `${text}a=x-fill:${'.'.repeat(missing)}\r\n` : text };
}


/**
 * One call as the proxy sees it, as bytes: INVITE, 180, 200, ACK, BYE, 200, with what changes from call to call. Shared by
 * micro benchmarks; real sizes (an INVITE with SDP of about 500 bytes). Deterministic.
 */

const encoder = new TextEncoder();

const SDP = [
  'v=0',
  'o=caller 53655765 2353687637 IN IP4 127.0.0.1',
  's=-',
  'c=IN IP4 127.0.0.1',
  't=0 0',
  'm=audio 6000 RTP/AVP 0',
  'a=rtpmap:0 PCMU/8000',
  '',
].join('\r\n');

export interface CallIds {
  readonly callId: string;
  readonly branch: string;
  readonly fromTag: string;
  readonly toTag: string;
}

/** Ids of call number `n`. */
export function callIds(n: number): CallIds {
  return { callId: `${n}-4711@127.0.0.1`, branch: `z9hG4bK-4711-${n}`, fromTag: `4711caller${n}`, toTag: `4711callee${n}` };
}

function message(lines: readonly string[], body = ''): Uint8Array {
  return encoder.encode([...lines, `Content-Length: ${body.length}`, '', body].join('\r\n'));
}

/** The INVITE of a caller at 127.0.0.1:5061. */
export function invite(ids: CallIds): Uint8Array {
  return message(
    [
      'INVITE sip:service@127.0.0.1:5060 SIP/2.0',
      `Via: SIP/2.0/UDP 127.0.0.1:5061;branch=${ids.branch}-0`,
      `From: caller <sip:caller@127.0.0.1:5061>;tag=${ids.fromTag}`,
      'To: service <sip:service@127.0.0.1:5060>',
      `Call-ID: ${ids.callId}`,
      'CSeq: 1 INVITE',
      'Contact: <sip:caller@127.0.0.1:5061>',
      'Max-Forwards: 70',
      'Subject: Performance Test',
      'Content-Type: application/sdp',
    ],
    SDP,
  );
}

/** A request within the dialog, by the Route that the proxy recorded. `route` is the URI in it. */
export function inDialog(method: 'ACK' | 'BYE', ids: CallIds, route: string): Uint8Array {
  const cseq = method === 'ACK' ? 1 : 2;
  return message([
    `${method} sip:callee@127.0.0.1:5070 SIP/2.0`,
    `Via: SIP/2.0/UDP 127.0.0.1:5061;branch=${ids.branch}-${method}`,
    `Route: <${route}>`,
    `From: caller <sip:caller@127.0.0.1:5061>;tag=${ids.fromTag}`,
    `To: service <sip:service@127.0.0.1:5060>;tag=${ids.toTag}`,
    `Call-ID: ${ids.callId}`,
    `CSeq: ${cseq} ${method}`,
    'Max-Forwards: 70',
  ]);
}

/** A response of the callee; `vias` are the Via lines (without line ends) of the request that reached it, top one first. */
export function response(status: string, method: 'INVITE' | 'BYE', ids: CallIds, vias: readonly string[], recordRoute: string): Uint8Array {
  const lines = [`SIP/2.0 ${status}`, ...vias];
  if (method === 'INVITE') lines.push(`Record-Route: <${recordRoute}>`);
  lines.push(
    `From: caller <sip:caller@127.0.0.1:5061>;tag=${ids.fromTag}`,
    `To: service <sip:service@127.0.0.1:5060>;tag=${ids.toTag}`,
    `Call-ID: ${ids.callId}`,
    `CSeq: ${method === 'INVITE' ? 1 : 2} ${method}`,
  );
  if (method === 'INVITE') lines.push('Contact: <sip:callee@127.0.0.1:5070>');
  const withBody = status.startsWith('200') && method === 'INVITE';
  if (withBody) lines.push('Content-Type: application/sdp');
  return message(lines, withBody ? SDP : '');
}

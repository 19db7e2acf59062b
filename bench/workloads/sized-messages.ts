/**
 * Messages of the sizes and shapes that proxies meet, 300 bytes to 3 KB, for benchmarks of single parts: from the BYE of a plain
 * phone to the INVITE of a mobile network, with the header lists, Record-Route chains and SDP that those carry. Deterministic.
 */
const encoder = new TextEncoder();

/** The proxy under test stands at this address. */
export const PROXY = '192.0.2.10:5060';

/** A branch that shard 0 of node 0 could have written. */
export const OWN_BRANCH = 'z9hG4bKvd0000003f1c08a97be25d64';

export interface SizedMessage {
  /** `INVITE, 1.1 KB`. */
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly isRequest: boolean;
}

const SDP_ONE_CODEC = [
  'v=0', 'o=- 20518 0 IN IP4 203.0.113.1', 's=-', 'c=IN IP4 203.0.113.1', 't=0 0', 'm=audio 54400 RTP/AVP 0', 'a=rtpmap:0 PCMU/8000', '',
].join('\r\n');

const SDP_DESK_PHONE = [
  'v=0', 'o=- 3914882311 3914882311 IN IP4 198.51.100.23', 's=desk phone', 'c=IN IP4 198.51.100.23', 't=0 0',
  'm=audio 11784 RTP/AVP 9 0 8 18 101', 'a=rtpmap:9 G722/8000', 'a=rtpmap:0 PCMU/8000', 'a=rtpmap:8 PCMA/8000', 'a=rtpmap:18 G729/8000',
  'a=fmtp:18 annexb=no', 'a=rtpmap:101 telephone-event/8000', 'a=fmtp:101 0-15', 'a=ptime:20', 'a=sendrecv', '',
].join('\r\n');

/** With candidates of ICE, as softphones and browsers offer. */
const SDP_ICE = [
  'v=0', 'o=- 7163829450162839 2 IN IP4 198.51.100.77', 's=-', 'c=IN IP4 198.51.100.77', 't=0 0',
  'm=audio 40102 RTP/SAVPF 111 9 0 8 101', 'a=rtpmap:111 opus/48000/2', 'a=fmtp:111 minptime=10;useinbandfec=1', 'a=rtpmap:9 G722/8000',
  'a=rtpmap:0 PCMU/8000', 'a=rtpmap:8 PCMA/8000', 'a=rtpmap:101 telephone-event/8000', 'a=ice-ufrag:8hhY', 'a=ice-pwd:asd88fgpdd777uzjYhagZg',
  'a=candidate:1 1 UDP 2130706431 198.51.100.77 40102 typ host', 'a=candidate:1 2 UDP 2130706430 198.51.100.77 40103 typ host',
  'a=candidate:2 1 UDP 1694498815 203.0.113.141 45664 typ srflx raddr 198.51.100.77 rport 40102',
  'a=candidate:2 2 UDP 1694498814 203.0.113.141 45665 typ srflx raddr 198.51.100.77 rport 40103',
  'a=fingerprint:sha-256 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:3F:0C:44:1D:9A:00:5E:71:66:2B:90:C1',
  'a=setup:actpass', 'a=rtcp-mux', 'a=sendrecv', '',
].join('\r\n');

function message(lines: readonly string[], body = ''): Uint8Array {
  return encoder.encode([...lines, `Content-Length: ${body.length}`, '', body].join('\r\n'));
}

function recordRoutes(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `Record-Route: <sip:192.0.2.${101 + i}:5060;lr;ftag=as58f4201b;did=${'3c7.'.repeat(2)}${i}e81>`);
}

function viasBelow(count: number): string[] {
  return Array.from(
    { length: count },
    (_, i) => `Via: SIP/2.0/UDP 192.0.2.${101 + i}:5060;branch=z9hG4bK${'5d1c'.repeat(3)}.${i}7f3a0be1;received=192.0.2.${101 + i};rport=5060`,
  );
}

/** BYE within a dialog that this proxy recorded itself in, of the smallest kind there is. */
function bye(): Uint8Array {
  return message([
    'BYE sip:bob@192.0.2.4 SIP/2.0',
    'Via: SIP/2.0/UDP 203.0.113.1;branch=z9hG4bKnashds7',
    `Route: <sip:${PROXY};lr;vd=0000>`,
    'From: <sip:alice@example.com>;tag=1928301774',
    'To: <sip:bob@example.com>;tag=a6c85cf',
    'Call-ID: a84b4c76e66710@203.0.113.1',
    'CSeq: 2 BYE',
    'Max-Forwards: 70',
  ]);
}

function plainInvite(): Uint8Array {
  return message(
    [
      `INVITE sip:bob@${PROXY} SIP/2.0`,
      'Via: SIP/2.0/UDP 203.0.113.1:5061;branch=z9hG4bK776asdhds',
      'From: Alice <sip:alice@example.com>;tag=1928301774',
      'To: Bob <sip:bob@example.com>',
      'Call-ID: a84b4c76e66710@203.0.113.1',
      'CSeq: 1 INVITE',
      'Contact: <sip:alice@203.0.113.1:5061>',
      'Max-Forwards: 70',
      'Content-Type: application/sdp',
    ],
    SDP_ONE_CODEC,
  );
}

function deskPhoneInvite(): Uint8Array {
  return message(
    [
      'INVITE sip:+4930555123@pbx.example.com;user=phone SIP/2.0',
      'Via: SIP/2.0/UDP 198.51.100.23:5060;rport;branch=z9hG4bKc2b9a3f4c1d2e5f60718',
      'Max-Forwards: 70',
      'From: "Front desk" <sip:201@pbx.example.com>;tag=bd76ya',
      'To: <sip:+4930555123@pbx.example.com;user=phone>',
      'Call-ID: 313634343a3936343437@198.51.100.23',
      'CSeq: 102 INVITE',
      'Contact: "Front desk" <sip:201@198.51.100.23:5060;line=vc8x2q1r>;+sip.instance="<urn:uuid:7c4f1f39-9cc2-4f2b-8f1b-0004132f2c3d>"',
      'User-Agent: ExamplePhone-D785/10.1.141.15',
      'Accept: application/sdp',
      'Allow: INVITE, ACK, CANCEL, BYE, REFER, OPTIONS, NOTIFY, SUBSCRIBE, PRACK, MESSAGE, INFO, UPDATE',
      'Allow-Events: talk, hold, refer, call-info',
      'Supported: timer, 100rel, replaces, from-change',
      'Session-Expires: 3600',
      'Min-SE: 90',
      'Content-Type: application/sdp',
    ],
    SDP_DESK_PHONE,
  );
}

/** Behind other proxies: they have recorded themselves and left their Vias. */
function chainedInvite(): Uint8Array {
  return message(
    [
      `INVITE sip:+4930555123@${PROXY} SIP/2.0`,
      ...recordRoutes(4),
      ...viasBelow(4),
      'Max-Forwards: 66',
      'From: "Front desk" <sip:201@pbx.example.com>;tag=bd76ya',
      'To: <sip:+4930555123@pbx.example.com;user=phone>',
      'Call-ID: 313634343a3936343437@198.51.100.23',
      'CSeq: 102 INVITE',
      'Contact: <sip:201@198.51.100.23:5060;line=vc8x2q1r>',
      'P-Asserted-Identity: "Front desk" <sip:+4930555200@carrier.example.net;user=phone>',
      'Supported: timer, 100rel, replaces',
      'Content-Type: application/sdp',
    ],
    SDP_DESK_PHONE,
  );
}

/** Out of a mobile network: long header lists, and ICE in the SDP. */
function richInvite(): Uint8Array {
  return message(
    [
      'INVITE sip:+4915112345678@ims.example.net;user=phone SIP/2.0',
      ...recordRoutes(3),
      ...viasBelow(3),
      'Max-Forwards: 62',
      'From: <sip:+4915187654321@ims.example.net;user=phone>;tag=p65562t1700000000m284625c2371s1_4020918272-1938457',
      'To: <sip:+4915112345678@ims.example.net;user=phone>',
      'Call-ID: p65562t1700000000m284625c2371s2_4102938475',
      'CSeq: 1 INVITE',
      'Contact: <sip:sgc_c@192.0.2.101;transport=udp>;+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel";audio;+g.3gpp.mid-call;+g.3gpp.srvcc-alerting',
      'Accept: application/sdp, application/3gpp-ims+xml, application/resource-lists+xml',
      'Accept-Contact: *;+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel"',
      'Allow: ACK, BYE, CANCEL, INFO, INVITE, OPTIONS, PRACK, REFER, NOTIFY, UPDATE, SUBSCRIBE, MESSAGE',
      'P-Access-Network-Info: 3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=26201d0f01234560;network-provided',
      'P-Asserted-Identity: <sip:+4915187654321@ims.example.net>, <tel:+4915187654321>',
      'P-Asserted-Service: urn:urn-7:3gpp-service.ims.icsi.mmtel',
      'P-Charging-Vector: icid-value=sgc2.ims.example.net-1700-000000-284625;icid-generated-at=192.0.2.101;orig-ioi=ims.example.net',
      'P-Early-Media: supported',
      'History-Info: <sip:+4915111111111@ims.example.net;user=phone>;index=1, <sip:+4915122222222@ims.example.net;user=phone;cause=302>;index=1.1',
      'History-Info: <sip:+4915112345678@ims.example.net;user=phone;cause=302>;index=1.1.1',
      'Feature-Caps: *;+g.3gpp.srvcc;+g.3gpp.mid-call',
      'Privacy: none',
      'Session-Expires: 1800;refresher=uac',
      'Min-SE: 90',
      'Supported: 100rel, histinfo, precondition, timer, tdialog, sec-agree, 199',
      'User-Agent: ExampleMobile-SM/12.1 IMS-client-4.0',
      'Content-Type: application/sdp',
    ],
    SDP_ICE,
  );
}

function okToBye(): Uint8Array {
  return message([
    'SIP/2.0 200 OK',
    `Via: SIP/2.0/UDP ${PROXY};branch=${OWN_BRANCH}`,
    'Via: SIP/2.0/UDP 203.0.113.1;branch=z9hG4bKnashds7',
    'From: <sip:alice@example.com>;tag=1928301774',
    'To: <sip:bob@example.com>;tag=a6c85cf',
    'Call-ID: a84b4c76e66710@203.0.113.1',
    'CSeq: 2 BYE',
  ]);
}

function okToInvite(): Uint8Array {
  return message(
    [
      'SIP/2.0 200 OK',
      `Via: SIP/2.0/UDP ${PROXY};branch=${OWN_BRANCH}`,
      'Via: SIP/2.0/UDP 198.51.100.23:5060;rport=5060;branch=z9hG4bKc2b9a3f4c1d2e5f60718;received=198.51.100.23',
      `Record-Route: <sip:${PROXY};lr;vd=0000>`,
      'From: "Front desk" <sip:201@pbx.example.com>;tag=bd76ya',
      'To: <sip:+4930555123@pbx.example.com;user=phone>;tag=as58f4201b',
      'Call-ID: 313634343a3936343437@198.51.100.23',
      'CSeq: 102 INVITE',
      'Contact: <sip:bob@192.0.2.4:5060>',
      'Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, SUBSCRIBE, NOTIFY, INFO',
      'Supported: replaces, timer',
      'Content-Type: application/sdp',
    ],
    SDP_DESK_PHONE,
  );
}

function chainedOk(): Uint8Array {
  return message(
    [
      'SIP/2.0 200 OK',
      `Via: SIP/2.0/UDP ${PROXY};branch=${OWN_BRANCH}`,
      ...viasBelow(5),
      `Record-Route: <sip:${PROXY};lr;vd=0000>`,
      ...recordRoutes(7),
      'From: <sip:+4915187654321@ims.example.net;user=phone>;tag=p65562t1700000000m284625c2371s1_4020918272-1938457',
      'To: <sip:+4915112345678@ims.example.net;user=phone>;tag=h7g4Esbg_1938457-17000',
      'Call-ID: p65562t1700000000m284625c2371s2_4102938475',
      'CSeq: 1 INVITE',
      'Contact: <sip:mavodi-0-143-3fe-1-ffffffff-@192.0.2.140:5060>',
      'Content-Type: application/sdp',
    ],
    SDP_DESK_PHONE,
  );
}

function named(what: string, bytes: Uint8Array, isRequest: boolean): SizedMessage {
  const size = bytes.length < 1000 ? `${bytes.length} bytes` : `${(bytes.length / 1000).toFixed(1)} KB`;
  return { name: `${what}, ${size}`, bytes, isRequest };
}

/** Requests, small to large. */
export const REQUESTS: readonly SizedMessage[] = [
  named('BYE', bye(), true),
  named('INVITE with SDP', plainInvite(), true),
  named('INVITE of a desk phone', deskPhoneInvite(), true),
  named('INVITE behind four proxies', chainedInvite(), true),
  named('INVITE of a mobile network', richInvite(), true),
];

/** Responses to requests that this proxy has forwarded, small to large. */
export const RESPONSES: readonly SizedMessage[] = [
  named('200 to BYE', okToBye(), false),
  named('200 with SDP', okToInvite(), false),
  named('200 behind seven proxies', chainedOk(), false),
];

export const MESSAGES: readonly SizedMessage[] = [...REQUESTS, ...RESPONSES];

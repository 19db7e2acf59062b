/** Server against client: the digest client of the load generator answers the challenges, whatever the verifier makes of it. */
import { describe, expect, it } from 'vitest';
import { NonceCounts } from '../../../src/auth/nonce-counts.js';
import { digestHa1 } from '../../../src/auth/response.js';
import { V_OK, V_PENDING, V_WRONG_PASSWORD } from '../../../src/auth/verdicts.js';
import { AddressWords } from '../../../src/sip/address-text.js';
import { answerChallenge, parseChallenge, type DigestChallenge } from '../../../src/load/ua/digest.js';
import { ALGORITHMS, AuthShard, LIFETIME_MS, SECRET, START_MS, request, type ShardOptions } from './stage.js';

interface Answer {
  readonly method?: string;
  readonly uri?: string;
  readonly user?: string;
  readonly password?: string;
  readonly count?: number;
}

/** What the client makes of the first header line of a challenge. */
function read(line: string): DigestChallenge {
  const challenge = parseChallenge(line.slice(line.indexOf(':') + 1));
  if (challenge === undefined) throw new Error('the client cannot answer the challenge');
  return challenge;
}

function answer(challenge: DigestChallenge, { method = 'REGISTER', uri = 'sip:example.com', user = 'alice', password = 'wonderland', count = 1 }: Answer = {}): string {
  return answerChallenge(challenge, { method, uri, user, password, count, cnonce: 'c0ffee' });
}

/** Verdict on the answer of a client to a fresh challenge of `shard`, after `change` of the header value. */
function verdict(shard: AuthShard, with_: Answer = {}, change: (value: string) => string = (value) => value, asSent: Answer = {}): string {
  const value = change(answer(read(shard.challenge()[0]!), with_));
  return shard.judge(request([`Authorization: ${value}`], asSent));
}

function shard(options: ShardOptions = {}): AuthShard {
  return new AuthShard(options);
}

describe('credentials of a user who knows the password (RFC 3261 §22.4, RFC 7616 §3.4)', () => {
  it.each(ALGORITHMS)('are ok with %s', (algorithm) => {
    for (const kind of ['www', 'proxy'] as const) {
      const server = shard({ algorithms: [algorithm], opaque: 'opa"que' });
      const [line] = server.challenge(kind);
      const name = kind === 'www' ? 'Authorization' : 'Proxy-Authorization';
      expect(server.judge(request([`${name}: ${answer(read(line!))}`]), { kind })).toBe('ok');
    }
  });

  it('are ok for whichever of several algorithms the client has chosen (RFC 8760 §2.4)', () => {
    const server = shard();
    const lines = server.challenge();
    expect(lines.map((line) => read(line).algorithm)).toEqual(ALGORITHMS);
    for (const [i, line] of lines.entries()) expect(server.judge(request([`Authorization: ${answer(read(line), { count: i + 1 })}`]))).toBe('ok');
  });

  it('are ok without an algorithm, which is MD5 (RFC 7616 §3.3)', () => {
    const server = shard({ algorithms: ['MD5'] });
    expect(verdict(server, {}, (value) => value.replace(', algorithm=MD5', ''))).toBe('ok');
  });

  it.each(['al"ice', 'al\\ice', 'alice@example.com', 'ålice', ''])('are ok for user %j', (user) => {
    const server = shard();
    const value = answer(read(server.challenge()[0]!), { user });
    const octets = String.fromCharCode(...new TextEncoder().encode(value));
    expect(server.judge(request([`Authorization: ${octets}`]))).toBe('ok');
  });

  it('are ok in a realm that needs quoting', () => {
    expect(verdict(shard({ realm: 'a "realm\\"' }))).toBe('ok');
  });

  it('are ok with a response in upper case', () => {
    expect(verdict(shard(), {}, (value) => value.replace(/response="[^"]*"/, (text) => text.toUpperCase().replace('RESPONSE', 'response')))).toBe('ok');
  });

  it('are ok with HA1 in upper case', () => {
    const server = shard({ algorithms: ['MD5'] });
    const view = request([`Authorization: ${answer(read(server.challenge()[0]!))}`]);
    server.verifier.begin(view, 'www', server.realm);
    expect(server.verifier.finish(digestHa1(server.ports, 'MD5', 'alice', 'example.com', 'wonderland').toUpperCase(), START_MS, null)).toBe(V_OK);
  });

  it('are ok in another shard than the one that challenged', () => {
    const table = NonceCounts.create(256, START_MS);
    const value = answer(read(shard({ table }).challenge()[0]!));
    expect(shard({ table }).judge(request([`Authorization: ${value}`]))).toBe('ok');
  });

  it('are found among those for other realms and other schemes', () => {
    const server = shard();
    const other = answer(read(shard({ realm: 'elsewhere' }).challenge()[0]!));
    const mine = answer(read(server.challenge()[0]!));
    expect(server.judge(request(['Authorization: Basic YTpi', `Authorization: ${other}`, 'Authorization: Digest realm="elsewhere", x', `Authorization: ${mine}`]))).toBe('ok');
  });

  it('are found behind credentials of the realm that cannot be checked', () => {
    const server = shard();
    const mine = answer(read(server.challenge()[0]!));
    expect(server.judge(request([`Authorization: ${mine.replace('SHA-512-256', 'SHA3')}`, `Authorization: ${mine}`]))).toBe('ok');
  });
});

describe('credentials are a wrong password', () => {
  it.each(ALGORITHMS)('with another password and %s', (algorithm) => {
    expect(verdict(shard({ algorithms: [algorithm] }), { password: 'looking-glass' })).toBe('wrong password');
  });

  it('for a user who does not exist', () => {
    const server = shard();
    const view = request([`Authorization: ${answer(read(server.challenge()[0]!))}`]);
    expect(server.judge(view, { password: null })).toBe('wrong password');
  });

  it('for a user whose stored hash is none of this algorithm, even one that the client knows', () => {
    const server = shard();
    for (const ha1 of ['', '0'.repeat(32), 'x'.repeat(64)]) {
      const view = request([`Authorization: ${answer(read(server.challenge()[0]!))}`]);
      server.verifier.begin(view, 'www', server.realm);
      expect(server.verifier.finish(ha1, START_MS, null)).toBe(V_WRONG_PASSWORD);
    }
  });

  it('when they were made for another method', () => {
    expect(verdict(shard(), { method: 'INVITE' })).toBe('wrong password');
  });

  it('when nc, cnonce or nonce was changed on the way', () => {
    expect(verdict(shard(), {}, (value) => value.replace('nc=00000001', 'nc=00000002'))).toBe('wrong password');
    expect(verdict(shard(), {}, (value) => value.replace('c0ffee', 'c0ffef'))).toBe('wrong password');
    expect(verdict(shard(), {}, (value) => value.replace(/nonce="./, 'nonce="x'))).toBe('wrong password');
  });

  it('whatever their nonce is: only who knows the password is told about it', () => {
    const server = shard();
    const value = answer(read(server.challenge()[0]!), { password: 'looking-glass' });
    server.nowMs += LIFETIME_MS * 2;
    expect(server.judge(request([`Authorization: ${value}`]))).toBe('wrong password');
  });

  it('without using up the nonce count of the user', () => {
    const server = shard();
    const challenge = read(server.challenge()[0]!);
    expect(server.judge(request([`Authorization: ${answer(challenge, { password: 'x', count: 1000 })}`]))).toBe('wrong password');
    expect(server.judge(request([`Authorization: ${answer(challenge)}`]))).toBe('ok');
  });
});

describe('a nonce is stale for who knows the password', () => {
  it('when it is past its lifetime', () => {
    const server = shard();
    const view = request([`Authorization: ${answer(read(server.challenge()[0]!))}`]);
    server.nowMs += LIFETIME_MS + 1;
    expect(server.judge(view)).toBe('stale nonce');
  });

  it('when it was made with another secret, as before a restart', () => {
    const value = answer(read(shard({ secret: SECRET.map((byte) => byte + 1) }).challenge()[0]!));
    expect(shard().judge(request([`Authorization: ${value}`]))).toBe('stale nonce');
  });

  it('when the table of nonce counts is younger, so that nothing is replayed across a restart', () => {
    const before = shard();
    const view = request([`Authorization: ${answer(read(before.challenge()[0]!))}`]);
    const after = shard({ table: NonceCounts.create(256, START_MS + 1) });
    after.nowMs += 1;
    expect(before.judge(view)).toBe('ok');
    expect(after.judge(view)).toBe('stale nonce');
  });

  it('when it comes from another address than the one that was challenged, if so set', () => {
    const server = shard({ bindToSource: true });
    const source = Object.assign(new AddressWords(), { family: 4, a0: 1 });
    const value = answer({ ...read(server.challenge()[0]!), nonce: server.nonce(source) });
    const other = Object.assign(new AddressWords(), { family: 4, a0: 2 });
    expect(server.judge(request([`Authorization: ${value}`]), { source: other })).toBe('stale nonce');
    expect(server.judge(request([`Authorization: ${value}`]), { source })).toBe('ok');
  });
});

describe('a replay (RFC 7616 §5.5)', () => {
  it('is found in the shard that has seen the original, and in every other', () => {
    const table = NonceCounts.create(256, START_MS);
    const [one, two] = [shard({ table }), shard({ table })];
    const challenge = read(one.challenge()[0]!);
    const view = request([`Authorization: ${answer(challenge)}`]);
    expect([one, one, two].map((at) => at.judge(view))).toEqual(['ok', 'replay', 'replay']);
    const next = request([`Authorization: ${answer(challenge, { count: 2 })}`]);
    expect([two, one].map((at) => at.judge(next))).toEqual(['ok', 'replay']);
  });

  it('is no replay when later counts have overtaken it', () => {
    const server = shard();
    const challenge = read(server.challenge()[0]!);
    expect([2, 3, 1, 1].map((count) => server.judge(request([`Authorization: ${answer(challenge, { count })}`])))).toEqual(['ok', 'ok', 'ok', 'replay']);
  });

  it('is let through where there is no table', () => {
    const server = shard({ table: null });
    const view = request([`Authorization: ${answer(read(server.challenge()[0]!))}`]);
    expect([1, 2].map(() => server.judge(view))).toEqual(['ok', 'ok']);
  });
});

describe('qop', () => {
  it('auth-int is refused, though the credentials are well-formed', () => {
    expect(verdict(shard(), {}, (value) => value.replace('qop=auth', 'qop=auth-int'))).toBe('unsupported qop');
  });

  it('missing is refused where it is required', () => {
    const server = shard();
    const value = answer({ ...read(server.challenge()[0]!), qop: 'none' });
    expect(server.judge(request([`Authorization: ${value}`]))).toBe('unsupported qop');
  });

  it('missing is accepted as optional, once for a nonce (RFC 2069)', () => {
    const server = shard({ qop: 'optional' });
    const challenge: DigestChallenge = { ...read(server.challenge()[0]!), qop: 'none' };
    const view = request([`Authorization: ${answer(challenge)}`]);
    expect([1, 2].map(() => server.judge(view))).toEqual(['ok', 'replay']);
    const invite = request([`Authorization: ${answer(challenge, { method: 'OPTIONS' })}`], { method: 'OPTIONS' });
    expect(server.judge(invite)).toBe('replay');
  });

  it('in quotes or upper case is what it is', () => {
    expect(verdict(shard(), {}, (value) => value.replace('qop=auth', 'qop="AUTH"'))).toBe('ok');
  });

  it.each(['nc=00000001', 'cnonce="c0ffee"'])('without %s is malformed', (parameter) => {
    expect(verdict(shard(), {}, (value) => value.replace(`, ${parameter}`, ''))).toBe('malformed credentials');
  });
});

describe('the algorithm', () => {
  it('that was not offered is not supported', () => {
    const value = answer(read(shard({ algorithms: ['MD5'] }).challenge()[0]!));
    expect(shard({ algorithms: ['SHA-256'] }).judge(request([`Authorization: ${value}`]))).toBe('unsupported algorithm');
    expect(shard({ algorithms: ['SHA-256'] }).judge(request([`Authorization: ${value.replace(', algorithm=MD5', '')}`]))).toBe('unsupported algorithm');
  });

  it('with -sess, and a hashed user name, are not supported: nobody offered them', () => {
    const server = shard();
    const value = answer({ ...read(server.challenge()[0]!), session: true });
    expect(server.judge(request([`Authorization: ${value}`]))).toBe('unsupported algorithm');
    expect(verdict(server, {}, (text) => `${text}, userhash=true`)).toBe('unsupported algorithm');
    expect(verdict(server, {}, (text) => `${text}, userhash=false`)).toBe('ok');
  });

  it('decides how long a response is', () => {
    expect(verdict(shard(), {}, (value) => value.replace('algorithm=SHA-512-256', 'algorithm=MD5'))).toBe('malformed credentials');
  });
});

describe('a request without credentials that are ours', () => {
  it.each([
    ['none at all', []],
    ['another scheme', ['Authorization: Basic YTpi']],
    ['another realm', [`Authorization: ${answer(read(new AuthShard({ realm: 'elsewhere' }).challenge()[0]!))}`]],
    ['the header of the other kind', [`Proxy-Authorization: ${answer(read(new AuthShard().challenge()[0]!))}`]],
  ])('has %s', (_what, lines) => {
    expect(shard().judge(request(lines))).toBe('no credentials');
  });

  it('has a realm in another case: realms are compared octet by octet', () => {
    expect(verdict(shard(), {}, (value) => value.replace('example.com"', 'EXAMPLE.com"'))).toBe('no credentials');
  });

  it('is malformed when the broken ones may be ours', () => {
    expect(shard().judge(request(['Authorization: Digest realm="example.com", nonce']))).toBe('malformed credentials');
    expect(shard().judge(request(['Authorization: Digest']))).toBe('malformed credentials');
    expect(shard().judge(request(['Authorization: Digest realm="elsewhere", nonce']))).toBe('no credentials');
  });
});

describe('the uri of credentials (RFC 7616 §3.4.6)', () => {
  const sent = { method: 'INVITE', uri: 'sip:bob@example.com:5060;transport=udp' };

  it.each([
    ['sip:bob@example.com:5060;transport=udp', 'ok', 'ok', 'ok'],
    ['sip:bob@EXAMPLE.com.', 'ok', 'wrong uri', 'ok'],
    ['sip:bob@example.com', 'ok', 'wrong uri', 'ok'],
    ['sip:carol@example.com', 'wrong uri', 'wrong uri', 'ok'],
    ['sip:example.com', 'wrong uri', 'wrong uri', 'ok'],
    ['sip:bob@example.net', 'wrong uri', 'wrong uri', 'ok'],
    ['sips:bob@example.com', 'wrong uri', 'wrong uri', 'ok'],
    ['tel:+49', 'wrong uri', 'wrong uri', 'ok'],
    ['/dir', 'wrong uri', 'wrong uri', 'ok'],
    ['', 'wrong uri', 'wrong uri', 'ok'],
  ])('%j is, for that Request-URI, %s when lenient, %s when exact and %s when off', (uri, lenient, exact, off) => {
    const found = (['lenient', 'exact', 'off'] as const).map((uriCheck) => verdict(shard({ uriCheck }), { method: 'INVITE', uri }, undefined, sent));
    expect(found).toEqual([lenient, exact, off]);
  });

  it('of a scheme without host is compared as a whole', () => {
    const with_ = { method: 'INVITE', uri: 'tel:+49' };
    expect(verdict(shard(), with_, undefined, with_)).toBe('ok');
    expect(verdict(shard(), with_, undefined, { ...with_, uri: 'tel:+48' })).toBe('wrong uri');
  });
});

describe('the verifier', () => {
  it('hands out who is to be looked up', () => {
    const server = shard();
    const value = answer(read(server.challenge()[1]!), { user: 'a"b' });
    expect(server.verifier.begin(request([`Authorization: ${value}`]), 'www', server.realm)).toBe(V_PENDING);
    expect(server.verifier.username()).toBe('a"b');
    expect(server.verifier.algorithm()).toBe('SHA-256');
  });

  it('finishes only what it has begun, and once', () => {
    const server = shard();
    expect(() => server.verifier.finish(undefined, START_MS, null)).toThrow(/no credentials are pending/);
    server.judge(request([`Authorization: ${answer(read(server.challenge()[0]!))}`]));
    expect(() => server.verifier.finish(undefined, START_MS, null)).toThrow(/no credentials are pending/);
  });
});

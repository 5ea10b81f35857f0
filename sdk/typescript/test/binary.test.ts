/** The real server under load and under faults: tokens of seconds, and not one call that fails. */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import {
  TokenError,
  TokenSource,
  accessKey,
  clientCredentials,
  emailPassword,
  fetchTransport,
  fromFile,
  keycloak,
  tokenFetch,
  type Clock,
  type Credentials,
  type SecretInput,
  type TokenSourceOptions,
  type Transport,
} from 'symbolon';

import { NEEDS_BINARY, Sandbox, type Entry } from './sandbox.js';
import { listen } from './server.js';
import { failing, until } from './support.js';

/** Counts what is sent for tokens, and when. */
class Counted implements Transport {
  readonly sentAt: number[] = [];
  readonly #below = fetchTransport();

  send(request: Parameters<Transport['send']>[0]): ReturnType<Transport['send']> {
    this.sentAt.push(performance.now());
    return this.#below.send(request);
  }
}

/** A source of Metafold's tokens, and what it sends. */
function counted(entry: Entry, options: TokenSourceOptions & { tokenUrl?: string; secret?: SecretInput } = {}) {
  const { tokenUrl = entry.token_url, secret = entry.client_secret, ...rest } = options;
  const transport = new Counted();
  const { client_id: clientId, audience } = entry;
  const credentials = clientCredentials({ tokenUrl, clientId, clientSecret: secret, audience });
  return { transport, source: new TokenSource(credentials, { transport, ...rest }) };
}

/** What tasks saw that called an API again and again. */
interface Seen {
  calls: number;
  readonly failed: string[];
}

/** Calls an API from so many tasks at once, each again after a pause, until it is over. */
async function load(call: () => Promise<Response>, tasks: number, pauseMs: number, isOver: () => boolean): Promise<Seen> {
  const seen: Seen = { calls: 0, failed: [] };
  const task = async (number: number): Promise<void> => {
    await pause((pauseMs * number) / tasks);
    while (!isOver()) {
      seen.calls += 1;
      try {
        const answer = await call();
        await answer.arrayBuffer();
        if (answer.status !== 200) seen.failed.push(`${answer.status}`);
      } catch (caught) {
        seen.failed.push(caught instanceof TokenError ? `${caught.kind}: ${caught.message}` : String(caught));
      }
      await pause(pauseMs);
    }
  };
  await Promise.all(Array.from({ length: tasks }, (_, number) => task(number)));
  return seen;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function after(milliseconds: number): () => boolean {
  const end = performance.now() + milliseconds;
  return () => performance.now() > end;
}

test('every dialect gets a token that its API takes', NEEDS_BINARY, async (context) => {
  const sandbox = await Sandbox.start(context);
  const { meti_v1: v1, meti_v2: v2, metafold, ecoinvent, m3ter } = sandbox.credentials();
  const scope = 'read:sources';
  const id = { clientId: v2.client_id, clientSecret: v2.client_secret, audience: v2.audience, scope };
  const eco = { clientId: ecoinvent.client_id, clientSecret: ecoinvent.client_secret };
  const asked: [string, Credentials, Entry][] = [
    ['METI v2 as JSON', clientCredentials({ tokenUrl: v2.token_url, auth: 'json', ...id }), v2],
    ['METI v2 by Basic', clientCredentials({ tokenUrl: v2.token_url, ...id }), v2],
    ['METI v2 by discovery', clientCredentials({ issuer: v2.issuer, ...id }), v2],
    ['METI v1', emailPassword({ tokenUrl: v1.token_url, email: v1.email, password: v1.password }), v1],
    [
      'Metafold as a form',
      clientCredentials({
        tokenUrl: metafold.token_url,
        auth: 'form',
        clientId: metafold.client_id,
        clientSecret: metafold.client_secret,
        audience: metafold.audience,
      }),
      metafold,
    ],
    ['ecoinvent', keycloak({ baseUrl: sandbox.base, realm: 'ecoinvent', ...eco }), ecoinvent],
    ['ecoinvent by discovery', clientCredentials({ issuer: ecoinvent.issuer, auth: 'form', ...eco }), ecoinvent],
    ['m3ter', accessKey({ tokenUrl: m3ter.token_url, accessKeyId: m3ter.access_key_id, apiSecret: m3ter.api_secret }), m3ter],
  ];
  for (const [name, credentials, { api_url: url }] of asked) {
    const source = new TokenSource(credentials);
    const answer = await tokenFetch(source)(url);
    assert.equal(answer.status, 200, `${name}: ${await answer.text()}`);
    assert.equal((await source.token()).split('.').length, 3, name);
  }
});

test('refusals of the real server have their types', NEEDS_BINARY, async (context) => {
  const { meti_v2: v2, meti_v1: v1 } = (await Sandbox.start(context)).credentials();
  const { token_url: tokenUrl, client_id: clientId, client_secret: clientSecret } = v2;
  const right = { tokenUrl, clientId, clientSecret };
  const ask = (credentials: Credentials) => failing(new TokenSource(credentials).token());
  assert.equal((await ask(clientCredentials({ ...right, audience: 'https://unknown.example' }))).kind, 'invalid_target');
  assert.equal((await ask(clientCredentials({ ...right, audience: v2.audience, scope: 'none' }))).kind, 'invalid_scope');
  const wrong = await ask(clientCredentials({ ...right, clientSecret: 'wrong' }));
  assert.ok(wrong.isInvalidClient && (wrong.requestId ?? '') !== '', wrong.message);
  assert.ok((await ask(emailPassword({ tokenUrl: v1.token_url, email: v1.email, password: 'wrong' }))).isInvalidClient);
  const nowhere = await ask(clientCredentials({ ...right, tokenUrl: new URL('/nowhere', tokenUrl).href }));
  assert.deepEqual([nowhere.status, nowhere.isTemporary, nowhere.isInvalidClient], [404, false, false]);
});

test('a thousand tasks and an expiring token: one request a lifetime, and no call fails', NEEDS_BINARY, async (context) => {
  const { metafold } = (await Sandbox.start(context, 12)).credentials();
  const { transport, source } = counted(metafold);
  const call = tokenFetch(source);
  let refused = 0;
  const counting = async (): Promise<Response> => {
    const answer = await call(metafold.api_url);
    if (answer.status === 401) refused += 1;
    return answer;
  };
  const seen = await load(counting, 1000, 5000, after(22_000));
  const gaps = transport.sentAt.slice(1).map((at, index) => at - (transport.sentAt[index] ?? 0));
  context.diagnostic(`${seen.calls} calls, ${transport.sentAt.length} token requests, ${gaps.map(Math.round).join(' ')} ms apart`);
  assert.deepEqual(seen.failed, []);
  assert.equal(refused, 0);
  assert.ok(seen.calls > 2000, `${seen.calls}`);
  // Twelve seconds are eleven of use, of which 8.8 pass before the renewal, less up to a tenth of the rest.
  assert.ok(gaps.length >= 2, 'the token was renewed');
  for (const gap of gaps) assert.ok(gap >= 8579 && gap < 12_000, `${gap}`);
});

test('a wall clock that is wrong by five minutes, or is set, changes nothing', NEEDS_BINARY, async (context) => {
  const { metafold } = (await Sandbox.start(context, 4)).credentials();
  for (const wrong of [-300_000, 300_000]) {
    let off = wrong;
    const clock: Clock = {
      monotonic: () => performance.now(),
      wall: () => Date.now() + off,
      sleep: (milliseconds) => pause(milliseconds),
    };
    const { transport, source } = counted(metafold, { clock });
    const call = tokenFetch(source);
    const began = performance.now();
    const half = after(3000);
    const seen = await load(
      () => {
        if (half()) off = -wrong;
        return call(metafold.api_url);
      },
      20,
      50,
      after(6000),
    );
    assert.deepEqual(seen.failed, []);
    // Four seconds are three of use, of which 2.34 to 2.4 pass before the renewal.
    const asked = transport.sentAt.length;
    const most = Math.floor((performance.now() - began) / 2340) + 1;
    assert.ok(asked >= 2 && asked <= most, `${asked}`);
  }
});

test('a server that is restarted costs waiting and no token', NEEDS_BINARY, async (context) => {
  const sandbox = await Sandbox.start(context, 3);
  const { metafold } = sandbox.credentials();
  const { transport, source } = counted(metafold, {
    timeoutMs: 2000,
    patienceMs: 120_000,
    backoff: { baseMs: 200, capMs: 1000 },
    random: () => 0.5,
  });
  const began = performance.now();
  let over = false;
  const seen = load(
    async () => {
      assert.ok((await source.token()).length > 100);
      return new Response();
    },
    200,
    20,
    () => over,
  );
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    await pause(1000);
    await sandbox.stop(signal);
    // Longer than a token lives.
    await pause(4000);
    await sandbox.run();
    await source.token();
    assert.equal((await tokenFetch(source)(metafold.api_url)).status, 200);
  }
  over = true;
  const { calls, failed } = await seen;
  context.diagnostic(`${calls} calls, ${transport.sentAt.length} token requests`);
  assert.deepEqual(failed, []);
  // While nobody answers it is asked every half second, after shorter waits at first.
  const most = (performance.now() - began) / 500 + 20;
  assert.ok(transport.sentAt.length < most, `${transport.sentAt.length}`);
});

/** Stands before the real server, and fails in a way of its own as often as it is told. */
async function faulty(context: { after(does: () => void): void }, to: string) {
  const faults: { status?: number; retryAfter?: number; delayMs?: number; reset?: boolean }[] = [];
  const refusals: number[] = [];
  const url = await listen(context, async ({ headers, body, socket }, response) => {
    const fault = faults.shift();
    if (fault?.reset === true) return socket.resetAndDestroy();
    if (fault?.status !== undefined) {
      refusals.push(performance.now());
      return response.writeHead(fault.status, { 'retry-after': String(fault.retryAfter) }).end('{}');
    }
    await pause(fault?.delayMs ?? 0);
    const passed = { 'content-type': headers['content-type'] ?? '', authorization: headers.authorization ?? '' };
    try {
      const answer = await fetch(to, { method: 'POST', headers: passed, body });
      return response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
    } catch {
      // The server is gone: a request that was on its way when the test ended.
      return socket.destroy();
    }
  });
  return { url, faults, refusals };
}

test('503, 429, a slow server and a reset connection fail no call', NEEDS_BINARY, async (context) => {
  const { metafold } = (await Sandbox.start(context, 5)).credentials();
  const { url: tokenUrl, faults, refusals } = await faulty(context, metafold.token_url);
  const { transport, source } = counted(metafold, { tokenUrl, timeoutMs: 3000 });
  const call = tokenFetch(source);
  const rounds = [
    { status: 503, retryAfter: 1 },
    { status: 429, retryAfter: 1 },
    { delayMs: 600 },
    { delayMs: 4500 },
    { reset: true },
  ];
  // Also the very first token.
  faults.push({ status: 503, retryAfter: 1 });
  let over = false;
  const seen = load(() => call(metafold.api_url), 50, 50, () => over);
  await until('the first token', () => transport.sentAt.length === 2);
  for (const fault of rounds) {
    faults.push(fault);
    await until('the fault', () => faults.length === 0);
    const sent = transport.sentAt.length;
    await until('the next token', () => transport.sentAt.length > sent || fault.delayMs === 600);
  }
  over = true;
  const { calls, failed } = await seen;
  context.diagnostic(`${calls} calls, ${transport.sentAt.length} token requests`);
  assert.deepEqual(failed, []);
  for (const refused of refusals) {
    const next = transport.sentAt.find((at) => at > refused) ?? Infinity;
    assert.ok(next - refused >= 995, `asked again ${next - refused} ms after it was told to wait a second`);
  }
});

test('a quota that is used up is told once, however many ask', NEEDS_BINARY, async (context) => {
  const sandbox = await Sandbox.start(context);
  const { metafold } = sandbox.credentials();
  const name = 'name: "Lattice pipeline"';
  await sandbox.apply(sandbox.description().replace(name, `${name}\n              quota: { tokens_per_hour: 1, mode: enforce }`));
  await until('the quota', async () => {
    const { source } = counted(metafold, { patienceMs: 0 });
    return source.token().then(() => false, (caught) => (caught as TokenError).isRateLimited);
  });
  const { transport, source } = counted(metafold);
  const errors = await Promise.all(Array.from({ length: 500 }, () => failing(source.token())));
  assert.ok(errors.every((error) => error.isRateLimited && error.isTemporary && (error.retryAfterMs ?? 0) > 0));
  assert.equal(transport.sentAt.length, 1);
});

const NEXT = 'the-next-secret-of-metafold-0123456789abcdef';

test('a secret that is rotated in its file under load fails no call', NEEDS_BINARY, async (context) => {
  const sandbox = await Sandbox.start(context, 600);
  const { metafold } = sandbox.credentials();
  const file = join(sandbox.data, 'secret');
  writeFileSync(file, metafold.client_secret);
  const { transport, source } = counted(metafold, { secret: fromFile(file) });
  const call = tokenFetch(source);
  let over = false;
  const seen = load(() => call(metafold.api_url), 100, 50, () => over);
  const [old, next] = ['key_metafold', 'key_metafold_2'];
  await sandbox.metafoldKeys({ id: old, secret: metafold.client_secret, active: true }, { id: next, secret: NEXT, active: true });
  await until('the second key', () => counted(metafold, { secret: NEXT }).source.token().then(() => true, () => false));
  writeFileSync(file, NEXT);
  const before = await source.token();
  await sandbox.metafoldKeys({ id: old, secret: metafold.client_secret, active: false }, { id: next, secret: NEXT, active: true });
  // Its tokens are dead with it; the API says so, and the next one comes from the new secret.
  await until('a token of the new secret', async () => (await source.token()) !== before);
  await pause(500);
  over = true;
  const { calls, failed } = await seen;
  context.diagnostic(`${calls} calls, ${transport.sentAt.length} token requests`);
  assert.deepEqual(failed, []);
  assert.equal(transport.sentAt.length, 2);
});

test('of two secrets the other one is taken when the first is switched off under load', NEEDS_BINARY, async (context) => {
  const sandbox = await Sandbox.start(context, 600);
  const { metafold } = sandbox.credentials();
  const [old, next] = ['key_metafold', 'key_metafold_2'];
  const keys = (active: boolean) =>
    sandbox.metafoldKeys({ id: old, secret: metafold.client_secret, active }, { id: next, secret: NEXT, active: true });
  await keys(true);
  await until('the second key', () => counted(metafold, { secret: NEXT }).source.token().then(() => true, () => false));
  const { transport, source } = counted(metafold, { secret: [metafold.client_secret, NEXT] });
  const call = tokenFetch(source);
  let over = false;
  const seen = load(() => call(metafold.api_url), 100, 50, () => over);
  const before = await source.token();
  await keys(false);
  await until('a token of the other secret', async () => (await source.token()) !== before);
  await pause(500);
  over = true;
  const { calls, failed } = await seen;
  context.diagnostic(`${calls} calls, ${transport.sentAt.length} token requests`);
  assert.deepEqual(failed, []);
  // The first token, the refused secret, the other one.
  assert.equal(transport.sentAt.length, 3);
});

test('a secret that is revoked is told by its type, and nobody hammers', NEEDS_BINARY, async (context) => {
  const sandbox = await Sandbox.start(context, 600);
  const { metafold } = sandbox.credentials();
  const { transport, source } = counted(metafold, { random: () => 0.5 });
  const call = tokenFetch(source);
  assert.equal((await call(metafold.api_url)).status, 200);
  const dead = { id: 'key_metafold', secret: metafold.client_secret, active: false };
  await sandbox.metafoldKeys(dead);
  await until('the end of its token', () => call(metafold.api_url).then(() => false, (caught) => (caught as TokenError).isInvalidClient));
  const began = performance.now();
  const passed = after(4000);
  let calls = 0;
  const counting = (): Promise<Response> => {
    calls += 1;
    return call(metafold.api_url);
  };
  const seen = await load(counting, 200, 20, () => passed() && (calls > 2000 || performance.now() - began > 60_000));
  context.diagnostic(`${seen.calls} calls, ${transport.sentAt.length} token requests`);
  assert.equal(seen.failed.length, seen.calls);
  assert.ok(seen.failed.every((failure) => failure.startsWith('invalid_client: ')), seen.failed[0]);
  assert.ok(seen.calls > 2000);
  // The first token and the first refusal; then after half of 0.5, 1, 2, 4, … seconds; the waits doubled while it lasted.
  const gaps = transport.sentAt.slice(2).map((at, index) => at - (transport.sentAt[index + 1] ?? 0));
  for (const [index, gap] of gaps.entries()) assert.ok(gap >= 245 * 2 ** index, `${gap} ms after refusal ${index + 1}`);
  // Switched on again, it works again by itself.
  await sandbox.metafoldKeys({ ...dead, active: true });
  await until('its return', () => call(metafold.api_url).then((answer) => answer.ok, () => false));
});

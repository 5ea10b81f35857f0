/** What the vectors cannot say: many callers at once, signals, options, and what is shown of secrets. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';

import { TokenError, TokenSource, clientCredentials, emailPassword, keycloak, type BackoffOptions } from 'symbolon';

import { FakeServer, SteppedClock, failing, settled, sourceOf } from './support.js';

test('a thousand callers at once are one request', async () => {
  const server = new FakeServer();
  const source = sourceOf(server, { clock: new SteppedClock() });
  const tokens = await Promise.all(Array.from({ length: 1000 }, () => source.token()));
  assert.deepEqual(new Set(tokens), new Set(['t1']));
  assert.equal(server.requests.length, 1);
});

test('a thousand callers at the time of renewal are one request, and nobody waits for it', async () => {
  const server = new FakeServer(101);
  const clock = new SteppedClock();
  const source = sourceOf(server, { clock });
  await source.token();
  clock.advance(70_000);
  let open = (): void => undefined;
  server.gate = new Promise((resolve) => (open = resolve));
  const tokens = await Promise.all(Array.from({ length: 1000 }, () => source.token()));
  assert.deepEqual(new Set(tokens), new Set(['t1']));
  open();
  await settled();
  assert.equal(await source.token(), 't2');
  assert.equal(server.requests.length, 2);
});

test('a thousand callers that fail together ask once for each moment that is allowed', async () => {
  const server = new FakeServer();
  server.answer = (count) =>
    count < 4 ? { status: 503 } : { status: 200, body: { access_token: 't', expires_in: 60 } };
  // The real clock: they all sleep.
  const source = sourceOf(server, { backoff: { baseMs: 100, capMs: 100 } });
  const tokens = await Promise.all(Array.from({ length: 1000 }, () => source.token()));
  assert.deepEqual(new Set(tokens), new Set(['t']));
  assert.equal(server.requests.length, 4);
});

test('a signal ends the waiting of its caller and of nobody else', async () => {
  const server = new FakeServer();
  let open = (): void => undefined;
  server.gate = new Promise((resolve) => (open = resolve));
  const source = sourceOf(server);
  const controller = new AbortController();
  const [leaves, stays] = [source.token({ signal: controller.signal }), source.token()];
  controller.abort(new Error('enough'));
  await assert.rejects(leaves, /enough/);
  open();
  assert.equal(await stays, 't1');
  assert.equal(server.requests.length, 1);
});

test('a signal ends the waiting for a back-off', async () => {
  const server = new FakeServer();
  server.answer = () => ({ status: 503, headers: { 'retry-after': '20' } });
  const source = sourceOf(server);
  const controller = new AbortController();
  const waiting = source.token({ signal: controller.signal });
  await settled();
  controller.abort(new Error('enough'));
  await assert.rejects(waiting, /enough/);
});

test('a back-off that cannot work is refused when it is made', () => {
  const wrong: BackoffOptions[] = [
    { baseMs: 0 },
    { baseMs: -1 },
    { baseMs: NaN },
    { baseMs: Infinity, capMs: Infinity },
    { capMs: 499 },
    { capMs: NaN },
    { baseMs: 1000, capMs: 999 },
  ];
  for (const backoff of wrong) {
    assert.throws(() => sourceOf(new FakeServer(), { backoff }), isConfiguration, inspect(backoff));
  }
});

test('back-off has full jitter: whole numbers between its least and its most, which doubles up to the cap', async () => {
  const draws = [0, 0.1, 0.37, 0.5, 0.999];
  for (const draw of draws) {
    const server = new FakeServer();
    server.answer = () => ({ status: 500 });
    const clock = new SteppedClock();
    const backoff = { baseMs: 300, capMs: 2000 };
    await failing(sourceOf(server, { clock, random: () => draw, backoff }).token());
    assert.ok(clock.slept.length > 5);
    for (const [index, slept] of clock.slept.entries()) {
      assert.equal(slept, Math.max(100, Math.floor(draw * Math.min(2000, 300 * 2 ** index))));
    }
  }
});

test('options that cannot work are refused when they are given', () => {
  const clientSecret = 'x';
  const wrong = [
    () => clientCredentials({ clientId: 'a', clientSecret }),
    () => clientCredentials({ clientId: 'a', clientSecret, tokenUrl: 'https://a', issuer: 'https://a' }),
    () => clientCredentials({ clientId: '', clientSecret, tokenUrl: 'https://a' }),
    () => clientCredentials({ clientId: 'a', clientSecret: [], tokenUrl: 'https://a' }),
    () => clientCredentials({ clientId: 'a', clientSecret: '', tokenUrl: 'https://a' }),
    () => clientCredentials({ clientId: 'a', clientSecret, tokenUrl: 'https://a', auth: 'digest' as 'basic' }),
    () => keycloak({ baseUrl: 'https://a', realm: '', clientId: 'a', clientSecret }),
    () => sourceOf(new FakeServer(), { patienceMs: -1 }),
    () => sourceOf(new FakeServer(), { timeoutMs: 0 }),
    () => sourceOf(new FakeServer(), { assumedLifeMs: NaN }),
  ];
  for (const make of wrong) assert.throws(make, isConfiguration, String(make));
});

test('a list of scopes is one text', async () => {
  const server = new FakeServer();
  const scope = ['read:sources', 'write:sources'];
  const asked = { tokenUrl: 'https://a.example', clientId: 'a', clientSecret: 'b', scope };
  await new TokenSource(clientCredentials(asked), { transport: server }).token();
  assert.equal(server.requests[0]?.body, 'grant_type=client_credentials&scope=read%3Asources+write%3Asources');
});

test('nothing that is printed shows a secret or a token', async () => {
  const secret = 'sym_sk_not_to_be_seen';
  const server = new FakeServer();
  server.answer = (count) =>
    count === 1
      ? { status: 200, body: { access_token: 'token_not_to_be_seen', expires_in: 60 } }
      : { status: 401, headers: { 'x-request-id': secret }, body: { error: secret, error_description: `no ${secret}` } };
  const clock = new SteppedClock();
  const credentials = clientCredentials({ tokenUrl: 'https://auth.example.com/t', clientId: 'cli_1', clientSecret: secret });
  const source = new TokenSource(credentials, { transport: server, clock });
  await source.token();
  clock.advance(60_000);
  const error = await failing(source.token());
  const login = emailPassword({ tokenUrl: 'https://a.example/token', email: 'a@example.com', password: secret });
  for (const shown of [credentials, source, error, login]) {
    const texts = [inspect(shown, { depth: Infinity, showHidden: true }), String(JSON.stringify(shown)), String(shown)];
    for (const text of texts) assert.doesNotMatch(text, /not_to_be_seen/);
  }
  assert.match(inspect(source), /cli_1/);
  assert.match(error.message, /\[redacted\]/);
});

test('an error says what happened and where, and answers what to do', async () => {
  const server = new FakeServer();
  server.answer = () => ({
    status: 401,
    headers: { 'x-request-id': 'req_1' },
    body: { error: 'invalid_client', error_description: 'Invalid client' },
  });
  const error = await failing(sourceOf(server).token());
  assert.equal(error.message, 'auth.example.com refused (401, invalid_client: Invalid client)');
  assert.deepEqual(
    [error.name, error.kind, error.status, error.requestId, error.isInvalidClient, error.isTemporary],
    ['TokenError', 'invalid_client', 401, 'req_1', true, false],
  );
});

function isConfiguration(error: unknown): boolean {
  return error instanceof TokenError && error.isConfiguration;
}

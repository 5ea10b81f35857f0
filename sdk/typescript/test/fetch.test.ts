/** `fetch` with a token, over Node's own `fetch` and a server of this process. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { tokenFetch } from 'symbolon';

import { FakeServer, SteppedClock, failing, sourceOf } from './support.js';
import { listen, type Seen } from './server.js';

/** An API that takes the second token alone. */
async function api(context: { after(does: () => void): void }, takes = 't2') {
  const seen: Seen[] = [];
  const base = await listen(context, (request, response) => {
    seen.push(request);
    const right = request.headers.authorization === `Bearer ${takes}`;
    response.writeHead(right ? 200 : 401).end(right ? 'welcome' : 'no');
  });
  const server = new FakeServer();
  const clock = new SteppedClock();
  return { base, seen, server, clock, call: tokenFetch(sourceOf(server, { clock })) };
}

test('a body that can be sent again is sent again', async (context) => {
  const { base, seen, call } = await api(context);
  const bodies: (RequestInit['body'] | undefined)[] = [
    undefined,
    'text',
    new URLSearchParams({ a: 'b' }),
    Buffer.from('bytes'),
    new Uint8Array([111, 107]).buffer,
    new Blob(['blob']),
  ];
  for (const [index, body] of bodies.entries()) {
    const takes = await api(context);
    const answer = await takes.call(takes.base, { method: 'POST', ...(body === undefined ? {} : { body }) });
    assert.equal(answer.status, 200, `${index}`);
    assert.equal(takes.seen.length, 2);
    assert.equal(takes.seen[0]?.body, takes.seen[1]?.body);
    assert.ok(body === undefined || (takes.seen[1]?.body ?? '') !== '');
  }
  const form = new FormData();
  form.set('a', 'b');
  assert.equal((await call(base, { method: 'POST', body: form })).status, 200);
  assert.match(seen[1]?.body ?? '', /name="a"/);
});

test('a body that can be read once is not sent again, and the next call has a new token', async (context) => {
  const stream = (): RequestInit => ({ method: 'POST', body: new Blob(['once']).stream(), duplex: 'half' });
  for (const kind of ['stream', 'Request']) {
    const { base, seen, call } = await api(context);
    const answer =
      kind === 'stream' ? await call(base, stream()) : await call(new Request(base, { method: 'POST', body: 'once' }));
    assert.deepEqual([answer.status, await answer.text()], [401, 'no'], kind);
    assert.deepEqual(seen.map((one) => one.body), ['once']);
    assert.equal((await call(base, stream())).status, 200);
  }
});

test('a Request keeps its method, its headers and its signal', async (context) => {
  const { base, seen, call } = await api(context);
  const answer = await call(new Request(base, { method: 'DELETE', headers: { 'x-kept': 'yes' } }));
  assert.equal(answer.status, 200);
  assert.deepEqual(seen.map((one) => [one.method, one.headers['x-kept']]), [['DELETE', 'yes'], ['DELETE', 'yes']]);
  const given = { 'x-kept': 'no' };
  await call(new Request(base, { headers: { 'x-kept': 'yes' } }), { headers: given });
  assert.equal(seen.at(-1)?.headers['x-kept'], 'no');
  assert.deepEqual(given, { 'x-kept': 'no' }, 'what the caller gave is as it was');
  await assert.rejects(call(base, { signal: AbortSignal.abort(new Error('enough')) }), /enough/);
});

test('a request with an Authorization of its own is left alone', async (context) => {
  const { base, seen, server, call } = await api(context);
  assert.equal((await call(base, { headers: { Authorization: 'Basic eDp5' } })).status, 401);
  assert.deepEqual(seen.map((one) => one.headers.authorization), ['Basic eDp5']);
  assert.equal(server.requests.length, 0);
});

test('the token is not sent to where an API redirects, and that 401 is not blamed on it', async (context) => {
  const elsewhere = await api(context, 'none');
  const base = await listen(context, (_, response) => response.writeHead(302, { location: elsewhere.base }).end());
  assert.equal((await elsewhere.call(base)).status, 401);
  assert.deepEqual(elsewhere.seen.map((one) => one.headers.authorization), [undefined]);
  assert.equal(elsewhere.server.requests.length, 1);
});

test('no token goes where everybody can read it, unless that is allowed', async () => {
  const server = new FakeServer();
  const sent: string[] = [];
  const send: typeof fetch = (input) => {
    sent.push(String(input));
    return Promise.resolve(new Response());
  };
  for (const url of ['http://api.example.com/things', 'http://127.0.0.1.example.com/', 'HTTP://api.example.com']) {
    const refused = await failing(tokenFetch(sourceOf(server), { fetch: send })(url));
    assert.ok(refused.isConfiguration && refused.message.includes('http'), refused.message);
  }
  assert.deepEqual([sent, server.requests.length], [[], 0]);
  for (const url of ['https://api.example.com/things#part', 'http://localhost:1/x']) {
    await tokenFetch(sourceOf(server), { fetch: send })(url);
  }
  await tokenFetch(sourceOf(server, { allowInsecureHttp: true }), { fetch: send })('http://api.example.com/x');
  assert.equal(sent.length, 3);
});

test('an API that refuses every token costs two token requests in ten seconds', async (context) => {
  const { base, clock, server, call } = await api(context, 'none');
  for (let count = 0; count < 50; count += 1) assert.equal((await call(base)).status, 401);
  assert.equal(server.requests.length, 2);
  clock.advance(10_000);
  assert.equal((await call(base)).status, 401);
  assert.equal(server.requests.length, 3);
});

test('a 429 of the API is the caller\'s, once', async (context) => {
  let asked = 0;
  const base = await listen(context, (_, response) => {
    asked += 1;
    response.writeHead(429, { 'retry-after': '1' }).end();
  });
  const answer = await tokenFetch(sourceOf(new FakeServer()))(base);
  assert.deepEqual([answer.status, answer.headers.get('retry-after'), asked], [429, '1', 1]);
});

test('a call without a token is the token\'s error', async (context) => {
  const { base, seen, server, call } = await api(context);
  server.answer = () => ({ status: 401, body: { error: 'invalid_client' } });
  for (let count = 0; count < 100; count += 1) assert.ok((await failing(call(base))).isInvalidClient);
  assert.deepEqual([seen.length, server.requests.length], [0, 1]);
});

/** Faults of a real connection: slow, cut, wrong, too long, too many, and away for a while. */

import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';

import { TokenSource, clientCredentials, fetchTransport, type TokenSourceOptions } from 'symbolon';

import { failing, until } from './support.js';
import { listen, type Seen } from './server.js';

type Answer = (response: ServerResponse, seen: Seen) => unknown;

const GOOD: Answer = (response) =>
  response.writeHead(200, { 'content-type': 'application/json' }).end('{"access_token":"good","expires_in":60}');

/** A token endpoint that answers in this order; the last answer stays. */
async function endpoint(context: { after(does: () => void): void }, ...answers: Answer[]) {
  const seen: { at: number; seen: Seen }[] = [];
  const tokenUrl = await listen(context, (request, response) => {
    seen.push({ at: performance.now(), seen: request });
    answers[Math.min(seen.length, answers.length) - 1]?.(response, request);
  });
  const ask = (options: TokenSourceOptions = {}) => {
    const credentials = clientCredentials({ tokenUrl, clientId: 'cli_1', clientSecret: 's1' });
    return new TokenSource(credentials, { backoff: { baseMs: 100, capMs: 100 }, ...options });
  };
  return { tokenUrl, seen, ask };
}

test('a connection that is reset is tried again', async (context) => {
  const { seen, ask } = await endpoint(context, (_, { socket }) => socket.resetAndDestroy(), GOOD);
  assert.equal(await ask().token(), 'good');
  assert.equal(seen.length, 2);
});

test('an answer that is cut off is tried again', async (context) => {
  const cut: Answer = (response, { socket }) => {
    response.writeHead(200, { 'content-length': '100' }).write('{"access_token":', () => socket.destroy());
  };
  const { seen, ask } = await endpoint(context, cut, GOOD);
  assert.equal(await ask().token(), 'good');
  assert.equal(seen.length, 2);
});

test('a server that does not answer is given up after its time, and so is one that stops in the middle', async (context) => {
  const silent: Answer = () => undefined;
  const halting: Answer = (response) => response.writeHead(200).write('{');
  for (const slow of [silent, halting]) {
    const { seen, ask } = await endpoint(context, slow, GOOD);
    assert.equal(await ask({ timeoutMs: 200 }).token(), 'good');
    assert.equal(seen.length, 2);
    const never = await endpoint(context, slow);
    const error = await failing(never.ask({ timeoutMs: 50, patienceMs: 0 }).token());
    assert.ok(error.isTemporary);
    assert.match(error.message, /did not answer within 50 ms/);
    assert.equal(never.seen.length, 1);
    // It is ended, not only forgotten.
    await until('the end of the connection', () => never.seen[0]?.seen.socket.destroyed === true);
  }
});

test('503 and 429 are waited for as long as they ask', async (context) => {
  for (const status of [503, 429]) {
    const { seen, ask } = await endpoint(context, (response) => response.writeHead(status, { 'retry-after': '1' }).end(), GOOD);
    const source = ask({ random: () => 0 });
    const tokens = await Promise.all(Array.from({ length: 200 }, () => source.token()));
    assert.deepEqual(new Set(tokens), new Set(['good']));
    assert.equal(seen.length, 2);
    const [first, second] = seen.map(({ at }) => at);
    assert.ok((second ?? 0) - (first ?? 0) >= 999, `${status}`);
  }
});

test('a server that is not there yet is waited for', async (context) => {
  const { tokenUrl, seen, ask } = await endpoint(context, GOOD);
  let refused = 0;
  const transport = fetchTransport((input, init) => {
    // A port on which nobody listens.
    refused += 1;
    return fetch(refused < 3 ? 'http://127.0.0.1:9/' : input, init);
  });
  assert.equal(await ask({ transport }).token(), 'good');
  assert.deepEqual([refused, seen.length], [3, 1]);
  const gone = clientCredentials({ tokenUrl: 'http://127.0.0.1:9/token', clientId: 'a', clientSecret: 'b' });
  const error = await failing(new TokenSource(gone, { patienceMs: 0 }).token());
  assert.match(error.message, /cannot reach 127.0.0.1:9: fetch failed: \S+/);
  assert.ok(new URL(tokenUrl).port !== '9');
});

test('a redirect is not followed', async (context) => {
  const elsewhere = await endpoint(context, GOOD);
  const { ask } = await endpoint(context, (response) => response.writeHead(307, { location: elsewhere.tokenUrl }).end());
  assert.equal((await failing(ask().token())).kind, 'redirect');
  assert.equal(elsewhere.seen.length, 0);
});

test('an answer without an end is not read to it', async (context) => {
  let sent = 0;
  const endless: Answer = (response, { socket }) => {
    response.writeHead(200);
    const more = (): void => {
      while (!socket.destroyed && response.write('x'.repeat(16_384))) sent += 16_384;
    };
    response.on('drain', more);
    more();
  };
  const { ask } = await endpoint(context, endless);
  assert.equal((await failing(ask().token())).kind, 'malformed');
  assert.ok(sent < 64 * 1024 * 1024, `${sent}`);
});

test('a kept connection that the server has closed meanwhile is no failure', async (context) => {
  const short: Answer = (response, seen) => {
    GOOD(response, seen);
    response.on('finish', () => setTimeout(() => seen.socket.destroy(), 5));
  };
  const { seen, ask } = await endpoint(context, short);
  const source = ask();
  for (let count = 0; count < 5; count += 1) {
    assert.equal(await source.token(), 'good');
    source.reportUnauthorized('good');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.ok(seen.length >= 1);
});

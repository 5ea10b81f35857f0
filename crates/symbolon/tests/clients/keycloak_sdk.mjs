// Symbolon's client for TypeScript against the real Keycloak, by path and by discovery.
//
// It calls an API from many tasks until three tokens were used, and prints what it saw as one line of JSON.

import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';

import { TokenError, TokenSource, clientCredentials, keycloak, tokenFetch } from 'symbolon';

const { KEYCLOAK_URL, KEYCLOAK_ISSUER: issuer, API_URL, REALM: realm, CLIENT_ID: clientId, CLIENT_SECRET } = process.env;

const byPath = (baseUrl, clientSecret) => new TokenSource(keycloak({ baseUrl, realm, clientId, clientSecret }));
const discovered = (auth, clientSecret) => new TokenSource(clientCredentials({ issuer, clientId, clientSecret, auth }));

async function refusal(source) {
  const error = await source.token().then(() => assert.fail('a wrong secret was taken'), (caught) => caught);
  assert.ok(error instanceof TokenError, String(error));
  return [error.kind, error.code];
}

for (const auth of ['basic', 'form']) assert.equal((await discovered(auth, CLIENT_SECRET).token()).split('.').length, 3);
const base = issuer.slice(0, issuer.indexOf('/realms/'));
const refused = [await refusal(byPath(base, 'wrong')), await refusal(discovered('form', 'wrong'))];

const tokens = new Set();
const failed = [];
let calls = 0;
const call = tokenFetch(byPath(KEYCLOAK_URL, CLIENT_SECRET), {
  fetch: (input, init) => {
    tokens.add(new Headers(init.headers).get('authorization'));
    return fetch(input, init);
  },
});
const deadline = performance.now() + 120_000;

async function work() {
  while (tokens.size < 3 && failed.length === 0 && performance.now() < deadline) {
    try {
      const answer = await call(API_URL);
      await answer.arrayBuffer();
      if (answer.status !== 200) failed.push(`status ${answer.status}`);
    } catch (caught) {
      failed.push(String(caught));
    }
    calls += 1;
    await pause(50);
  }
}

await Promise.all(Array.from({ length: 50 }, work));
console.log(JSON.stringify({ calls, failed, tokens: tokens.size, refused }));

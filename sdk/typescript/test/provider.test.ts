/** Tokens from a server that is not ours: node oidc-provider, unmodified. */

import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { TokenSource, clientCredentials } from 'symbolon';

import { failing } from './support.js';

const MODULES = process.env['SYMBOLON_TEST_NODE_MODULES'];
const NEEDS_PROVIDER = MODULES === undefined ? { skip: 'SYMBOLON_TEST_NODE_MODULES names no folder' } : {};

interface Provider {
  callback(): RequestListener;
}

// Everything that a secret may hold (RFC 6749, appendix A) and that has to be encoded.
const SECRET = 'a secret: with % and + and %2B & "quotes" ~';
const AUDIENCE = 'https://api.example.com/';

async function issuer(context: { after(does: () => void): void }): Promise<string> {
  const resolve = createRequire(join(MODULES ?? '', 'x.js')).resolve;
  const { Provider } = (await import(pathToFileURL(resolve('oidc-provider')).href)) as {
    Provider: new (issuer: string, options: object) => Provider;
  };
  const server = createServer();
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  context.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = { client_secret: SECRET, grant_types: ['client_credentials'], redirect_uris: [], response_types: [] };
  const provider = new Provider(address, {
    clients: ['basic', 'post'].map((how) => ({
      ...client,
      client_id: `by:${how}`,
      token_endpoint_auth_method: `client_secret_${how}`,
    })),
    scopes: ['read:things', 'write:things'],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          audience: AUDIENCE,
          scope: 'read:things write:things',
          accessTokenFormat: 'jwt',
          accessTokenTTL: 100,
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
  });
  server.on('request', provider.callback());
  return address;
}

test('oidc-provider gives tokens by Basic and by form, discovered and by address', NEEDS_PROVIDER, async (context) => {
  const address = await issuer(context);
  for (const auth of ['basic', 'form'] as const) {
    for (const where of [{ issuer: address }, { tokenUrl: `${address}/token` }]) {
      const clientId = auth === 'basic' ? 'by:basic' : 'by:post';
      const asked = { clientId, clientSecret: SECRET, auth, resource: AUDIENCE, scope: 'read:things' };
      const token = await new TokenSource(clientCredentials({ ...where, ...asked })).token();
      const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
      const { aud, scope, client_id: client } = JSON.parse(payload) as Record<string, unknown>;
      assert.deepEqual([aud, scope, client], [AUDIENCE, 'read:things', clientId]);
    }
  }
});

test('refusals of oidc-provider have their types', NEEDS_PROVIDER, async (context) => {
  const tokenUrl = `${await issuer(context)}/token`;
  const ask = (clientSecret: string, resource: string) =>
    failing(new TokenSource(clientCredentials({ tokenUrl, clientId: 'by:basic', clientSecret, resource })).token());
  assert.ok((await ask('wrong', AUDIENCE)).isInvalidClient);
  assert.equal((await ask(SECRET, 'no-absolute-address')).kind, 'invalid_target');
});

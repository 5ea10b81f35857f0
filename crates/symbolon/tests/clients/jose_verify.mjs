// jose (createRemoteJWKSet + jwtVerify), as a Node API verifies tokens.
//
// Shows S1.2-S1.4, S3.3, S4.2, S4.3, S5.4, S5.5 from the receiving side: each system's token is asked for in the
// published way of that system, then verified against its jwks_uri with audience and issuer.
//
// Scenario: one of meti_v2, metafold, ecoinvent, m3ter; default all.

import { createRemoteJWKSet, errors, jwtVerify } from 'jose';
import { check, run, scenario } from './sandbox.mjs';

const JSON_TYPE = { 'content-type': 'application/json' };
const grant_type = 'client_credentials';

const ask = {
  meti_v2: ({ client_id, client_secret, audience }) => ({
    headers: JSON_TYPE,
    body: JSON.stringify({ client_id, client_secret, audience, grant_type, scope: 'read:sources' }),
  }),
  metafold: ({ client_id, client_secret, audience }) => ({
    body: new URLSearchParams({ grant_type, audience, client_id, client_secret }),
  }),
  ecoinvent: ({ client_id, client_secret }) => ({
    body: new URLSearchParams({ grant_type, client_id, client_secret }),
  }),
  m3ter: ({ access_key_id, api_secret }) => ({
    headers: { ...JSON_TYPE, authorization: `Basic ${btoa(`${access_key_id}:${api_secret}`)}` },
    body: JSON.stringify({ grant_type }),
  }),
};

async function verify(name, system) {
  const response = await fetch(system.token_url, { method: 'POST', ...ask[name](system) });
  check(response.status === 200, `${name}: ${response.status} ${await response.clone().text()}`);
  const answer = await response.json();
  const keys = createRemoteJWKSet(new URL(system.jwks_uri));
  const expected = {
    issuer: system.issuer,
    audience: system.audience,
    algorithms: ['RS256'],
    typ: 'JWT',
    requiredClaims: ['exp', 'iat', 'nbf', 'sub', 'jti'],
  };
  const { payload } = await jwtVerify(answer.access_token, keys, expected);
  check(payload.exp - payload.iat === answer.expires_in, `${name}: expires_in is not exp - iat`);
  check(payload.scope === answer.scope, `${name}: scope ${answer.scope}, claim ${payload.scope}`);
  if (name === 'meti_v2') check(answer.scope === 'read:sources', `scope ${answer.scope}`);
  if (name === 'ecoinvent') check(payload.typ === 'Bearer', `claim typ ${payload.typ}`);

  const elsewhere = await jwtVerify(answer.access_token, keys, { ...expected, audience: 'https://other.example' })
    .catch((error) => error);
  check(elsewhere instanceof errors.JWTClaimValidationFailed, `${name}: verified for another audience`);
  return name;
}

await run(async (credentials) => {
  const shown = [];
  for (const name of scenario ? [scenario] : Object.keys(ask)) shown.push(await verify(name, credentials[name]));
  return `jose verified tokens of ${shown.join(', ')}`;
});

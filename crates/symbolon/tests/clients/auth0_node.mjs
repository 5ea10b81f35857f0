// The Auth0 Node SDK, majors 4, 5 and 6, unmodified, over https.
//
// Shows S3.4 (clientCredentialsGrant({audience}), then GET /user/usage answers counts), S3.3 (its form body),
// S1.2, S1.3 and S1.5 (the same call for METI) and the SDK's own error for a wrong secret.
//
// Scenarios:
//   4, 5 or 6   one major; default all three
//   auth-js     @auth0/auth0-auth-js, which replaces AuthenticationClient from major 7 on. It discovers first, and
//               demands that https://HOST:PORT/.well-known/openid-configuration names https://HOST:PORT as issuer.

import { check, load, run, scenario, trust } from './sandbox.mjs';

const REFUSED = 'Invalid client or Invalid client credentials';

function client(AuthenticationClient, credentials, system, clientSecret) {
  return new AuthenticationClient({
    domain: new URL(credentials.tls.base_url).host,
    clientId: system.client_id,
    clientSecret: clientSecret ?? system.client_secret,
  });
}

async function get(credentials, path, token) {
  const answer = await fetch(credentials.tls.base_url + path, { headers: { authorization: `Bearer ${token}` } });
  check(answer.status === 200, `GET ${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.json();
}

async function callBoth(credentials, tokenFor) {
  const usage = await get(credentials, '/user/usage', await tokenFor(credentials.metafold));
  check(Number.isInteger(usage.projects) && Number.isInteger(usage.assets), `not counts: ${JSON.stringify(usage)}`);
  const sources = await get(credentials, '/sources', await tokenFor(credentials.meti_v2));
  check(Array.isArray(sources), `not an array: ${JSON.stringify(sources)}`);
}

async function major(number, credentials) {
  const { AuthenticationClient } = await import(`auth0-${number}`);
  await callBoth(credentials, async (system) => {
    const grant = await client(AuthenticationClient, credentials, system).oauth.clientCredentialsGrant({
      audience: system.audience,
    });
    check(grant.status === 200, `status ${grant.status}`);
    check(typeof grant.data.access_token === 'string', 'no access_token');
    check(grant.data.token_type === 'Bearer', `token_type ${grant.data.token_type}`);
    check(Number.isInteger(grant.data.expires_in), `expires_in ${grant.data.expires_in}`);
    return grant.data.access_token;
  });

  const { metafold } = credentials;
  const wrong = client(AuthenticationClient, credentials, metafold, 'wrong-secret');
  const refusal = await wrong.oauth.clientCredentialsGrant({ audience: metafold.audience }).catch((error) => error);
  const seen = [refusal.name, refusal.statusCode, refusal.error, refusal.error_description].join(' ');
  check(seen === `AuthApiError 401 invalid_client ${REFUSED}`, `wrong secret: ${seen}`);

  const unknown = client(AuthenticationClient, credentials, metafold);
  const none = await unknown.oauth.clientCredentialsGrant({ audience: 'htttps://api.example' }).catch((error) => error);
  const why = `${none.statusCode} ${none.error}`;
  check(why === '400 invalid_target', `unknown audience: ${why}`);
  return `auth0@${number}`;
}

async function authJs(credentials) {
  const { AuthClient } = await import('@auth0/auth0-auth-js');
  const make = (system, clientSecret) => client(AuthClient, credentials, system, clientSecret);
  await callBoth(credentials, async (system) => {
    const token = await make(system).getTokenByClientCredentials({ audience: system.audience });
    check(token.expiresAt > Date.now() / 1000, `expiresAt ${token.expiresAt}`);
    return token.accessToken;
  });
  const { metafold } = credentials;
  const refusal = await make(metafold, 'wrong-secret')
    .getTokenByClientCredentials({ audience: metafold.audience })
    .catch((error) => error);
  const seen = [refusal.statusCode, refusal.cause?.error, refusal.cause?.error_description].join(' ');
  check(seen === `401 invalid_client ${REFUSED}`, `wrong secret: ${seen}`);
  return '@auth0/auth0-auth-js';
}

trust(load().tls.ca_file);
await run(async (credentials) => {
  const shown = [];
  if (scenario === 'auth-js') shown.push(await authJs(credentials));
  else for (const number of scenario ? [scenario] : ['4', '5', '6']) shown.push(await major(number, credentials));
  return `${shown.join(', ')}: clientCredentialsGrant over https, /user/usage, /sources, refusals`;
});

// node oidc-provider with everything in memory (its own adapter), for the same clients and APIs as Symbolon's
// (bench/src/seed.rs). Usage: node oidc_provider.mjs PORT ES256|Ed25519|RS256
import { generateKeyPairSync } from 'node:crypto';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

// Installed in a folder of its own, not beside this file.
const require = createRequire(join(process.env.BENCH_NODE_MODULES, 'x.js'));
const { Provider } = await import(pathToFileURL(require.resolve('oidc-provider')).href);

const [port, algorithm] = process.argv.slice(2);
const audience = `https://${algorithm.toLowerCase()}.bench.example`;
const key = {
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  Ed25519: () => generateKeyPairSync('ed25519'),
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
}[algorithm]().privateKey.export({ format: 'jwk' });
// As this server names it.
const alg = algorithm === 'Ed25519' ? 'EdDSA' : algorithm;

const clients = Array.from({ length: 100 }, (_, number) => ({
  client_id: `cli_bench${String(number).padStart(21, '0')}`,
  client_secret: 'bench-Q2hlYXAgdG8gaGFzaCwgYW5kIG5vdCBhIHNlY3JldA',
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
  token_endpoint_auth_method: 'client_secret_post',
}));

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients,
  jwks: { keys: [{ ...key, alg, use: 'sig' }] },
  scopes: ['read:sources', 'write:sources'],
  // Its clients' own defaults ask for RS256, which a server without an RSA key refuses.
  clientDefaults: { id_token_signed_response_alg: alg },
  enabledJWA: { idTokenSigningAlgValues: [alg] },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => audience,
      getResourceServerInfo: () => ({
        audience,
        scope: 'read:sources write:sources',
        accessTokenFormat: 'jwt',
        accessTokenTTL: 3600,
        jwt: { sign: { alg } },
      }),
    },
  },
});
provider.listen(Number(port), '127.0.0.1');

/** A program in TypeScript whose compiler is strict and knows nothing of Node: it shows that the types stand alone. */

import { TokenError, TokenSource, clientCredentials, fetchTransport, fromEnvironment, tokenFetch, type Fetch } from 'symbolon';

const clientSecret = [fromEnvironment('CLIENT_SECRET'), 'another'];
const tokens = new TokenSource(
  clientCredentials({ issuer: 'https://auth.example.com', clientId: 'a', clientSecret, scope: ['b', 'c'] }),
  { transport: fetchTransport(fetch), backoff: { baseMs: 100 } },
);
const api: Fetch = tokenFetch(tokens);
export const status: number = (await api('https://api.example.com/', { method: 'POST', body: 'x' })).status;
export const isTemporary = (error: unknown): boolean => error instanceof TokenError && error.isTemporary;

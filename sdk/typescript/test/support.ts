/** What the tests share: a clock that stands still, and sources described as the vectors describe them. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  Secret,
  TokenError,
  TokenSource,
  accessKey,
  clientCredentials,
  emailPassword,
  keycloak,
  type Authentication,
  type Clock,
  type Credentials,
  type SecretInput,
  type SecretProvider,
  type TokenSourceOptions,
  type Transport,
  type TransportRequest,
  type TransportResponse,
} from 'symbolon';

/** Moves only when it is told to, or by what somebody sleeps. */
export class SteppedClock implements Clock {
  #monotonic = 1_000_000;
  #wall: number;
  readonly slept: number[] = [];

  constructor(wall = 1767225600000) {
    this.#wall = wall;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  wall(): number {
    return this.#wall;
  }

  sleep(milliseconds: number): Promise<void> {
    this.slept.push(milliseconds);
    this.advance(milliseconds);
    return Promise.resolve();
  }

  advance(milliseconds: number): void {
    this.#monotonic += milliseconds;
    this.#wall += milliseconds;
  }

  jumpWall(milliseconds: number): void {
    this.#wall += milliseconds;
  }
}

/** Lets everything go on that waits for nothing outside. */
export async function settled(rounds = 20): Promise<void> {
  for (let round = 0; round < rounds; round += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** A provider of whatever the function names at the time. */
export function namedBy(names: () => readonly string[]): SecretProvider {
  return { secrets: () => Promise.resolve(names().map((name) => new Secret(name))) };
}

/** A source as vectors and the binary's tests describe it. */
export interface SourceDescription {
  dialect: 'client_credentials' | 'keycloak' | 'access_key' | 'password';
  auth?: Authentication;
  token_url?: string;
  issuer?: string;
  base_url?: string;
  realm?: string;
  client_id?: string;
  email?: string;
  audience?: string;
  resource?: string;
  scope?: string;
}

/** Its credentials, with a secret of the given provider. */
export function credentialsOf(source: SourceDescription, secrets: () => readonly string[]): Credentials {
  const { audience, resource, scope, token_url: tokenUrl = '', client_id: clientId = '' } = source;
  const wanted = {
    ...(audience === undefined ? {} : { audience }),
    ...(resource === undefined ? {} : { resource }),
    ...(scope === undefined ? {} : { scope }),
  };
  const secret = namedBy(secrets);
  switch (source.dialect) {
    case 'client_credentials': {
      const where = source.issuer === undefined ? { tokenUrl } : { issuer: source.issuer };
      const auth = source.auth ?? 'basic';
      return clientCredentials({ ...where, clientId, clientSecret: secret, auth, ...wanted });
    }
    case 'keycloak': {
      const { base_url: baseUrl = '', realm = '' } = source;
      return keycloak({ baseUrl, realm, clientId, clientSecret: secret, ...wanted });
    }
    case 'access_key':
      return accessKey({ tokenUrl, accessKeyId: clientId, apiSecret: secret, ...wanted });
    case 'password':
      return emailPassword({ tokenUrl, email: source.email ?? '', password: secret });
  }
}

/** A token endpoint in memory: counts what it is asked, and answers when it is let. */
export class FakeServer implements Transport {
  readonly requests: TransportRequest[] = [];
  /** What it answers, by the number of the request from 1 on. */
  answer: (count: number) => { status: number; headers?: Record<string, string>; body?: unknown };
  /** Answers wait for this. */
  gate: Promise<void> = Promise.resolve();

  constructor(lifetime = 3600) {
    this.answer = (count) => ({ status: 200, body: { access_token: `t${count}`, expires_in: lifetime } });
  }

  async send(request: TransportRequest): Promise<TransportResponse> {
    this.requests.push(request);
    const { status, headers = {}, body = '' } = this.answer(this.requests.length);
    await this.gate;
    return { status, headers, body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)) };
  }
}

/** A source of such a server's tokens at a time that stands still. */
export function sourceOf(server: FakeServer, options: TokenSourceOptions = {}, secret: SecretInput = 'a-secret'): TokenSource {
  const credentials = clientCredentials({ tokenUrl: 'https://auth.example.com/t', clientId: 'cli_1', clientSecret: secret });
  return new TokenSource(credentials, { transport: server, random: () => 0, ...options });
}

/** A folder that is gone after the test. */
export function folder(context: { after(does: () => void): void }): string {
  const made = mkdtempSync(join(tmpdir(), 'symbolon-sdk-'));
  context.after(() => {
    rmSync(made, { recursive: true, force: true });
  });
  return made;
}

/** Waits until something is so, for as long as a slow machine may take. */
export async function until(what: string, done: () => boolean | Promise<boolean>, patienceMs = 60_000): Promise<void> {
  const began = performance.now();
  while (!(await done())) {
    if (performance.now() - began > patienceMs) throw new Error(`${what} did not happen within ${patienceMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The error that a promise ends with; it must be one of tokens. */
export async function failing(promise: Promise<unknown>): Promise<TokenError> {
  try {
    await promise;
  } catch (caught) {
    if (caught instanceof TokenError) return caught;
    throw caught;
  }
  throw new Error('there was no error');
}

/** What the tests share: a clock that stands still, and sources described as the vectors describe them. */

import {
  Secret,
  accessKey,
  clientCredentials,
  emailPassword,
  keycloak,
  type Authentication,
  type Clock,
  type Credentials,
  type SecretProvider,
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

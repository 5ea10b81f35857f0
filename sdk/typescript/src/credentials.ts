/**
 * Who asks for what, where, and in which words: one function for each way of asking. What they make shows nothing when
 * it is printed.
 */

import { inspect } from 'node:util';

import { misconfigured } from './error.js';
import { providerOf, type SecretInput, type SecretProvider } from './secret.js';

/** The words that a token is asked for in. */
export type Dialect = 'client_credentials' | 'keycloak' | 'access_key' | 'password';

/** Where id and secret stand: in HTTP Basic with a form, in the form, or in a JSON body. */
export type Authentication = 'basic' | 'form' | 'json';

/** What a source asks for. */
export interface Question {
  readonly dialect: Dialect;
  readonly auth: Authentication;
  /** The token endpoint, or nothing where the issuer tells it. */
  readonly tokenUrl: string | undefined;
  readonly issuer: string | undefined;
  /** The client's or access key's id, in v1 the email. */
  readonly id: string;
  readonly secret: SecretProvider;
  readonly audience: string | undefined;
  readonly resource: string | undefined;
  readonly scope: string | undefined;
}

/** Who asks for what, ready for a `TokenSource`. */
export class Credentials {
  readonly #question: Question;

  /** @internal */
  constructor(question: Question) {
    this.#question = question;
  }

  /** @internal For the source that asks. */
  get question(): Question {
    return this.#question;
  }

  /** @internal */
  [inspect.custom](): string {
    const { dialect, tokenUrl, issuer, id } = this.#question;
    return `Credentials { ${dialect}, ${id} at ${tokenUrl ?? issuer} }`;
  }

  toJSON(): object {
    const { dialect, tokenUrl, issuer, id } = this.#question;
    return { dialect, id, at: tokenUrl ?? issuer };
  }
}

/** What a token may be asked to be good for; the server decides where it is left out. */
export interface Wanted {
  /** The API (Auth0's word, and Symbolon's). */
  readonly audience?: string;
  /** The API, in the words of RFC 8707. */
  readonly resource?: string;
  /** What to do there, as a list or as one text with spaces. */
  readonly scope?: string | readonly string[];
}

/** Options of `clientCredentials`. One of `tokenUrl` and `issuer` is needed. */
export interface ClientCredentialsOptions extends Wanted {
  /** The token endpoint. */
  readonly tokenUrl?: string;
  /** The issuer, whose discovery document names the token endpoint. */
  readonly issuer?: string;
  readonly clientId: string;
  readonly clientSecret: SecretInput;
  /** Where id and secret stand. Default `basic`, which every server has to know; Auth0 and METI are fine with any. */
  readonly auth?: Authentication;
}

/** OAuth 2.0 client credentials (RFC 6749, section 4.4): Symbolon, Auth0, METI v2, Metafold, and most others. */
export function clientCredentials(options: ClientCredentialsOptions): Credentials {
  const { tokenUrl, issuer, clientId, clientSecret, auth = 'basic' } = options;
  if ((tokenUrl === undefined) === (issuer === undefined)) throw misconfigured('give either tokenUrl or issuer');
  if (!['basic', 'form', 'json'].includes(auth)) throw misconfigured(`auth is basic, form or json, not ${auth}`);
  const where = { tokenUrl, issuer, ...wanted(options) };
  return credentials({ dialect: 'client_credentials', auth, id: clientId, ...where }, clientSecret);
}

/** Options of `keycloak`. */
export interface KeycloakOptions extends Wanted {
  /** The server's address, before `/realms`. */
  readonly baseUrl: string;
  readonly realm: string;
  readonly clientId: string;
  readonly clientSecret: SecretInput;
}

/** A realm's token endpoint as Keycloak has it; ecoinvent. */
export function keycloak(options: KeycloakOptions): Credentials {
  const { baseUrl, realm, clientId, clientSecret } = options;
  if (realm === '') throw misconfigured('the realm is empty');
  const tokenUrl = `${baseUrl.replace(/\/+$/, '')}/realms/${encodeURIComponent(realm)}/protocol/openid-connect/token`;
  const where = { tokenUrl, issuer: undefined, ...wanted(options) };
  return credentials({ dialect: 'keycloak', auth: 'form', id: clientId, ...where }, clientSecret);
}

/** Options of `accessKey`. */
export interface AccessKeyOptions extends Wanted {
  /** The token endpoint. */
  readonly tokenUrl: string;
  readonly accessKeyId: string;
  readonly apiSecret: SecretInput;
}

/** A service user's access key, as m3ter has it: HTTP Basic and a JSON body. */
export function accessKey(options: AccessKeyOptions): Credentials {
  const { tokenUrl, accessKeyId, apiSecret } = options;
  const where = { tokenUrl, issuer: undefined, ...wanted(options) };
  return credentials({ dialect: 'access_key', auth: 'basic', id: accessKeyId, ...where }, apiSecret);
}

/** Options of `emailPassword`. */
export interface EmailPasswordOptions {
  /** The token endpoint. */
  readonly tokenUrl: string;
  readonly email: string;
  readonly password: SecretInput;
}

/** Email and password, as METI v1 has it. */
export function emailPassword({ tokenUrl, email, password }: EmailPasswordOptions): Credentials {
  const where = { tokenUrl, issuer: undefined, ...wanted({}) };
  return credentials({ dialect: 'password', auth: 'json', id: email, ...where }, password);
}

function credentials(question: Omit<Question, 'secret'>, secret: SecretInput): Credentials {
  if (question.id === '') throw misconfigured('the id is empty');
  return new Credentials({ ...question, secret: providerOf(secret) });
}

function wanted({ audience, resource, scope }: Wanted): Pick<Question, 'audience' | 'resource' | 'scope'> {
  const set = (text: string | undefined) => (text === '' ? undefined : text);
  const scopes = typeof scope === 'object' ? scope.join(' ') : scope;
  return { audience: set(audience), resource: set(resource), scope: set(scopes) };
}

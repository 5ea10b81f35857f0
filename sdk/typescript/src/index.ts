/**
 * Access tokens that renew themselves: OAuth 2.0 client credentials, in the words of Symbolon, Auth0, Keycloak, m3ter
 * and METI.
 */

export type { BackoffOptions } from './backoff.js';
export type { Clock } from './clock.js';
export {
  accessKey,
  clientCredentials,
  emailPassword,
  keycloak,
  type AccessKeyOptions,
  type Authentication,
  type ClientCredentialsOptions,
  type Credentials,
  type EmailPasswordOptions,
  type KeycloakOptions,
  type Wanted,
} from './credentials.js';
export { TokenError, type TokenErrorDetails, type TokenErrorKind } from './error.js';
export { tokenFetch, type Fetch, type TokenFetchOptions } from './fetch.js';
export {
  Secret,
  fromCommand,
  fromEnvironment,
  fromFile,
  fromValue,
  type SecretInput,
  type SecretProvider,
} from './secret.js';
export { TokenSource, type TokenSourceOptions } from './token_source.js';
export { fetchTransport, type Transport, type TransportRequest, type TransportResponse } from './transport.js';

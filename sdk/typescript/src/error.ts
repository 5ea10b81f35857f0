/**
 * What can go wrong on the way to a token, as one error with predicates: a caller asks what to do (`isTemporary`: try
 * later; `isInvalidClient`: somebody has to look at the secret) and never compares texts. No error holds a secret or a
 * token.
 */

/** What happened. */
export type TokenErrorKind =
  /** No answer came (the network, a connection that was cut, no answer in time), or the server is out of order. */
  | 'temporary'
  /** 429: the server asks this client to ask less often. */
  | 'rate_limited'
  /** Id, secret, email or password are wrong, or the client was switched off. */
  | 'invalid_client'
  /** OAuth's error of this name (RFC 6749, section 5.2): the client may not do this. */
  | 'unauthorized_client'
  /** OAuth's error of this name: none of the scopes is granted. */
  | 'invalid_scope'
  /** OAuth's error of this name (RFC 8707): the audience or resource is unknown or not granted. */
  | 'invalid_target'
  /** OAuth's error of this name: the server does not understand the request. */
  | 'invalid_request'
  /** OAuth's error of this name: the server has no client credentials. */
  | 'unsupported_grant_type'
  /** The server refused in words that are not OAuth's; most often the address is wrong. */
  | 'refused'
  /** The address leads elsewhere, where no secret is sent. */
  | 'redirect'
  /** An answer came that is none of a token endpoint or of discovery. */
  | 'malformed'
  /** The secret could not be had: a file, a variable or a command. No request was sent. */
  | 'no_secret'
  /** The options cannot work. Thrown where they are given. */
  | 'configuration';

/** What an error is made of. */
export interface TokenErrorDetails {
  /** The HTTP status of the answer, if there was one. */
  readonly status?: number | undefined;
  /** The OAuth error code of the answer, if it had one. */
  readonly code?: string | undefined;
  /** The server's words, if it had any. */
  readonly description?: string | undefined;
  /** The server's name for the request. */
  readonly requestId?: string | undefined;
  /** Milliseconds that the server asked to wait. */
  readonly retryAfterMs?: number | undefined;
  /** What was thrown below. */
  readonly cause?: unknown;
}

/** Why there is no token. */
export class TokenError extends Error {
  override readonly name = 'TokenError';
  /** What happened. */
  readonly kind: TokenErrorKind;
  /** The HTTP status of the answer, if there was one. */
  readonly status: number | undefined;
  /** The OAuth error code of the answer, if it had one. */
  readonly code: string | undefined;
  /** The server's words, if it had any; at most 200 characters. */
  readonly description: string | undefined;
  /** The server's name for the request; on Symbolon, `symbolon explain` tells the reason by it. */
  readonly requestId: string | undefined;
  /** Milliseconds that the server asked to wait, if it did. */
  readonly retryAfterMs: number | undefined;

  constructor(kind: TokenErrorKind, message: string, details: TokenErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.kind = kind;
    this.status = details.status;
    this.code = details.code;
    this.description = details.description;
    this.requestId = details.requestId;
    this.retryAfterMs = details.retryAfterMs;
  }

  /** Id, secret, email or password are wrong, or the client was switched off. Asking again does not help. */
  get isInvalidClient(): boolean {
    return this.kind === 'invalid_client';
  }

  /** The same request may succeed later: nobody answered, or the server is overloaded or out of order. */
  get isTemporary(): boolean {
    return this.kind === 'temporary' || this.kind === 'rate_limited';
  }

  /** The server asks this client to ask less often. */
  get isRateLimited(): boolean {
    return this.kind === 'rate_limited';
  }

  /** The options are wrong. */
  get isConfiguration(): boolean {
    return this.kind === 'configuration';
  }

  /** The secret could not be read from where it lies. */
  get isNoSecret(): boolean {
    return this.kind === 'no_secret';
  }
}

/** For options that cannot work. */
export function misconfigured(message: string): TokenError {
  return new TokenError('configuration', message);
}

/** What a caught value says, for a message. */
export function reason(caught: unknown): string {
  if (!(caught instanceof Error)) return String(caught);
  // `fetch` hides what happened (ECONNREFUSED) below "fetch failed".
  const { cause } = caught;
  const below = cause instanceof Error ? cause.message || String((cause as { code?: unknown }).code ?? '') : '';
  return below === '' ? caught.message : `${caught.message}: ${below}`;
}

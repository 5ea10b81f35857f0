/** What an answer means: a token, or which error. The table of this stands in the vectors' README. */

import { LONGEST_BELIEVED_MS } from './backoff.js';
import { TokenError, type TokenErrorKind } from './error.js';
import { LONGEST_ANSWER, type TransportResponse } from './transport.js';

/** What a token endpoint gave. */
export interface Granted {
  readonly token: string;
  /** Milliseconds from the answer on, in whole seconds; undefined if the server did not say. */
  readonly expiresInMs: number | undefined;
  readonly scope: string | undefined;
}

/** Where an answer came from and what must not be repeated from it. */
export interface Context {
  readonly url: string;
  /** v1 has other names for the token and for wrong credentials. */
  readonly v1: boolean;
  readonly secrets: readonly string[];
  /** This machine's time, where the server does not tell its own. */
  readonly wallMs: number;
}

const LONGEST_LIFE_S = 365 * 24 * 3600;
const OTHER_CODES = ['invalid_scope', 'invalid_target', 'invalid_request', 'unsupported_grant_type'] as const;
/** The codes with a meaning here. They are told as they are: nothing is given away by them. */
const KNOWN_CODES: readonly unknown[] = [
  ...OTHER_CODES,
  'invalid_client',
  'invalid_grant',
  'server_error',
  'temporarily_unavailable',
  'unauthorized_client',
];

/** Reads the answer of a token endpoint; throws a `TokenError` if it is none with a token. */
export function readToken(answer: TransportResponse, context: Context): Granted {
  const members = readObject(answer, context);
  const member = context.v1 ? 'token' : 'access_token';
  const { [member]: token, token_type: type, expires_in: expiresIn, scope } = members;
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) {
    throw malformed(answer, context, `has no ${member}; is this the address of a token endpoint?`);
  }
  if (type !== undefined && type !== null && !(typeof type === 'string' && type.toLowerCase() === 'bearer')) {
    throw malformed(answer, context, 'has a token for another scheme than Bearer');
  }
  const seconds = wholeSeconds(expiresIn);
  if (seconds === false) throw malformed(answer, context, 'has an expires_in that is no time to live');
  const expiresInMs = seconds === undefined ? undefined : seconds * 1000;
  return { token, expiresInMs, scope: typeof scope === 'string' ? scope : undefined };
}

/** Undefined if it is missing, false if it is nothing that a token can live. */
function wholeSeconds(member: unknown): number | undefined | false {
  if (member === undefined || member === null) return undefined;
  const number = typeof member === 'string' && /^[0-9]+$/.test(member) ? Math.min(Number(member), LONGEST_LIFE_S) : member;
  if (!Number.isFinite(number) || (number as number) < 1) return false;
  return Math.floor(Math.min(number as number, LONGEST_LIFE_S));
}

/** Reads an answer of 2xx that must be a JSON object; throws a `TokenError` otherwise. */
export function readObject(answer: TransportResponse, context: Context): Record<string, unknown> {
  const members = objectOf(answer.body);
  if (answer.status < 200 || answer.status > 299) throw refusal(answer, members ?? {}, context);
  if (members === undefined) throw malformed(answer, context, 'is no JSON object');
  return members;
}

/** For an answer that cannot be used. Its body stays out of the message: it may hold a token all the same. */
export function malformed(answer: TransportResponse, context: Context, what: string): TokenError {
  const message = `the answer of ${new URL(context.url).host} ${what}`;
  return new TokenError('malformed', message, { status: answer.status, requestId: requestId(answer, context) });
}

function refusal(answer: TransportResponse, members: Record<string, unknown>, context: Context): TokenError {
  const { status } = answer;
  const { error } = members;
  const code = KNOWN_CODES.includes(error) ? String(error) : theirs(error, context.secrets);
  const description = theirs(members['error_description'], context.secrets);
  const kind = kindOf(status, error, context.v1);
  const temporary = kind === 'temporary' || kind === 'rate_limited';
  const said = [code, description].filter((part) => part !== undefined).join(': ');
  const what = {
    redirect: 'leads elsewhere, where no secret is sent: ask the new address',
    temporary: 'cannot give a token now',
    rate_limited: 'asks to be asked less often',
  };
  const did = kind in what ? what[kind as keyof typeof what] : 'refused';
  const message = `${new URL(context.url).host} ${did} (${said === '' ? status : `${status}, ${said}`})`;
  return new TokenError(kind, message, {
    status,
    code,
    description,
    requestId: requestId(answer, context),
    retryAfterMs: temporary ? timeToWait(answer, context.wallMs) : undefined,
  });
}

function kindOf(status: number, code: unknown, v1: boolean): TokenErrorKind {
  if (status >= 300 && status < 400) return 'redirect';
  if (status === 429) return 'rate_limited';
  if (status === 408 || status >= 500) return 'temporary';
  if (code === 'temporarily_unavailable' || code === 'server_error') return 'temporary';
  const other = OTHER_CODES.find((known) => known === code);
  if (other !== undefined) return other;
  if (status === 401 || code === 'invalid_client' || (v1 && code === 'invalid_grant')) return 'invalid_client';
  return code === 'unauthorized_client' ? 'unauthorized_client' : 'refused';
}

/** Milliseconds that an answer asks to wait, if it names a time to come. */
function timeToWait({ headers }: TransportResponse, wallMs: number): number | undefined {
  const date = Date.parse(headers['date'] ?? '');
  // Both moments by the server's clock where it tells it: this machine's may be wrong.
  const now = Number.isNaN(date) ? wallMs : date;
  const retryAfter = headers['retry-after']?.trim() ?? '';
  const reset = headers['x-ratelimit-reset']?.trim() ?? '';
  const named = [
    /^[0-9]+$/.test(retryAfter) ? Number(retryAfter) * 1000 : httpDate(retryAfter) - now,
    /^[0-9]+$/.test(reset) ? Number(reset) * 1000 - now : NaN,
  ];
  const wait = named.find((milliseconds) => milliseconds > 0);
  return wait === undefined ? undefined : Math.min(wait, LONGEST_BELIEVED_MS);
}

/** NaN if it is none: `Date.parse` alone would take "-5" for a year. */
function httpDate(text: string): number {
  return /^[A-Za-z]{3,9}, ?[0-9]|^[A-Za-z]{3} [A-Za-z]{3} /.test(text) ? Date.parse(text) : NaN;
}

function requestId(answer: TransportResponse, context: Context): string | undefined {
  return theirs(answer.headers['x-request-id'], context.secrets);
}

/** A server's words as they may stand in a log. */
function theirs(text: unknown, secrets: readonly string[]): string | undefined {
  if (typeof text !== 'string' || text === '') return undefined;
  let clean = text;
  for (const secret of secrets) {
    if (secret !== '') clean = clean.replaceAll(secret, '[redacted]');
  }
  return Array.from(clean.replace(/\p{Cc}/gu, ' ')).slice(0, 200).join('');
}

function objectOf(body: Uint8Array): Record<string, unknown> | undefined {
  if (body.byteLength > LONGEST_ANSWER) return undefined;
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Its message would repeat the body.
  }
  return undefined;
}

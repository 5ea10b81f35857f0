/**
 * `fetch` with a token: what a program calls an API with. A token that the API turns down is renewed once, and the
 * call is made once more, where its body can be sent again.
 */

import type { TokenSource } from './token_source.js';

/** The signature of `fetch`. */
export type Fetch = typeof fetch;

/** Options of `tokenFetch`. */
export interface TokenFetchOptions {
  /** The `fetch` below; Node's own by default. */
  readonly fetch?: Fetch;
}

/**
 * A `fetch` that adds `Authorization: Bearer …` to every request that has no `Authorization` of its own.
 *
 * A 401 leads to one forced renewal and one more try. A body that can be read once only (a stream, or that of a
 * `Request`) is not sent again: the 401 is returned, and the next call has a new token. A 429 is returned as it is.
 * Tokens go to https alone, or to this machine, unless the source allows plain http. Rejects with a `TokenError` when
 * there is no token, or for such an address.
 */
export function tokenFetch(tokens: TokenSource, options: TokenFetchOptions = {}): Fetch {
  const send = options.fetch ?? fetch;
  return async (input, init) => {
    const given = isRequest(input) ? input : undefined;
    const headers = new Headers(init?.headers ?? given?.headers);
    if (headers.has('authorization')) return send(input, init);
    const url = given?.url ?? String(input);
    // What is no whole address is for the `fetch` below to understand, or to refuse.
    if (URL.canParse(url)) tokens.mayCarry(new URL(url));
    const signal = init?.signal ?? given?.signal ?? undefined;
    const waiting = signal === undefined ? {} : { signal };
    const sendWith = (token: string) => {
      headers.set('authorization', `Bearer ${token}`);
      return send(input, { ...init, headers });
    };

    const token = await tokens.token(waiting);
    const answer = await sendWith(token);
    if (answer.status !== 401 || wentElsewhere(answer, url)) return answer;
    const worthATry = tokens.reportUnauthorized(token);
    if (!worthATry || !canBeSentAgain(init?.body ?? given?.body)) return answer;
    // Nobody reads it: its connection is free for the next call.
    await answer.body?.cancel();
    return sendWith(await tokens.token(waiting));
  };
}

/** Also one of another `fetch` than Node's. */
function isRequest(input: Parameters<Fetch>[0]): input is Request {
  return typeof input === 'object' && 'headers' in input && 'url' in input;
}

/** On the way to another origin `fetch` takes the token off: its 401 says nothing about the token. */
function wentElsewhere(answer: Response, url: string): boolean {
  return answer.redirected && new URL(answer.url).origin !== new URL(url).origin;
}

function canBeSentAgain(body: unknown): boolean {
  return (
    body === undefined ||
    body === null ||
    typeof body === 'string' ||
    body instanceof URLSearchParams ||
    body instanceof ArrayBuffer ||
    ArrayBuffer.isView(body) ||
    body instanceof Blob ||
    body instanceof FormData
  );
}

/**
 * The one place that speaks HTTP for tokens, behind an interface small enough to be replaced: for a proxy, for a
 * private certificate authority, or for a test.
 */

import { TokenError, reason } from './error.js';

/** A request for a token or for a discovery document. It may hold a secret: never log it. */
export interface TransportRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Ends the request: its time is up. */
  readonly signal: AbortSignal;
}

/** What came back. */
export interface TransportResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body, or its beginning: nothing is read of what lies beyond `LONGEST_ANSWER`. */
  readonly body: Uint8Array;
}

/**
 * Sends one request and reads the answer. Whatever it throws counts as temporary. It must not follow redirects: they
 * would carry the secret elsewhere.
 */
export interface Transport {
  send(request: TransportRequest): Promise<TransportResponse>;
}

/** Bytes; a longer answer is none that a token endpoint gives. */
export const LONGEST_ANSWER = 64 * 1024;

/** The transport over Node's own `fetch`, or over another one with the same signature. */
export function fetchTransport(send: typeof fetch = fetch): Transport {
  return {
    async send(request) {
      const answer = await send(request.url, {
        method: request.method,
        headers: request.headers,
        ...(request.body === undefined ? {} : { body: request.body }),
        redirect: 'manual',
        signal: request.signal,
      });
      return { status: answer.status, headers: Object.fromEntries(answer.headers), body: await beginning(answer) };
    },
  };
}

/** The body, until it is clear that it is too long. */
async function beginning(answer: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    length += chunk.byteLength;
    if (length > LONGEST_ANSWER) break;
  }
  return Buffer.concat(chunks);
}

/** Sends a request and waits no longer than is said; every failure is a `TokenError` of the kind `temporary`. */
export async function exchange(
  transport: Transport,
  request: Omit<TransportRequest, 'signal'>,
  timeoutMs: number,
): Promise<TransportResponse> {
  const place = new URL(request.url).host;
  const giveUp = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new TokenError('temporary', `${place} did not answer within ${timeoutMs} ms`));
      giveUp.abort();
    }, timeoutMs);
  });
  try {
    return await Promise.race([transport.send({ ...request, signal: giveUp.signal }), tooLate]);
  } catch (caught) {
    if (caught instanceof TokenError) throw caught;
    throw new TokenError('temporary', `cannot reach ${place}: ${reason(caught)}`, { cause: caught });
  } finally {
    clearTimeout(timer);
  }
}

/** The loopback addresses, on the way to which nobody can listen. */
const LOOPBACK = /^(localhost|127(\.[0-9]{1,3}){3}|\[::1\])$/;

/** What is wrong with the address of a token endpoint or issuer, if something is. */
export function addressFault(text: string, allowInsecureHttp: boolean): string | undefined {
  // `URL` mends some of what it is given; an address with a mistake in it is better told than mended.
  if (!/^[a-z]+:\/\/[^/?#\\\s]/i.test(text) || /[\x00-\x20\x7f]/.test(text) || !URL.canParse(text)) return 'is no address';
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return 'holds credentials, which do not belong in addresses';
  if (text.includes('#')) return 'has a fragment';
  if (url.protocol === 'https:') return undefined;
  if (url.protocol !== 'http:') return 'is neither https nor http';
  if (allowInsecureHttp || LOOPBACK.test(url.hostname)) return undefined;
  return 'is plain http, which anybody on the way can read: use https (or allowInsecureHttp, for a test)';
}

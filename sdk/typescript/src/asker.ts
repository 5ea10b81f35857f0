/**
 * One attempt at a token: which secrets are sent, in which order, and to which address. It knows nothing of time but
 * when a request was sent; when to try, and when to try again, is the source's.
 */

import { malformed, readObject, readToken, type Context, type Granted } from './answer.js';
import type { Clock } from './clock.js';
import type { Question } from './credentials.js';
import { TokenError, misconfigured, reason } from './error.js';
import { discoveryRequest, tokenRequest, type Unsent } from './request.js';
import { addressFault, exchange, type Transport, type TransportResponse } from './transport.js';

/** How an attempt is made. */
export interface Means {
  readonly transport: Transport;
  readonly clock: Clock;
  /** The longest time that one request may take, in milliseconds. */
  readonly timeoutMs: number;
  /** Whether addresses of other machines may be plain http. */
  readonly allowInsecureHttp: boolean;
}

/** What an attempt brought. */
export interface Obtained extends Granted {
  /** The monotonic clock just before the request was sent. */
  readonly sentAt: number;
  /** The wall clock then. */
  readonly sentWall: number;
}

/** Statuses that say that a token endpoint has moved. */
const GONE = [404, 405, 410];

/** After so many wrong secrets a new one waits like any other: a provider that makes them up ends no wait for ever. */
const MOST_AT_ONCE = 10;

/** Asks for tokens, one attempt after the other. */
export class Asker {
  readonly #question: Question;
  readonly #means: Means;
  /** The token endpoint that discovery found. */
  #found: string | undefined;
  /** The secret that was accepted last. */
  #accepted: string | undefined;
  /** The secrets that were tried since the last success. */
  readonly #tried = new Set<string>();
  /** Whether one of them was refused. */
  #wasRefused = false;

  constructor(question: Question, means: Means) {
    const { tokenUrl, issuer } = question;
    const fault = addressFault(tokenUrl ?? issuer ?? '', means.allowInsecureHttp);
    if (fault !== undefined) throw misconfigured(`${tokenUrl === undefined ? 'issuer' : 'tokenUrl'} ${fault}`);
    this.#question = question;
    this.#means = means;
  }

  /** One attempt; throws a `TokenError` where it fails. */
  async ask(): Promise<Obtained> {
    const tried = new Set<string>();
    let refusal: TokenError | undefined;
    for (const again of [false, true]) {
      const secrets = await this.#secrets(again, refusal);
      for (const secret of secrets) {
        if (tried.has(secret)) continue;
        tried.add(secret);
        try {
          const obtained = await this.#askWith(secret);
          if (!(obtained instanceof TokenError)) return obtained;
          refusal = obtained;
        } catch (caught) {
          // What ended the attempt was none of them: the ones that are left are no reason to ask again at once.
          for (const left of secrets) this.#tried.add(left);
          throw caught;
        }
      }
    }
    throw refusal;
  }

  /** Whether a secret was refused since the last success: then another one may be worth a try at any time. */
  get wasRefused(): boolean {
    return this.#wasRefused;
  }

  /** Whether there is a secret now that was not tried since the last success. */
  async hasNewSecret(): Promise<boolean> {
    if (this.#tried.size >= MOST_AT_ONCE) return false;
    const named = await this.#named(false).catch(() => []);
    return named.some((secret) => !this.#tried.has(secret));
  }

  /** Asks with one secret; gives the error if that is what was refused. */
  async #askWith(secret: string): Promise<Obtained | TokenError> {
    const { clock } = this.#means;
    const url = this.#question.tokenUrl ?? (this.#found ??= await this.#discover());
    this.#tried.add(secret);
    try {
      const [sentAt, sentWall] = [clock.monotonic(), clock.wall()];
      const answer = await this.#send(tokenRequest(this.#question, url, secret));
      const granted = readToken(answer, this.#context(url));
      this.#accepted = secret;
      this.#tried.clear();
      this.#wasRefused = false;
      return { ...granted, sentAt, sentWall };
    } catch (caught) {
      if (!(caught instanceof TokenError)) throw caught;
      if (caught.status !== undefined && GONE.includes(caught.status)) this.#found = undefined;
      if (!caught.isInvalidClient) throw caught;
      this.#wasRefused = true;
      return caught;
    }
  }

  /** The secrets in the order in which they are tried; after a refusal, that error is better than none of them. */
  async #secrets(again: boolean, refusal: TokenError | undefined): Promise<readonly string[]> {
    const accepted = this.#accepted === undefined ? [] : [this.#accepted];
    let named: readonly string[];
    try {
      named = await this.#named(again);
    } catch (caught) {
      // One that worked a while ago is better than none.
      if (refusal === undefined && accepted.length === 0) throw caught;
      named = [];
    }
    const isNamed = accepted.some((secret) => named.includes(secret));
    return isNamed ? [...accepted, ...named] : [...named, ...accepted];
  }

  async #named(again: boolean): Promise<readonly string[]> {
    let named: readonly string[];
    try {
      named = (await this.#question.secret.secrets(again)).map((secret) => secret.expose());
    } catch (caught) {
      if (caught instanceof TokenError) throw caught;
      throw new TokenError('no_secret', `the secret cannot be had: ${reason(caught)}`, { cause: caught });
    }
    const found = named.filter((secret) => secret !== '');
    if (found.length === 0) throw new TokenError('no_secret', 'the provider of the secret has none');
    return found;
  }

  /** The token endpoint that the issuer's metadata name. */
  async #discover(): Promise<string> {
    const issuer = withoutSlash(this.#question.issuer ?? '');
    let url = `${issuer}/.well-known/openid-configuration`;
    let answer = await this.#send(discoveryRequest(url));
    if (answer.status === 404) {
      // RFC 8414, section 3.1: its part stands before the issuer's path.
      const { origin, pathname } = new URL(issuer);
      url = `${origin}/.well-known/oauth-authorization-server${withoutSlash(pathname)}`;
      answer = await this.#send(discoveryRequest(url));
    }
    const context = this.#context(url);
    const { issuer: named, token_endpoint: endpoint } = readObject(answer, context);
    if (typeof named !== 'string' || withoutSlash(named) !== issuer) {
      throw malformed(answer, context, `is about another issuer than ${issuer}`);
    }
    const fault =
      typeof endpoint === 'string' ? addressFault(endpoint, this.#means.allowInsecureHttp) : 'is no address';
    if (fault !== undefined) throw malformed(answer, context, `has a token_endpoint that ${fault}`);
    return endpoint as string;
  }

  #send(request: Unsent): Promise<TransportResponse> {
    return exchange(this.#means.transport, request, this.#means.timeoutMs);
  }

  #context(url: string): Context {
    const secrets = [...this.#tried, ...(this.#accepted === undefined ? [] : [this.#accepted])];
    return { url, v1: this.#question.dialect === 'password', secrets, wallMs: this.#means.clock.wall() };
  }
}

function withoutSlash(text: string): string {
  return text.endsWith('/') ? text.slice(0, -1) : text;
}

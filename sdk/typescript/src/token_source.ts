/**
 * The token that is in use: given at once while it is good, renewed ahead of its end in the background, asked for once
 * however many wait for it, and not asked for where that would only be a burden.
 */

import { inspect } from 'node:util';

import { Asker } from './asker.js';
import { Backoff, asTold, type BackoffOptions } from './backoff.js';
import { DiskCache, type Stored } from './cache.js';
import { systemClock, type Clock } from './clock.js';
import type { Credentials } from './credentials.js';
import { TokenError, misconfigured } from './error.js';
import { lifeOf, renewalOf } from './life.js';
import { addressFault, fetchTransport, type Transport } from './transport.js';

/** Options of a `TokenSource`; none is needed. */
export interface TokenSourceOptions {
  /** How long a call waits through temporary failures when there is no good token. Default 30,000 ms. */
  readonly patienceMs?: number;
  /** The longest time that one request may take. Default 10,000 ms. */
  readonly timeoutMs?: number;
  /** How long a token lives whose server does not say. Default 300,000 ms. */
  readonly assumedLifeMs?: number;
  /** How long to wait between failures. */
  readonly backoff?: BackoffOptions;
  /** A folder in which processes share tokens, as files of mode 0600. Without it nothing is written anywhere. */
  readonly cacheFolder?: string;
  /** Allows plain http to other machines. Whoever is on the way can then read secret and token. */
  readonly allowInsecureHttp?: boolean;
  /** What sends the requests; Node's `fetch` by default. */
  readonly transport?: Transport;
  /** For tests: where time comes from. */
  readonly clock?: Clock;
  /** For tests: numbers from 0 to below 1. */
  readonly random?: () => number;
}

/** A token in use; its moments are of the monotonic clock. */
interface Held {
  readonly token: string;
  /** The same, ready to be given: the usual call allocates nothing. */
  readonly given: Promise<string>;
  readonly renewAt: number;
  readonly end: number;
}

/** Why nothing is sent for a while. */
interface Failure {
  readonly error: TokenError;
  /** The moment of the monotonic clock at which the next attempt is allowed. */
  readonly until: number;
}

/** A second report of refused tokens within this time is not believed: the fault is not the token. */
const BETWEEN_DROPS_MS = 10_000;

/** Node's timers end at once when they are told to wait for longer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Gives a token that is good, for as many callers as there are. One for each client and API is enough for a program. */
export class TokenSource {
  readonly #credentials: Credentials;
  readonly #asker: Asker;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #backoff: Backoff;
  readonly #cache: DiskCache | undefined;
  readonly #patienceMs: number;
  readonly #assumedLifeMs: number;
  readonly #allowInsecureHttp: boolean;
  #held: Held | undefined;
  #attempt: Promise<Held> | undefined;
  #failure: Failure | undefined;
  /** Attempts that failed in a row. */
  #failures = 0;
  #look: Promise<boolean> | undefined;
  #droppedAt = -Infinity;
  #dropped: string | undefined;

  /** Sends nothing. Throws a `TokenError` (`isConfiguration`) for options that cannot work. */
  constructor(credentials: Credentials, options: TokenSourceOptions = {}) {
    this.#credentials = credentials;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#backoff = new Backoff(options.backoff);
    const folder = options.cacheFolder;
    this.#cache = folder === undefined ? undefined : new DiskCache(folder, credentials.question);
    this.#patienceMs = positive('patienceMs', options.patienceMs ?? 30_000, 0);
    this.#assumedLifeMs = positive('assumedLifeMs', options.assumedLifeMs ?? 300_000, 1000);
    this.#allowInsecureHttp = options.allowInsecureHttp ?? false;
    this.#asker = new Asker(credentials.question, {
      transport: options.transport ?? fetchTransport(),
      clock: this.#clock,
      timeoutMs: positive('timeoutMs', options.timeoutMs ?? 10_000, 1),
      allowInsecureHttp: this.#allowInsecureHttp,
    });
  }

  /**
   * A good token. Usually at once; otherwise when there is one, or with a `TokenError` when there will be none within
   * `patienceMs`. The signal ends this call's waiting, not the attempt that others may wait for too.
   */
  token(options: { readonly signal?: AbortSignal } = {}): Promise<string> {
    const held = this.#held;
    if (held !== undefined) {
      const now = this.#clock.monotonic();
      if (now < held.renewAt) return held.given;
      if (now < held.end) {
        this.#renewBehind(now);
        return held.given;
      }
    }
    const { signal } = options;
    return signal === undefined ? this.#wait(undefined) : unlessAborted(this.#wait(signal), signal);
  }

  /**
   * Says that an API answered 401 to a token, and tells whether another try makes sense. The token is dropped unless
   * one was dropped in the last ten seconds: then the fault is elsewhere, and new tokens would not mend it.
   */
  reportUnauthorized(token: string): boolean {
    if (this.#held?.token !== token) return true;
    const now = this.#clock.monotonic();
    if (now - this.#droppedAt < BETWEEN_DROPS_MS) return false;
    this.#droppedAt = now;
    this.#dropped = token;
    this.#held = undefined;
    return true;
  }

  /** Throws a `TokenError` if a token must not be sent to that address. @internal */
  mayCarry(url: URL): void {
    const fault = addressFault(url.href.slice(0, url.href.length - url.hash.length), this.#allowInsecureHttp);
    if (fault !== undefined) throw misconfigured(`the API's address ${fault}`);
  }

  /** @internal */
  [inspect.custom](): string {
    return `TokenSource { ${inspect(this.#credentials)} }`;
  }

  toJSON(): object {
    return this.#credentials.toJSON();
  }

  /** Waits for a token that is good, or for an error that waiting does not mend. */
  async #wait(signal: AbortSignal | undefined): Promise<string> {
    const giveUpAt = this.#clock.monotonic() + this.#patienceMs;
    for (;;) {
      signal?.throwIfAborted();
      const now = this.#clock.monotonic();
      if (this.#held !== undefined && now < this.#held.end) return this.#held.token;
      const failure = this.#attempt === undefined ? this.#failure : undefined;
      if (failure !== undefined && now < failure.until && !(await this.#hasNewSecret())) {
        if (!failure.error.isTemporary || failure.until > giveUpAt) throw failure.error;
        await this.#clock.sleep(failure.until - now, signal);
        continue;
      }
      try {
        return (await this.#attemptOnce()).token;
      } catch (caught) {
        // What is temporary has set the moment of the next attempt.
        if (!(caught instanceof TokenError && caught.isTemporary)) throw caught;
      }
    }
  }

  /** Starts an attempt that nobody waits for, where one is allowed. */
  #renewBehind(now: number): void {
    if (this.#attempt !== undefined) return;
    const failure = this.#failure;
    if (failure === undefined || now >= failure.until) {
      this.#attemptOnce().catch(() => undefined);
    } else if (this.#asker.wasRefused && this.#look === undefined) {
      Promise.resolve(this.#hasNewSecret())
        .then((has) => (has ? this.#attemptOnce() : undefined))
        .catch(() => undefined);
    }
  }

  /** Whether a secret was rotated, which ends every back-off that began with a wrong one. Looks once for all that ask. */
  #hasNewSecret(): Promise<boolean> | false {
    if (!this.#asker.wasRefused) return false;
    this.#look ??= this.#asker.hasNewSecret().finally(() => {
      this.#look = undefined;
    });
    return this.#look;
  }

  /** The attempt that is under way, or a new one. */
  #attemptOnce(): Promise<Held> {
    this.#attempt ??= this.#try().finally(() => {
      this.#attempt = undefined;
    });
    return this.#attempt;
  }

  #try(): Promise<Held> {
    const cache = this.#cache;
    return cache === undefined ? this.#ask() : cache.alone(() => this.#takeOrAsk(cache));
  }

  /** Takes the token that another process asked for, or asks and leaves it for the others. */
  async #takeOrAsk(cache: DiskCache): Promise<Held> {
    const now = this.#clock.wall();
    const found = await cache.read(now);
    const stored = found?.token === this.#dropped ? undefined : found;
    if (stored !== undefined) {
      const renewAt = stored.issuedAt + renewalOf(stored.life, this.#random());
      if (now < renewAt) return this.#hold(stored);
    }
    try {
      return await this.#ask();
    } catch (caught) {
      const isTemporary = caught instanceof TokenError && caught.isTemporary;
      const isServed = this.#held !== undefined && this.#clock.monotonic() < this.#held.end;
      if (stored === undefined || !isTemporary || isServed) throw caught;
      return this.#hold(stored);
    }
  }

  async #ask(): Promise<Held> {
    try {
      const { token, scope, expiresInMs, sentAt, sentWall } = await this.#asker.ask();
      const life = lifeOf(expiresInMs ?? this.#assumedLifeMs);
      this.#failure = undefined;
      this.#failures = 0;
      await this.#cache?.write({ token, scope, issuedAt: Math.round(sentWall), life });
      return this.#holdSince(token, sentAt, life);
    } catch (caught) {
      if (caught instanceof TokenError && !caught.isNoSecret) this.#remember(caught);
      throw caught;
    }
  }

  #hold({ token, issuedAt, life }: Stored): Held {
    return this.#holdSince(token, this.#clock.monotonic() - (this.#clock.wall() - issuedAt), life);
  }

  #holdSince(token: string, sentAt: number, life: number): Held {
    const given = Promise.resolve(token);
    this.#held = { token, given, renewAt: sentAt + renewalOf(life, this.#random()), end: sentAt + life };
    return this.#held;
  }

  #remember(error: TokenError): void {
    this.#failures += 1;
    const wait =
      error.retryAfterMs === undefined
        ? this.#backoff.delay(this.#failures, this.#random())
        : asTold(error.retryAfterMs, this.#random());
    this.#failure = { error, until: this.#clock.monotonic() + wait };
  }
}

function positive(name: string, milliseconds: number, least: number): number {
  if (milliseconds >= least && milliseconds <= LONGEST_TIMER_MS) return milliseconds;
  const range = `from ${least} to ${LONGEST_TIMER_MS}`;
  throw misconfigured(`${name} must be a number of milliseconds ${range}, not ${milliseconds}`);
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      reject(signal.reason);
    };
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', abort);
    });
  });
}

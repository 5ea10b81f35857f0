/**
 * How long to wait after a failure: exponential with full jitter, so that a thousand processes that failed together
 * do not come back together. What cannot work is refused when it is made.
 */

import { misconfigured } from './error.js';

/** The numbers of a back-off. */
export interface BackoffOptions {
  /** The longest wait after the first failure, in milliseconds; each further failure doubles it. Default 500. */
  readonly baseMs?: number;
  /** The longest wait of all, in milliseconds. Default 60,000. */
  readonly capMs?: number;
}

/** Nobody waits for longer; it is most likely a mistake in the unit. */
const DAY_MS = 24 * 3_600_000;
/** However small the draw, nobody asks again sooner. */
const SHORTEST_MS = 100;
/** No server is believed that it will be away for longer. */
export const LONGEST_BELIEVED_MS = 3_600_000;

/** A checked back-off. */
export class Backoff {
  readonly #base: number;
  readonly #cap: number;

  /** Throws a `TokenError` (`isConfiguration`) for numbers that make no back-off. */
  constructor({ baseMs = 500, capMs = 60_000 }: BackoffOptions = {}) {
    if (!(Number.isFinite(baseMs) && baseMs > 0)) {
      throw misconfigured(`backoff.baseMs must be a positive number of milliseconds, not ${baseMs}`);
    }
    if (!(capMs >= baseMs && capMs <= DAY_MS)) {
      throw misconfigured(`backoff.capMs must be from backoff.baseMs (${baseMs}) to a day (${DAY_MS}), not ${capMs}`);
    }
    this.#base = baseMs;
    this.#cap = capMs;
  }

  /** Milliseconds to wait after the n-th failure in a row; `random` is from [0, 1). */
  delay(failures: number, random: number): number {
    const longest = Math.min(this.#cap, this.#base * 2 ** (failures - 1));
    return Math.max(SHORTEST_MS, Math.floor(random * longest));
  }
}

/** Milliseconds to wait where a server named the time: never less, and up to a tenth more. */
export function asTold(milliseconds: number, random: number): number {
  return milliseconds + Math.floor((random * milliseconds) / 10);
}

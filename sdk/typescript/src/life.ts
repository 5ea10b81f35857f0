/** How long a token is used, in milliseconds from just before it was asked for. */

/**
 * Its life. Up to a second of what a server says is gone from the beginning, since `exp` is in whole seconds.
 */
export function lifeOf(expiresInMs: number): number {
  return Math.max(expiresInMs - 1000, Math.floor(expiresInMs / 2));
}

/**
 * When it is renewed: at 80 % of its life, or 30 seconds before the end of a longer one. `random`, from [0, 1), takes
 * up to a tenth of the rest away, so that processes that began together do not stay together.
 */
export function renewalOf(life: number, random: number): number {
  const fifths = Math.floor((life * 4) / 5);
  const base = life >= 60_000 ? Math.min(fifths, life - 30_000) : fifths;
  return base - Math.floor((random * (life - base)) / 10);
}

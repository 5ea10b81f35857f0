/**
 * Time, handed in so that tests can hold it still. Lives are measured on the monotonic clock alone: neither a wrong
 * wall clock nor one that is set while the process runs makes a token older or younger.
 */

/** Where time comes from. */
export interface Clock {
  /** Milliseconds that only grow, from any beginning. */
  monotonic(): number;
  /** Milliseconds since 1970 as this machine believes; only what other processes read is measured by it. */
  wall(): number;
  /** Waits so many milliseconds, or until the signal ends it early; it never rejects. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/** The clocks of the machine. */
export const systemClock: Clock = {
  monotonic: () => performance.now(),
  wall: () => Date.now(),
  sleep: (milliseconds, signal) =>
    new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, milliseconds);
      signal?.addEventListener('abort', end);
      if (signal?.aborted === true) end();
    }),
};

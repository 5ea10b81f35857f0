/**
 * Where secrets come from, and how they are kept out of sight. A provider is asked again whenever a token is needed,
 * so that a secret that was rotated in a file or a variable is taken up without a restart; when the server refuses one
 * value, the others are tried.
 */

import { execFile } from 'node:child_process';
import { open, stat } from 'node:fs/promises';
import { inspect } from 'node:util';

import { TokenError, misconfigured, reason } from './error.js';

const HIDDEN = '[redacted]';

/** A text that shows nothing of itself when it is printed, inspected or made JSON. */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The text itself, for sending. */
  expose(): string {
    return this.#text;
  }

  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return HIDDEN;
  }

  /** @internal */
  [inspect.custom](): string {
    return HIDDEN;
  }
}

/** Where a secret comes from. */
export interface SecretProvider {
  /**
   * The values that may be right, the likeliest first. `refused` says that the server refused what was given before:
   * what a provider remembers, it now has to fetch anew.
   */
  secrets(refused: boolean): Promise<readonly Secret[]>;
}

/** A secret as options take it: the text itself, a provider, or several of them (say, the old and the new one). */
export type SecretInput = string | SecretProvider | readonly (string | SecretProvider)[];

/** A secret that the program has already. */
export function fromValue(text: string): SecretProvider {
  if (text === '') throw misconfigured('the secret is empty');
  const secrets = [new Secret(text)];
  return { secrets: () => Promise.resolve(secrets) };
}

/** A secret in an environment variable, or in several of which the first that is set comes first. */
export function fromEnvironment(...names: readonly [string, ...string[]]): SecretProvider {
  return {
    secrets() {
      const found = names.map((name) => process.env[name]).filter((text) => text !== undefined && text !== '');
      if (found.length > 0) return Promise.resolve(found.map((text) => new Secret(text as string)));
      return Promise.reject(unavailable(`the environment variable ${names.join(' or ')} is not set`));
    },
  };
}

/** A file that is longer than this holds no secret. */
const LONGEST_FILE = 64 * 1024;

/**
 * A secret in a file: each line that is not empty is a value, the first one the likeliest. The file is read whenever a
 * token is needed, which is seldom: no change of it goes unseen, however it was made.
 */
export function fromFile(path: string): SecretProvider {
  return {
    async secrets() {
      let secrets: readonly Secret[];
      try {
        // To open a pipe that nobody writes to would never end.
        if (!(await stat(path)).isFile()) throw new Error('it is no regular file');
        secrets = lines(await contents(path));
      } catch (caught) {
        throw unavailable(`cannot read the secret's file ${path}: ${reason(caught)}`, caught);
      }
      if (secrets.length === 0) throw unavailable(`the secret's file ${path} is empty`);
      return secrets;
    },
  };
}

async function contents(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(LONGEST_FILE + 1), 0, LONGEST_FILE + 1, 0);
    if (bytesRead > LONGEST_FILE) throw new Error('it is too long');
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

/** A program that printed a secret is not run again for so long, unless what it printed was refused. */
const BETWEEN_RUNS_MS = 1000;

/**
 * A secret that a program prints, one value a line. It is run without a shell whenever a token is needed, at most once
 * in a second, and at once when the server has refused what it printed.
 */
export function fromCommand(
  program: string,
  programArguments: readonly string[] = [],
  options: { readonly timeoutMs?: number } = {},
): SecretProvider {
  let known: Promise<readonly Secret[]> | undefined;
  let knownUntil = -Infinity;
  const run = () =>
    new Promise<readonly Secret[]>((resolve, reject) => {
      const limits = { timeout: options.timeoutMs ?? 10_000, maxBuffer: LONGEST_FILE, windowsHide: true };
      execFile(program, programArguments, limits, (error, printed) => {
        const secrets = error === null ? lines(printed) : [];
        if (secrets.length > 0) return resolve(secrets);
        // Node's own message holds the arguments and what was printed: either may be secret.
        const why = error === null ? 'it printed nothing' : error.killed ? 'it took too long' : `code ${error.code}`;
        reject(unavailable(`the secret's command ${program} failed: ${why}`));
      });
    });
  return {
    secrets(refused) {
      if (known === undefined || refused || performance.now() >= knownUntil) {
        knownUntil = Infinity;
        known = run().finally(() => {
          knownUntil = performance.now() + BETWEEN_RUNS_MS;
        });
      }
      return known;
    },
  };
}

function lines(text: string): readonly Secret[] {
  const found = text.split('\n').map((line) => line.trim());
  return found.filter((line) => line !== '').map((line) => new Secret(line));
}

function unavailable(message: string, cause?: unknown): TokenError {
  return new TokenError('no_secret', message, { cause });
}

/** One provider for whatever options were given. */
export function providerOf(input: SecretInput): SecretProvider {
  if (typeof input === 'string') return fromValue(input);
  if ('secrets' in input) return input;
  const providers = input.map((one) => (typeof one === 'string' ? fromValue(one) : one));
  if (providers.length === 0) throw misconfigured('the list of secrets is empty');
  return {
    async secrets(refused) {
      // One that fails does not hide the others' values.
      const asked = await Promise.allSettled(providers.map((provider) => provider.secrets(refused)));
      const found = asked.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
      if (found.length > 0) return found;
      throw asked.find((one) => one.status === 'rejected')?.reason;
    },
  };
}

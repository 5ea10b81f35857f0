/**
 * One token for many short processes: a file for each source, as Symbolon's other clients write it too. Whatever goes
 * wrong with the file costs the sharing and nothing else.
 */

import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat, utimes, writeFile, type FileHandle } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import type { Question } from './credentials.js';

/** A token as it lies in the file; times are of the wall clock, which is all that processes share. */
export interface Stored {
  readonly token: string;
  readonly scope: string | undefined;
  /** When the request for it was sent. */
  readonly issuedAt: number;
  /** For how long it is used from then on. */
  readonly life: number;
}

/** The holder of a lock shows this often that it is alive … */
const HEARTBEAT_MS = 1000;
/** … and has gone if it did not for so long. */
const GONE_AFTER_MS = 5000;
/** So often those who wait look. */
const LOOK_MS = 20;
/** Nobody waits longer than this for others; one token more is the worst that follows. */
const LONGEST_WAIT_MS = 30_000;

/** Bytes; no file of the cache is longer. */
const LONGEST_FILE = 128 * 1024;

/** The name that a source's files begin with: the same for everybody who would get the same tokens. */
export function cacheKey({ dialect, tokenUrl, issuer, id, audience, resource, scope }: Question): string {
  const address = tokenUrl ?? issuer;
  const lines = ['symbolon-token-1', dialect, address, id, audience, resource, scope];
  return createHash('sha256').update(lines.map((line) => line ?? '').join('\n')).digest('hex');
}

/** The file of one source. */
export class DiskCache {
  readonly #folder: string;
  readonly #file: string;
  /**
   * Node cannot take the lock (flock) that the clients in other languages hold, so its processes have one of their
   * own. Between the languages, two that ask at the same moment get a token each.
   */
  readonly #lock: string;

  constructor(folder: string, question: Question) {
    const key = cacheKey(question);
    this.#folder = folder;
    this.#file = join(folder, `${key}.json`);
    this.#lock = join(folder, `${key}.node.lock`);
  }

  /** The token of the file if it is good at this moment. */
  async read(now: number): Promise<Stored | undefined> {
    let members: Record<string, unknown>;
    try {
      if (!(await this.#isOurs())) return undefined;
      members = Object(JSON.parse(await privateText(this.#file))) as Record<string, unknown>;
    } catch {
      return undefined;
    }
    const { version, access_token: token, scope, issued_at_ms: issuedAt, life_ms: life } = members;
    if (version !== 1 || typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) return undefined;
    if (scope !== null && typeof scope !== 'string') return undefined;
    if (!isTime(issuedAt) || !isTime(life) || !(issuedAt <= now && now < issuedAt + life)) return undefined;
    return { token, scope: scope ?? undefined, issuedAt, life };
  }

  /** Puts a token into the file, where that can be done. */
  async write({ token, scope, issuedAt, life }: Stored): Promise<void> {
    const times = { issued_at_ms: issuedAt, life_ms: life };
    const text = JSON.stringify({ version: 1, access_token: token, scope: scope ?? null, ...times });
    const beside = `${this.#file}.${randomUUID()}`;
    try {
      if (!(await this.#isOurs())) return;
      await writeFile(beside, text, { mode: 0o600, flag: 'wx' });
      await rename(beside, this.#file);
    } catch {
      await rm(beside, { force: true }).catch(() => undefined);
    }
  }

  /** Does something that no other process of Node does at the same time with this file. */
  async alone<T>(does: () => Promise<T>): Promise<T> {
    const name = `${hostname()} ${process.pid} ${randomUUID()}`;
    const held = await this.#take(name).catch(() => false);
    const sign = setInterval(() => {
      const now = new Date();
      if (held) utimes(this.#lock, now, now).catch(() => undefined);
    }, HEARTBEAT_MS);
    sign.unref();
    try {
      return await does();
    } finally {
      clearInterval(sign);
      if (held) await this.#release(name).catch(() => undefined);
    }
  }

  /** Whether the lock is held then; without one it goes on as well. */
  async #take(name: string): Promise<boolean> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    if (!(await this.#isOurs())) return false;
    const began = performance.now();
    let seen = { mark: '', at: began };
    while (performance.now() - began < LONGEST_WAIT_MS) {
      if (await this.#make(name)) return true;
      const mark = await this.#holder();
      if (mark.text !== seen.mark) seen = { mark: mark.text, at: performance.now() };
      if (mark.gone || performance.now() - seen.at > GONE_AFTER_MS) await rm(this.#lock, { force: true });
      else await pause(LOOK_MS);
    }
    return false;
  }

  /** Whether nobody else can write into the folder, and so put a token of their own in. */
  async #isOurs(): Promise<boolean> {
    return ((await stat(this.#folder)).mode & 0o022) === 0;
  }

  async #make(name: string): Promise<boolean> {
    let file: FileHandle;
    try {
      file = await open(this.#lock, 'wx', 0o600);
    } catch (caught) {
      if ((caught as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw caught;
    }
    await file.writeFile(name).finally(() => file.close());
    return true;
  }

  /** Who holds the lock and when it last showed itself, and whether it has certainly gone. */
  async #holder(): Promise<{ text: string; gone: boolean }> {
    let file: FileHandle;
    try {
      file = await open(this.#lock, 'r');
    } catch {
      return { text: '', gone: false };
    }
    try {
      const name = await file.readFile('utf8');
      const [host, pid] = name.split(' ');
      return { text: `${name} ${(await file.stat()).mtimeMs}`, gone: host === hostname() && hasEnded(Number(pid)) };
    } finally {
      await file.close();
    }
  }

  async #release(name: string): Promise<void> {
    // Whoever thought that this process had gone holds it now.
    if ((await readFile(this.#lock, 'utf8')) === name) await rm(this.#lock, { force: true });
  }
}

/** What stands in a file that nobody else can have written or can read. */
async function privateText(path: string): Promise<string> {
  // Neither through a link, nor from a pipe, which would never end.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const found = await file.stat();
    const isOurs = process.geteuid === undefined || found.uid === process.geteuid();
    if (!found.isFile() || !isOurs || (found.mode & 0o077) !== 0) throw new Error('it is not private');
    if (found.size > LONGEST_FILE) throw new Error('it is too long');
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

function isTime(member: unknown): member is number {
  return Number.isSafeInteger(member) && (member as number) >= 0;
}

function hasEnded(pid: number): boolean {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (caught) {
    return (caught as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/** The real server: `symbolon dev` on a port of its own, with four APIs that check every token. */

import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { folder, until } from './support.js';

/** The binary under test. */
export const BINARY = process.env['SYMBOLON_BIN'];

/** Without the binary these tests are left out, and say so. */
export const NEEDS_BINARY = BINARY === undefined ? { skip: 'SYMBOLON_BIN names no binary' } : {};

/** One system's entry of the credentials that the sandbox prints. */
export interface Entry {
  token_url: string;
  api_url: string;
  issuer: string;
  audience: string;
  client_id: string;
  client_secret: string;
  access_key_id: string;
  api_secret: string;
  organization_id: string;
  email: string;
  password: string;
}

export type System = 'meti_v1' | 'meti_v2' | 'metafold' | 'ecoinvent' | 'm3ter';

/** A running sandbox, ended with its test. */
export class Sandbox {
  readonly base: string;
  readonly data: string;
  #child: ChildProcess | undefined;
  /** The description as it is, short lifetimes included. */
  #described = '';

  private constructor(port: number, data: string) {
    this.base = `http://127.0.0.1:${port}`;
    this.data = data;
  }

  /** Starts one whose tokens live so many seconds. */
  static async start(context: { after(does: () => void): void }, lifetime?: number): Promise<Sandbox> {
    const sandbox = new Sandbox(await freePort(), folder(context));
    context.after(() => sandbox.#child?.kill('SIGKILL'));
    await sandbox.run();
    sandbox.#described = sandbox.description();
    if (lifetime !== undefined) {
      sandbox.#described = sandbox.#described.replace(/lifetime: (3600|18000|86400)/g, `lifetime: ${lifetime}`);
      await sandbox.apply(sandbox.#described);
      const { token_url: url, client_id: id, client_secret: secret } = sandbox.credentials().metafold;
      const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: id, client_secret: secret });
      await until('short lifetimes', async () => {
        const answer = (await (await fetch(url, { method: 'POST', body })).json()) as { expires_in: number };
        return answer.expires_in === lifetime;
      });
    }
    return sandbox;
  }

  /** Starts the process, which must not be running. */
  async run(): Promise<void> {
    const [output, errors] = ['out.log', 'err.log'].map((name) => openSync(join(this.data, name), 'a')) as [number, number];
    const listen = this.base.slice('http://'.length);
    const told = ['dev', '--listen', listen, '--data', this.data, '--credentials', this.#file()];
    const child = spawn(BINARY ?? '', told, { stdio: ['ignore', output, errors], env: { ...process.env, SYMBOLON_LOG: 'warn' } });
    for (const file of [output, errors]) closeSync(file);
    this.#child = child;
    await until('the sandbox', async () => {
      if (child.exitCode !== null) throw new Error(`it ended: ${readFileSync(join(this.data, 'err.log'), 'utf8')}`);
      return existsSync(this.#file()) && (await fetch(`${this.base}/readyz`).then((ready) => ready.ok, () => false));
    });
  }

  /** Ends the process: asked to, or without warning. */
  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const ended = new Promise((resolve) => this.#child?.once('exit', resolve));
    this.#child?.kill(signal);
    await ended;
  }

  credentials(): Record<System, Entry> {
    return JSON.parse(readFileSync(this.#file(), 'utf8')) as Record<System, Entry>;
  }

  /** What it was seeded from. */
  description(): string {
    return readFileSync(join(this.data, 'sandbox.yaml'), 'utf8');
  }

  /** Changes what is stored, as an operator does on another shell. */
  async apply(description: string): Promise<void> {
    const file = join(this.data, 'change.yaml');
    writeFileSync(file, description);
    await promisify(execFile)(BINARY ?? '', ['apply', file, '--data', this.data, '--base-url', this.base]);
  }

  /** Gives the client `metafold` these access keys; what is left out stays as it is. */
  async metafoldKeys(...keys: { id: string; secret: string; active: boolean }[]): Promise<void> {
    const place = /- id: "key_metafold"\n +secret: "[^"]+"/;
    const listed = keys.map(({ id, secret, active }) =>
      `- { id: "${id}", secret: "${secret}", status: ${active ? 'ACTIVE' : 'INACTIVE'} }`);
    await this.apply(this.#described.replace(place, listed.join('\n              ')));
  }

  #file(): string {
    return join(this.data, 'credentials.json');
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

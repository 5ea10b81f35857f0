/** The conformance vectors that all of Symbolon's clients share: their README says what each step means. */

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { TokenError, TokenSource, tokenFetch, type Transport } from 'symbolon';

import { credentialsOf, settled, SteppedClock, type SourceDescription } from './support.js';

const FOLDER = process.env['SYMBOLON_VECTORS'] ?? fileURLToPath(new URL('../../vectors', import.meta.url));

interface Exchange {
  request: {
    method: string;
    url: string;
    headers?: Record<string, string>;
    absent?: string[];
    form?: string;
    json?: unknown;
    at_ms?: number;
  };
  answer?: {
    status: number;
    headers?: Record<string, string>;
    json?: unknown;
    text?: string;
    repeat?: { text: string; times: number };
  };
  failure?: 'refused' | 'reset' | 'timeout';
  takes_ms?: number;
}

interface Outcome {
  token?: string;
  status?: number;
  error?: {
    kind: string;
    temporary: boolean;
    code?: string;
    description?: string;
    request_id?: string;
    retry_after_ms?: number;
  };
}

interface Asked {
  exchanges: Exchange[];
  outcome: Outcome;
}

interface Step {
  advance_ms?: number;
  jump_wall_ms?: number;
  secrets?: string[];
  token?: Asked;
  call?: Asked;
  report_unauthorized?: { token: string; retry: boolean };
}

interface Vector {
  name: string;
  source: SourceDescription & { secrets: string[] };
  options?: { patience_ms?: number; backoff_base_ms?: number; backoff_cap_ms?: number; assumed_life_ms?: number };
  random?: number;
  wall_ms?: number;
  steps: Step[];
}

interface Sent {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string | undefined;
}

/** Both servers of a vector, the token endpoint's and the API's: they answer what stands there and nothing else. */
class Script {
  readonly faults: string[] = [];
  #left: Exchange[] = [];
  readonly #clock: SteppedClock;
  readonly #start: number;

  constructor(clock: SteppedClock) {
    this.#clock = clock;
    this.#start = clock.monotonic();
  }

  begin(exchanges: Exchange[]): void {
    this.#left = [...exchanges];
  }

  end(): void {
    for (const { request } of this.#left) this.faults.push(`missing: ${request.method} ${request.url}`);
  }

  async answer(sent: Sent): Promise<{ status: number; headers: Record<string, string>; body: Uint8Array }> {
    const next = this.#left.shift();
    if (next === undefined) {
      this.faults.push(`one too many: ${sent.method} ${sent.url} ${sent.body ?? ''}`);
      throw new Error('nobody expects this request');
    }
    try {
      this.#compare(sent, next.request);
    } catch (caught) {
      this.faults.push(String(caught));
    }
    // Answers are never there at once.
    await settled(1);
    this.#clock.advance(next.takes_ms ?? 0);
    const { answer } = next;
    if (answer === undefined) throw new Error(`${next.failure}`);
    const { json, text = '', repeat } = answer;
    const body = repeat?.text.repeat(repeat.times) ?? (json === undefined ? text : JSON.stringify(json));
    return { status: answer.status, headers: answer.headers ?? {}, body: Buffer.from(body) };
  }

  #compare(sent: Sent, expected: Exchange['request']): void {
    assert.equal(`${sent.method} ${sent.url}`, `${expected.method} ${expected.url}`);
    for (const [name, value] of Object.entries(expected.headers ?? {})) assert.equal(sent.headers[name], value, name);
    for (const name of expected.absent ?? []) assert.equal(sent.headers[name], undefined, name);
    if (expected.form !== undefined) assert.equal(sent.body, expected.form);
    if (expected.json !== undefined) assert.deepEqual(JSON.parse(sent.body ?? ''), expected.json);
    if (expected.at_ms !== undefined) assert.equal(this.#clock.monotonic() - this.#start, expected.at_ms, 'at_ms');
  }
}

async function outcomeOf(does: () => Promise<Outcome>, expected: Outcome): Promise<Outcome> {
  try {
    return await does();
  } catch (caught) {
    if (!(caught instanceof TokenError)) throw caught;
    const { kind, isTemporary: temporary, code, description, requestId: request_id } = caught;
    const seen = { kind, temporary, code, description, request_id, retry_after_ms: caught.retryAfterMs };
    // What the vector does not name is not compared.
    const names = Object.keys(expected.error ?? { kind }) as (keyof typeof seen)[];
    return { error: Object.fromEntries(names.map((name) => [name, seen[name]])) as unknown as Outcome['error'] } as Outcome;
  }
}

async function run(vector: Vector): Promise<void> {
  const clock = new SteppedClock(vector.wall_ms ?? 1767225600000);
  const script = new Script(clock);
  let secrets = vector.source.secrets;
  const { options = {}, random = 0 } = vector;
  const backoff = {
    ...(options.backoff_base_ms === undefined ? {} : { baseMs: options.backoff_base_ms }),
    ...(options.backoff_cap_ms === undefined ? {} : { capMs: options.backoff_cap_ms }),
  };
  const transport: Transport = {
    send: ({ method, url, headers, body }) => script.answer({ method, url, headers: { ...headers }, body }),
  };
  const source = new TokenSource(credentialsOf(vector.source, () => secrets), {
    clock,
    random: () => random,
    transport,
    backoff,
    ...(options.patience_ms === undefined ? {} : { patienceMs: options.patience_ms }),
    ...(options.assumed_life_ms === undefined ? {} : { assumedLifeMs: options.assumed_life_ms }),
  });
  const call = tokenFetch(source, {
    fetch: async (input, init) => {
      const headers = Object.fromEntries(new Headers(init?.headers));
      const { status, ...rest } = await script.answer({ method: 'GET', url: String(input), headers, body: undefined });
      return new Response(rest.body.byteLength === 0 ? null : Buffer.from(rest.body), { status, headers: rest.headers });
    },
  });

  for (const [index, step] of vector.steps.entries()) {
    const at = `step ${index + 1}`;
    if (step.advance_ms !== undefined) clock.advance(step.advance_ms);
    if (step.jump_wall_ms !== undefined) clock.jumpWall(step.jump_wall_ms);
    if (step.secrets !== undefined) secrets = step.secrets;
    if (step.report_unauthorized !== undefined) {
      const { token, retry } = step.report_unauthorized;
      assert.equal(source.reportUnauthorized(token), retry, at);
    }
    const asked = step.token ?? step.call;
    if (asked === undefined) continue;
    script.begin(asked.exchanges);
    const does =
      step.token === undefined
        ? async () => ({ status: (await call('https://api.example.com/things')).status })
        : async () => ({ token: await source.token() });
    const outcome = await outcomeOf(does, asked.outcome);
    // What goes on in the background ends before the next step.
    await settled(40);
    script.end();
    assert.deepEqual(script.faults, [], at);
    assert.deepEqual(outcome, asked.outcome, at);
  }
}

function read(file: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as Record<string, unknown>;
}

const OTHER_FORMS = ['urls.json', 'cache.json'];
const names = new Set<string>();
for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.json') && !OTHER_FORMS.includes(name))) {
  for (const vector of read(file)['vectors'] as Vector[]) {
    test(`${file}: ${vector.name}`, () => {
      assert.ok(!names.has(vector.name), 'the name is unique');
      names.add(vector.name);
      return run(vector);
    });
  }
}

test('there are vectors', () => {
  assert.ok(names.size > 100, `${names.size}`);
});

test('urls.json: addresses that are taken and those that are not', () => {
  const { urls, allow_http: allowed } = read('urls.json') as { urls: { url: string; ok: boolean }[]; allow_http: string[] };
  const source = (url: string, allowInsecureHttp: boolean) => {
    const description = { dialect: 'client_credentials', auth: 'form', client_id: 'cli_1', token_url: url } as const;
    return new TokenSource(credentialsOf(description, () => ['s1']), { allowInsecureHttp });
  };
  for (const { url, ok } of urls) {
    if (ok) source(url, false);
    else assert.throws(() => source(url, false), (error) => error instanceof TokenError && error.isConfiguration, url);
  }
  for (const url of allowed) {
    assert.throws(() => source(url, false), TokenError);
    source(url, true);
  }
});

/** The folder that processes share: the vectors of its files, and real processes that begin at the same moment. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { TokenSource } from 'symbolon';

import { FakeServer, SteppedClock, credentialsOf, failing, folder, sourceOf, type SourceDescription } from './support.js';
import { listen } from './server.js';

const VECTORS = process.env['SYMBOLON_VECTORS'] ?? fileURLToPath(new URL('../../vectors', import.meta.url));

interface CacheVectors {
  now_ms: number;
  keys: { source: SourceDescription & { secrets: string[] }; key: string }[];
  files: { name: string; json?: unknown; text?: string; token: string | null }[];
}

const { now_ms: NOW, keys, files } = JSON.parse(readFileSync(join(VECTORS, 'cache.json'), 'utf8')) as CacheVectors;

/** A source of a vector that shares a folder. */
function sharing(cacheFolder: string, server: FakeServer, number = 0, clock = new SteppedClock(NOW)): TokenSource {
  const { source } = keys[number] ?? assert.fail('no such key');
  if (source.issuer !== undefined) server.answer = discovered(server);
  if (source.dialect === 'password') server.answer = () => ({ status: 200, body: { token: 'new', expires_in: 3600 } });
  return new TokenSource(credentialsOf(source, () => source.secrets), { cacheFolder, transport: server, clock, random: () => 0 });
}

function discovered(server: FakeServer): FakeServer['answer'] {
  const body = { issuer: 'https://auth.example.com', token_endpoint: 'https://auth.example.com/t', access_token: 'new' };
  return () => ({ status: server.requests.length > 0 ? 200 : 500, body });
}

for (const [number, { key, source }] of keys.entries()) {
  test(`cache.json: the file of ${JSON.stringify(source)}`, async (context) => {
    const place = join(folder(context), 'below', 'it');
    const server = new FakeServer();
    const clock = new SteppedClock(NOW);
    const token = await sharing(place, server, number, clock).token();
    assert.deepEqual(readdirSync(place), [`${key}.json`]);
    assert.equal(statSync(place).mode & 0o777, 0o700);
    assert.equal(statSync(join(place, `${key}.json`)).mode & 0o777, 0o600);
    const life = source.issuer === undefined ? 3_599_000 : 299_000;
    const written = { version: 1, access_token: token, scope: null, issued_at_ms: NOW, life_ms: life };
    assert.deepEqual(JSON.parse(readFileSync(join(place, `${key}.json`), 'utf8')), written);
    // Another process takes it from there.
    const another = new FakeServer();
    assert.equal(await sharing(place, another, number, clock).token(), token);
    assert.equal(another.requests.length, 0);
  });
}

for (const { name, json, text, token } of files) {
  test(`cache.json: ${name}`, async (context) => {
    const place = folder(context);
    const file = join(place, `${keys[0]?.key}.json`);
    writeFileSync(file, text ?? JSON.stringify(json), { mode: 0o600 });
    const server = new FakeServer();
    server.answer = () => ({ status: 200, body: { access_token: 'new', expires_in: 3600 } });
    assert.equal(await sharing(place, server).token(), token ?? 'new');
    assert.equal(server.requests.length, token === null ? 1 : 0);
    if (token === null) assert.match(readFileSync(file, 'utf8'), /"access_token":"new"/);
  });
}

test('a token after its time of renewal serves while the server cannot answer', async (context) => {
  const place = folder(context);
  const clock = new SteppedClock(NOW);
  await sharing(place, new FakeServer(), 0, clock).token();
  clock.advance(3_000_000);
  const server = new FakeServer();
  server.answer = () => ({ status: 503 });
  assert.equal(await sharing(place, server, 0, clock).token(), 't1');
  assert.equal(server.requests.length, 1);
  server.answer = () => ({ status: 401 });
  assert.ok((await failing(sharing(place, server, 0, clock).token())).isInvalidClient);
});

test('a token that an API refused is not taken from the file again', async (context) => {
  const place = folder(context);
  const server = new FakeServer();
  const source = sharing(place, server);
  await source.token();
  source.reportUnauthorized('t1');
  assert.equal(await source.token(), 't2');
  assert.match(readFileSync(join(place, `${keys[0]?.key}.json`), 'utf8'), /"access_token":"t2"/);
});

test('what others may have written is not used', async (context) => {
  const good = JSON.stringify(files[0]?.json);
  for (const trouble of ['readable', 'linked', 'open folder']) {
    const below = join(folder(context), 'tokens');
    mkdirSync(below);
    chmodSync(below, trouble === 'open folder' ? 0o777 : 0o700);
    const [file, elsewhere] = [join(below, `${keys[0]?.key}.json`), join(below, 'elsewhere')];
    writeFileSync(trouble === 'linked' ? elsewhere : file, good, { mode: 0o600 });
    if (trouble === 'readable') chmodSync(file, 0o644);
    if (trouble === 'linked') symlinkSync(elsewhere, file);
    const server = new FakeServer();
    server.answer = () => ({ status: 200, body: { access_token: 'new', expires_in: 3600 } });
    assert.equal(await sharing(below, server).token(), 'new', trouble);
    if (trouble === 'linked') assert.equal(readFileSync(elsewhere, 'utf8'), good);
    if (trouble !== 'open folder') assert.equal(lstatSync(file).mode & 0o777, 0o600);
  }
});

test('a folder that cannot be written costs the sharing alone', async (context) => {
  const place = folder(context);
  writeFileSync(join(place, 'file'), '');
  const server = new FakeServer();
  assert.equal(await sharing(join(place, 'file', 'below'), server).token(), 't1');
  mkdirSync(join(place, 'read-only'));
  chmodSync(join(place, 'read-only'), 0o500);
  assert.equal(await sharing(join(place, 'read-only'), server).token(), 't2');
});

test('a lock whose process has gone, or says nothing any more, does not hold anybody up', async (context) => {
  const place = folder(context);
  const lock = join(place, `${keys[0]?.key}.node.lock`);
  // The largest number that a process can have.
  writeFileSync(lock, `${hostname()} 4194304 x`);
  const began = performance.now();
  assert.equal(await sharing(place, new FakeServer()).token(), 't1');
  // Sooner than a holder that says nothing is given up.
  assert.ok(performance.now() - began < 4500);
  writeFileSync(lock, `elsewhere.example ${process.pid} x`);
  const server = new FakeServer();
  const source = sharing(place, server);
  source.reportUnauthorized('t1');
  assert.equal(await source.token(), 't1');
  assert.ok(!existsSync(lock));
});

test('ten processes that begin together ask once', async (context) => {
  const place = folder(context);
  let asked = 0;
  const tokenUrl = await listen(context, (_, response) => {
    asked += 1;
    const body = JSON.stringify({ access_token: `t${asked}`, expires_in: 3600 });
    setTimeout(() => response.writeHead(200).end(body), 100);
  });
  const program = `
    import { TokenSource, clientCredentials } from 'symbolon';
    const credentials = clientCredentials({ tokenUrl: '${tokenUrl}', clientId: 'a', clientSecret: 'b' });
    console.log(await new TokenSource(credentials, { cacheFolder: '${place}' }).token());
  `;
  const cwd = fileURLToPath(new URL('..', import.meta.url));
  const run = () =>
    new Promise<string>((resolve, reject) => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', program], { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
      let printed = '';
      child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
      child.on('error', reject).on('close', () => {
        resolve(printed.trim());
      });
    });
  assert.deepEqual(await Promise.all(Array.from({ length: 10 }, run)), Array<string>(10).fill('t1'));
  assert.equal(asked, 1);
  assert.deepEqual(readdirSync(place).length, 1);
});

test('without a folder nothing is written', async (context) => {
  const place = folder(context);
  const before = process.cwd();
  process.chdir(place);
  context.after(() => {
    process.chdir(before);
  });
  await sourceOf(new FakeServer()).token();
  process.chdir(before);
  assert.deepEqual(readdirSync(place), []);
});

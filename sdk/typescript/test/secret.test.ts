/** Where secrets come from, on a real file system and with real programs. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { fromCommand, fromEnvironment, fromFile, fromValue, type SecretInput, type SecretProvider } from 'symbolon';

import { FakeServer, SteppedClock, failing, folder, namedBy, sourceOf, until } from './support.js';

async function exposed(provider: SecretProvider): Promise<string[]> {
  return (await provider.secrets(false)).map((secret) => secret.expose());
}

/** A server that knows one secret, and the source that asks it. */
function rotating(secret: SecretInput): { server: FakeServer; clock: SteppedClock; knows: (text: string) => void; ask: () => Promise<string> } {
  const server = new FakeServer();
  const clock = new SteppedClock();
  let right = '';
  server.answer = (count) => {
    const basic = Buffer.from(server.requests.at(-1)?.headers['authorization']?.slice(6) ?? '', 'base64').toString();
    if (basic !== `cli_1:${right}`) return { status: 401, body: { error: 'invalid_client' } };
    return { status: 200, body: { access_token: `t${count}`, expires_in: 11 } };
  };
  const source = sourceOf(server, { clock }, secret);
  const knows = (text: string) => {
    right = text;
    // Whatever was got before is over.
    clock.advance(20_000);
  };
  return { server, clock, knows, ask: () => source.token() };
}

test('a file is read anew when it was written, replaced, or led to by another link', async (context) => {
  const place = folder(context);
  const file = join(place, 'secret');
  writeFileSync(file, 's1\n');
  const provider = fromFile(file);
  assert.deepEqual(await exposed(provider), ['s1']);
  writeFileSync(file, ' s2 \r\n\n s1');
  assert.deepEqual(await exposed(provider), ['s2', 's1']);
  writeFileSync(join(place, 'new'), 's3');
  renameSync(join(place, 'new'), file);
  assert.deepEqual(await exposed(provider), ['s3']);

  // Of the same length, and within one tick of the file system's clock.
  for (let count = 0; count < 50; count += 1) {
    writeFileSync(file, `s${count % 10}`);
    assert.deepEqual(await exposed(provider), [`s${count % 10}`]);
  }

  // As Kubernetes swaps the secrets that it mounts.
  for (const name of ['s4', 's5']) writeFileSync(join(place, name), name);
  const link = join(place, 'link');
  symlinkSync('s4', link);
  const linked = fromFile(link);
  assert.deepEqual(await exposed(linked), ['s4']);
  symlinkSync('s5', join(place, 'other'));
  renameSync(join(place, 'other'), link);
  assert.deepEqual(await exposed(linked), ['s5']);
});

test('a file that is missing, empty, too long, a pipe or a folder is told by its name', async (context) => {
  const place = folder(context);
  writeFileSync(join(place, 'empty'), '\n');
  writeFileSync(join(place, 'long'), 'x'.repeat(70_000));
  execFileSync('mkfifo', [join(place, 'pipe')]);
  for (const name of ['missing', 'empty', 'long', 'pipe', '.']) {
    const path = join(place, name);
    const error = await failing(fromFile(path).secrets(false));
    assert.ok(error.isNoSecret && error.message.includes(path), error.message);
  }
});

test('a secret rotated in its file is taken up without a failed call', async (context) => {
  const file = join(folder(context), 'secret');
  writeFileSync(file, 's1');
  const { server, knows, ask } = rotating(fromFile(file));
  knows('s1');
  assert.equal(await ask(), 't1');
  writeFileSync(file, 's2');
  knows('s2');
  assert.equal(await ask(), 't2');
  assert.equal(server.requests.length, 2);
});

test('of two variables the one that the server knows is used', async (context) => {
  process.env['SDK_TEST_SECRET'] = 'old';
  process.env['SDK_TEST_SECRET_NEXT'] = 'new';
  context.after(() => {
    delete process.env['SDK_TEST_SECRET'];
    delete process.env['SDK_TEST_SECRET_NEXT'];
  });
  const { server, knows, ask } = rotating(fromEnvironment('SDK_TEST_SECRET', 'SDK_TEST_SECRET_NEXT'));
  knows('old');
  assert.equal(await ask(), 't1');
  knows('new');
  assert.equal(await ask(), 't3');
  knows('new');
  assert.equal(await ask(), 't4');
  assert.equal(server.requests.length, 4);
});

test('a variable that is not set is told by its name', async () => {
  const error = await failing(fromEnvironment('SDK_TEST_NOT_SET').secrets(false));
  assert.ok(error.isNoSecret && error.message.includes('SDK_TEST_NOT_SET'));
});

test('a command is run for each token, once a second at most, and at once when what it printed is refused', async (context) => {
  const place = folder(context);
  const script = `const fs = require('fs'); fs.appendFileSync('runs', 'x'); console.log(fs.readFileSync('secret', 'utf8'))`;
  const command = fromCommand('sh', ['-c', 'cd "$0" && exec "$1" -e "$2"', place, process.execPath, script]);
  const runs = async () => (await exposed(fromFile(join(place, 'runs'))))[0]?.length;
  writeFileSync(join(place, 'secret'), 's1');
  const { knows, ask } = rotating(command);
  knows('s1');
  await ask();
  knows('s1');
  await ask();
  assert.equal(await runs(), 1);
  writeFileSync(join(place, 'secret'), 's2');
  knows('s2');
  await ask();
  assert.equal(await runs(), 2);
  // A second secret is taken up before the first one is refused.
  writeFileSync(join(place, 'secret'), 's3');
  await until('the third', async () => (await exposed(command))[0] === 's3');
});

test('a command that fails is told without what it was given and what it printed', async () => {
  const fails = fromCommand('sh', ['-c', 'echo hidden; echo hidden >&2; exit 3 # hidden']);
  const error = await failing(fails.secrets(false));
  assert.ok(error.isNoSecret);
  assert.match(error.message, /sh failed: code 3/);
  assert.doesNotMatch(error.message + String(error.cause), /hidden/);
  assert.match((await failing(fromCommand('sh', ['-c', ':']).secrets(false))).message, /printed nothing/);
  const slow = fromCommand('sh', ['-c', 'sleep 30'], { timeoutMs: 50 });
  assert.match((await failing(slow.secrets(false))).message, /too long/);
  assert.match((await failing(fromCommand('/nowhere/at-all').secrets(false))).message, /ENOENT/);
});

test('of several providers one that fails does not hide the others', async () => {
  const { knows, ask } = rotating([fromFile('/nowhere/at-all'), fromValue('s1'), 's2']);
  knows('s2');
  assert.equal(await ask(), 't2');
});

test('without any secret nothing is sent, and it is not remembered', async (context) => {
  const file = join(folder(context), 'secret');
  const { server, knows, ask } = rotating(fromFile(file));
  knows('s1');
  assert.ok((await failing(ask())).isNoSecret);
  writeFileSync(file, 's1');
  assert.equal(await ask(), 't1');
  assert.equal(server.requests.length, 1);
});

test('a second secret that was not reached before a failure is no reason to ask again at once', async () => {
  let named = ['s1'];
  const server = new FakeServer();
  const clock = new SteppedClock();
  const source = sourceOf(server, { clock, patienceMs: 0 }, namedBy(() => named));
  server.answer = () => ({ status: 401 });
  assert.ok((await failing(source.token())).isInvalidClient);
  clock.advance(1000);
  named = ['s1', 's2'];
  server.answer = () => ({ status: 503, headers: { 'retry-after': '60' } });
  for (let count = 0; count < 100; count += 1) assert.ok((await failing(source.token())).isTemporary);
  assert.equal(server.requests.length, 2);
  clock.advance(60_000);
  server.answer = (count) => (count < 4 ? { status: 401 } : { status: 200, body: { access_token: 't' } });
  assert.equal(await source.token(), 't');
});

test('a provider that makes up secrets does not make it hammer', async () => {
  let made = 0;
  const server = new FakeServer();
  server.answer = () => ({ status: 401 });
  const source = sourceOf(server, { clock: new SteppedClock() }, namedBy(() => [`s${(made += 1)}`]));
  for (let count = 0; count < 100; count += 1) assert.ok((await failing(source.token())).isInvalidClient);
  assert.ok(server.requests.length <= 12, `${server.requests.length}`);
});

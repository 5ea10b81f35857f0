/** Every example of the README, run as it stands; only the names of machines become those of the sandbox. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { NEEDS_BINARY, Sandbox, type Entry } from './sandbox.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const EXAMPLES = readFileSync(join(ROOT, 'README.md'), 'utf8').split('```js\n').slice(1).map((part) => part.split('```')[0] ?? '');

/** What tells an example, whose entry it runs with, and what it prints. */
const EXPECTED: [RegExp, (all: ReturnType<Sandbox['credentials']>) => Entry, RegExp][] = [
  [/readFileSync\('credentials.json'/, (all) => all.meti_v2, /^200 \[/],
  [/audience: 'https:\/\/api.meti.io'/, (all) => all.meti_v2, /^\d+ sources$/m],
  [/realm: 'ecoinvent'/, (all) => all.ecoinvent, /version/],
  [/accessKeyId/, (all) => all.m3ter, /^\[/],
  [/emailPassword\(/, (all) => all.meti_v1, /^\d+ sources$/m],
  [/instanceof TokenError/, (all) => all.meti_v2, /^look at id and secret; .*invalid_client/m],
  [/cacheFolder/, (all) => all.meti_v2, /^\d{3,} characters$/m],
];

test('every example of the README works as it is pasted', NEEDS_BINARY, async (context) => {
  const sandbox = await Sandbox.start(context);
  const credentials = sandbox.credentials();
  assert.equal(EXAMPLES.length, EXPECTED.length);
  for (const [number, example] of EXAMPLES.entries()) {
    const [sign, entryOf, prints] = EXPECTED[number] ?? assert.fail();
    assert.match(example, sign);
    const entry: Entry & { organization_id?: string } = entryOf(credentials);
    const here = example.replace(/https:\/\/(auth|api|sso)\.(example|m3ter)\.com/g, sandbox.base);
    const folder = join(sandbox.data, `example-${number}`);
    await promisify(execFile)('mkdir', [folder]);
    copyFileSync(join(sandbox.data, 'credentials.json'), join(folder, 'credentials.json'));
    writeFileSync(join(folder, 'try.mjs'), here);
    // What was installed, or, in a clone, what was built.
    const installed = join(ROOT, 'node_modules', 'symbolon');
    await promisify(execFile)('mkdir', [join(folder, 'node_modules')]);
    symlinkSync(existsSync(installed) ? installed : ROOT, join(folder, 'node_modules', 'symbolon'));
    const env = {
      PATH: process.env['PATH'],
      CLIENT_ID: entry.client_id,
      CLIENT_SECRET: entry.client_secret,
      ACCESS_KEY_ID: entry.access_key_id,
      API_SECRET: entry.api_secret,
      ORGANIZATION_ID: entry.organization_id,
      EMAIL: entry.email,
      PASSWORD: entry.password,
    };
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['try.mjs'], { cwd: folder, env });
    assert.match(stdout, prints, here);
    assert.equal(stderr, '', here);
    if (sign.test('cacheFolder')) assert.ok(existsSync(join(folder, 'token-cache')));
    rmSync(folder, { recursive: true });
  }
});

/**
 * Every example of the README and of the pages about calling each system, run as it stands; only the names of machines
 * and APIs become those of the sandbox.
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { NEEDS_BINARY, Sandbox, type Entry, type System } from './sandbox.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGES = process.env['SYMBOLON_DOCS'] ?? fileURLToPath(new URL('../../../docs/calling', import.meta.url));

/** The programs of a page in one language. */
function examples(page: string, language: string): string[] {
  const parts = readFileSync(page, 'utf8').split(`\`\`\`${language}\n`).slice(1);
  return parts.map((part) => part.split('```')[0] ?? '');
}

/** Runs a program in a folder of its own in which the package is installed; gives what it printed. */
async function run(sandbox: Sandbox, name: string, program: string, entry: Entry): Promise<{ printed: string; folder: string }> {
  const folder = join(sandbox.data, name);
  mkdirSync(join(folder, 'node_modules'), { recursive: true });
  // What was installed, or, in a clone, what was built.
  const installed = join(ROOT, 'node_modules', 'symbolon');
  symlinkSync(existsSync(installed) ? installed : ROOT, join(folder, 'node_modules', 'symbolon'));
  copyFileSync(join(sandbox.data, 'credentials.json'), join(folder, 'credentials.json'));
  writeFileSync(join(folder, 'try.mjs'), program);
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
  assert.equal(stderr, '', program);
  return { printed: stdout, folder };
}

/** What tells an example of the README, whose entry it runs with, and what it prints. */
const README: [RegExp, System, RegExp][] = [
  [/readFileSync\('credentials.json'/, 'meti_v2', /^200 \[/],
  [/audience: 'https:\/\/api.meti.io'/, 'meti_v2', /^\d+ sources$/m],
  [/realm: 'ecoinvent'/, 'ecoinvent', /version/],
  [/accessKeyId/, 'm3ter', /^\[/],
  [/emailPassword\(/, 'meti_v1', /^\d+ sources$/m],
  [/instanceof TokenError/, 'meti_v2', /^look at id and secret; .*invalid_client/m],
  [/cacheFolder/, 'meti_v2', /^\d{3,} characters$/m],
];

test('every example of the README works as it is pasted', NEEDS_BINARY, async (context) => {
  const sandbox = await Sandbox.start(context);
  const programs = examples(join(ROOT, 'README.md'), 'js');
  assert.equal(programs.length, README.length);
  for (const [number, program] of programs.entries()) {
    const [sign, system, prints] = README[number] ?? assert.fail();
    assert.match(program, sign);
    const here = program.replace(/https:\/\/(auth|api|sso)\.(example|m3ter)\.com/g, sandbox.base);
    const { printed, folder } = await run(sandbox, `example-${number}`, here, sandbox.credentials()[system]);
    assert.match(printed, prints, here);
    assert.equal(existsSync(join(folder, 'token-cache')), program.includes('cacheFolder'));
  }
});

/** The programs of the pages in their order: page, system, and what it prints. */
const CALLING: [string, System, RegExp][] = [
  ['ecoinvent.md', 'ecoinvent', /version/],
  ['m3ter.md', 'm3ter', /data: \[/],
  ['metafold.md', 'metafold', /projects: \d/],
  ['meti.md', 'meti_v2', /^\[/],
  ['meti.md', 'meti_v1', /^\[/],
];

test('every program of the pages about calling an API works as it is pasted', NEEDS_BINARY, async (context) => {
  const sandbox = await Sandbox.start(context);
  const pages = readdirSync(PAGES).filter((name) => name.endsWith('.md')).sort();
  const programs = pages.flatMap((page) => examples(join(PAGES, page), 'ts').map((program) => ({ page, program })));
  assert.deepEqual(programs.map(({ page }) => page), CALLING.map(([page]) => page));
  for (const [number, { program }] of programs.entries()) {
    const [, system, prints] = CALLING[number] ?? assert.fail();
    const entry = sandbox.credentials()[system];
    const named = program.replace(/audience: '[^']+'/, `audience: '${entry.audience}'`);
    const here = named.replace(/https:\/\/[a-z0-9.]+\.example/g, sandbox.base);
    const { printed } = await run(sandbox, `page-${number}`, here, entry);
    assert.match(printed, prints, here);
  }
});

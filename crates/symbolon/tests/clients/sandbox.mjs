// Shared by the Node client scripts: the credentials file, the private CA, the final line.
//
// usage of every script: node SCRIPT CREDENTIALS_FILE [SCENARIO]

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export const scenario = process.argv[3];

export function load() {
  if (!process.argv[2]) throw new Error('usage: node SCRIPT CREDENTIALS_FILE [SCENARIO]');
  return JSON.parse(readFileSync(process.argv[2], 'utf8'));
}

export function check(condition, message) {
  if (!condition) throw new Error(message);
}

// Node reads NODE_EXTRA_CA_CERTS once, at its start: without it the script starts itself again with it.
export function trust(caFile) {
  if (process.env.NODE_EXTRA_CA_CERTS === caFile) return;
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: caFile };
  const again = spawnSync(process.execPath, process.argv.slice(1), { env, stdio: 'inherit' });
  process.exit(again.status ?? 1);
}

export async function run(main) {
  try {
    console.log(`ok ${await main(load())}`);
  } catch (error) {
    console.error(error);
    console.log(`error: ${error.name}: ${error.message}`);
    process.exitCode = 1;
  }
}

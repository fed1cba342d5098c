// What the programs share.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

export const equal = assert.deepEqual;
export const url = process.env.REDIS_URL;
export const hasCounters = process.env.COUNTERS === 'yes';

const patience = 20_000; // ms for anything that takes time

// A program that waits for ever says where.
setTimeout(() => {
  console.error('not done in time');
  process.exit(1);
}, 100_000).unref();

export function begin(library) {
  const { version } = createRequire(import.meta.url)(`${library}/package.json`);
  console.log(`library ${library === 'redis' ? 'node-redis' : library} ${version}`);
  console.log(`runtime Node.js ${process.versions.node}`);
}

export function passed(step) {
  console.log(`passed ${step}`);
}

export async function until(what, condition) {
  const end = Date.now() + patience;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`${what}: not within ${patience} ms`);
    await sleep(10);
  }
}

// restart has Redis restarted and waits until get sees it.
export async function restart(get) {
  console.log('restart');
  await until('served again', async () => {
    try {
      return (await get('restarts')) === '1';
    } catch {
      return false; // Redis is away
    }
  });
  passed('restart');
}

export async function run(steps, round) {
  for (const step of steps) {
    await step(`${step.name}:${round}`, round);
    passed(step.name);
  }
}

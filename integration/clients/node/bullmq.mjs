// BullMQ: jobs that succeed, one that is retried, one that is delayed, one that
// fails for good, and all of it again after a restart of Redis, through which
// others are added and worked on.

import { setTimeout as sleep } from 'node:timers/promises';
import { Queue, QueueEvents, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { begin, equal, passed, restart, until, url } from './common.mjs';

begin('bullmq');

const jobs = 200;
const { hostname: host, port } = new URL(url);
const connection = { host, port: Number(port) };
const queue = new Queue('work', { connection });
const events = new QueueEvents('work', { connection });
const finished = new Map(); // job's id to its result
const attempts = new Map(); // job's name to how often it was tried
const worker = new Worker(
  'work',
  async (job) => {
    attempts.set(job.name, (attempts.get(job.name) ?? 0) + 1);
    if (job.name === 'flaky' && job.attemptsMade < 2) throw new Error('not yet');
    if (job.name === 'doomed') throw new Error('never');
    await job.updateProgress(100);
    return job.data.n * 2;
  },
  { connection, concurrency: 10 },
);
for (const part of [queue, events, worker]) part.on('error', () => {}); // they reconnect by themselves
events.on('completed', ({ jobId, returnvalue }) => finished.set(jobId, Number(returnvalue)));
await Promise.all([queue.waitUntilReady(), events.waitUntilReady(), worker.waitUntilReady()]);
passed('connect');

async function work(round) {
  attempts.clear();
  const added = await queue.addBulk(Array.from({ length: jobs }, (_, n) => ({ name: 'double', data: { n } })));
  const flaky = await queue.add('flaky', { n: 1000 }, { attempts: 3, backoff: { type: 'fixed', delay: 50 } });
  const begun = Date.now();
  const delayed = await queue.add('delayed', { n: 2000 }, { delay: 500 });
  const doomed = await queue.add('doomed', { n: 0 }, { attempts: 2 });

  for (const job of added) await until(`job ${job.id}`, () => finished.get(job.id) === job.data.n * 2);
  passed(`${jobs} jobs`);
  await until('the flaky job', () => finished.get(flaky.id) === 2000);
  equal(attempts.get('flaky'), 3);
  passed('retry');
  await until('the delayed job', () => finished.get(delayed.id) === 4000);
  equal(Date.now() - begun >= 500, true);
  passed('delay');
  await until('the doomed job', async () => (await doomed.getState()) === 'failed');
  equal(attempts.get('doomed'), 2);
  passed('failure');
  equal(attempts.get('double'), jobs); // each once
  equal(await queue.getJobCounts('completed', 'failed', 'wait', 'active', 'delayed'), {
    completed: round * (jobs + 2), failed: round, wait: 0, active: 0, delayed: 0,
  });
  passed('counts');
}

// Jobs are added from before a restart until after it, and worked on all the
// while. An addition that fails is tried again under the same id, so that the job is
// there once. One whose worker could not say that it is done is done again when its
// lock has run out.
async function workThrough(restarted) {
  const lasting = new Queue('lasting', { connection });
  const done = new Set();
  const slow = new Worker(
    'lasting',
    async (job) => {
      await sleep(20);
      done.add(job.id);
    },
    { connection, concurrency: 5, lockDuration: 3000, stalledInterval: 1000, maxStalledCount: 10 },
  );
  for (const part of [lasting, slow]) part.on('error', () => {});
  const ids = [];
  const add = async () => {
    const jobId = `lasting-${ids.length}`;
    ids.push(jobId);
    await until(jobId, () => lasting.add('slow', {}, { jobId }).then(() => true, () => false));
    await sleep(5);
  };
  while (ids.length < 50) await add();
  const before = ids.length;
  let over = false;
  const end = restarted().finally(() => (over = true));
  while (!over) await add();
  await end;
  equal(ids.length > before, true);
  for (let i = 0; i < 50; i++) await add();
  await until('all jobs', () => ids.every((id) => done.has(id)));
  await until('all completed', async () => (await lasting.getCompletedCount()) === ids.length);
  equal(await lasting.getJobCounts('failed', 'wait', 'active', 'delayed'), { failed: 0, wait: 0, active: 0, delayed: 0 });
  await slow.close();
  await lasting.close();
  passed('jobs during the restart');
}

await work(1);
const own = new Redis(url);
own.on('error', () => {});
await workThrough(() => restart((key) => own.get(key)));
await work(2);
await own.quit();
await Promise.all([worker.close(), events.close()]);
await queue.close();
console.log('done');

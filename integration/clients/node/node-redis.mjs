// node-redis, as an application uses it.

import { createClient, defineScript, WatchError } from 'redis';
import { begin, equal, hasCounters, passed, restart, run, until, url } from './common.mjs';

begin('redis');

const add = defineScript({
  NUMBER_OF_KEYS: 1,
  SCRIPT: "return redis.call('INCRBY', KEYS[1], ARGV[1])",
  parseCommand(parser, key, n) {
    parser.pushKey(key);
    parser.push(String(n));
  },
  transformReply: undefined,
});

const open = async (options) => {
  const c = createClient({ url, ...options });
  c.on('error', () => {}); // it reconnects by itself
  return c.connect();
};
const client = await open({ scripts: { add } });
const subscriber = await open();
const blocked = await open();
const caching = await open({ RESP: 3, clientSideCache: { ttl: 0, maxEntries: 0, evictPolicy: 'LRU' } });
await client.ping();
passed('connect');

const heard = [];
await subscriber.subscribe('lasting', (message) => heard.push(message));

async function getSet(name) {
  equal(await client.set(name, 'välue', { expiration: { type: 'EX', value: 100 } }), 'OK');
  equal(await client.get(name), 'välue');
  equal(await client.get(`${name}:missing`), null);
  await client.hSet(`${name}:hash`, { a: 1, b: 2 });
  equal({ ...(await client.hGetAll(`${name}:hash`)) }, { a: '1', b: '2' });
  equal(await client.zAdd(`${name}:sorted`, { score: 1.5, value: 'a' }), 1);
  equal(await client.zScore(`${name}:sorted`, 'a'), 1.5);
  const refused = await client.incr(name).catch((e) => e.message);
  equal(/not an integer/.test(refused), true);
}

async function pipeline(name) {
  // What is asked for in one turn goes out together.
  const replies = await Promise.all(Array.from({ length: 1000 }, () => client.incr(name)));
  equal(replies, Array.from({ length: 1000 }, (_, i) => i + 1));
  equal(await client.multi().incr(name).get(name).execAsPipeline(), [1001, '1001']);
}

async function transaction(name) {
  await client.set(name, 1);
  const isolated = await client.duplicate().connect();
  for (let attempt = 1; ; attempt++) {
    await isolated.watch(name);
    const value = Number(await isolated.get(name));
    if (attempt === 1) await client.incr(name); // what another client does in between
    try {
      equal(await isolated.multi().set(name, value * 2).get(name).exec(), ['OK', '4']);
      equal(attempt, 2);
      break;
    } catch (e) {
      if (!(e instanceof WatchError)) throw e;
    }
  }
  isolated.destroy();
}

async function publishSubscribe(name) {
  const got = [];
  await subscriber.subscribe(name, (message) => got.push(message));
  await subscriber.pSubscribe(`${name}?`, (message) => got.push(message));
  for (let i = 0; i < 10; i++) equal(await client.publish(name, String(i)), 1);
  await client.publish(`${name}!`, 'pattern');
  await until('the messages', () => got.length === 11);
  equal(got, ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'pattern']);
  await subscriber.unsubscribe(name);
  await subscriber.pUnsubscribe(`${name}?`);
  equal(await client.publish(name, 'late'), 0);
}

// The subscription made at the beginning hears what is published, also when
// Redis has restarted since.
async function lastingSubscription(name) {
  await until('the subscription', async () => (await client.publish('lasting', name)) > 0);
  await until('the message', () => heard.includes(name));
}

async function blockingPop(name) {
  equal(await blocked.blPop(name, 0.05), null);
  const popped = blocked.blPop(name, 20);
  await until('a blocked client', async () => !/blocked_clients:0/.test(await client.info('clients')));
  await client.rPush(name, 'job');
  equal({ ...(await popped) }, { key: name, element: 'job' });
}

async function script(name) {
  equal(await client.add(name, 5), 5);
  await client.scriptFlush();
  equal(await client.add(name, 5), 10); // after NOSCRIPT
}

async function clientSideCaching(name) {
  await client.set(name, 'old');
  equal(await caching.get(name), 'old');
  equal(await caching.get(name), 'old');
  await client.set(name, 'new');
  await until('the new value', async () => (await caching.get(name)) === 'new');
}

async function counters(name, round) {
  equal(await client.sendCommand(['DKC.INC', 'total']), round);
  equal(await client.sendCommand(['DK.INC', `c${round}`, '3']), [3, 3]);
  equal(await client.sendCommand(['DK.GET', `c${round}`]), [3, 3]);
  const both = await Promise.all([client.sendCommand(['DKC.INC', name]), client.set(name, 'x'), client.sendCommand(['DKC.GET', name])]);
  equal(both, [1, 'OK', 1]);
}

const steps = [getSet, pipeline, transaction, publishSubscribe, lastingSubscription, blockingPop, script, clientSideCaching];
if (hasCounters) steps.push(counters);
await run(steps, 1);
await restart((key) => client.get(key));
await run(steps, 2);
await Promise.all([client, subscriber, blocked, caching].map((c) => c.close()));
console.log('done');

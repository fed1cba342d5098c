// ioredis, as an application uses it.

import { Redis } from 'ioredis';
import { begin, equal, hasCounters, passed, restart, run, until, url } from './common.mjs';

begin('ioredis');

const open = (options) => {
  const c = new Redis(url, options ?? {});
  c.on('error', () => {}); // it reconnects by itself
  return c;
};
const client = open({ scripts: { add: { numberOfKeys: 1, lua: "return redis.call('INCRBY', KEYS[1], ARGV[1])" } } });
const subscriber = open();
const blocked = open();
equal(await client.ping(), 'PONG');
passed('connect');

let heard = [];
subscriber.on('message', (channel, message) => heard.push(message));
subscriber.on('pmessage', (pattern, channel, message) => heard.push(message));
await subscriber.subscribe('lasting');

async function getSet(name) {
  equal(await client.set(name, 'välue', 'EX', 100), 'OK');
  equal(await client.get(name), 'välue');
  equal(await client.get(`${name}:missing`), null);
  await client.hset(`${name}:hash`, { a: 1, b: 2 });
  equal({ ...(await client.hgetall(`${name}:hash`)) }, { a: '1', b: '2' });
  const binary = Buffer.from('\x00\r\n\xff'.repeat(50_000), 'latin1');
  await client.set(`${name}:binary`, binary);
  equal((await client.getBuffer(`${name}:binary`)).equals(binary), true);
  const refused = await client.incr(name).catch((e) => e.message);
  equal(/not an integer/.test(refused), true);
  const found = [];
  for await (const keys of client.scanStream({ match: `${name}*` })) found.push(...keys);
  equal(found.sort(), [name, `${name}:binary`, `${name}:hash`]);
}

async function pipeline(name) {
  const pipe = client.pipeline();
  for (let i = 0; i < 1000; i++) pipe.incr(name);
  equal(await pipe.exec(), Array.from({ length: 1000 }, (_, i) => [null, i + 1]));
}

async function transaction(name) {
  await client.set(name, 1);
  const isolated = client.duplicate();
  for (let attempt = 1; ; attempt++) {
    await isolated.watch(name);
    const value = Number(await isolated.get(name));
    if (attempt === 1) await client.incr(name); // what another client does in between
    const replies = await isolated.multi().set(name, value * 2).get(name).exec();
    if (replies === null) continue;
    equal(replies, [[null, 'OK'], [null, '4']]);
    equal(attempt, 2);
    break;
  }
  isolated.disconnect();
}

async function publishSubscribe(name) {
  heard = [];
  await subscriber.subscribe(name);
  await subscriber.psubscribe(`${name}?`);
  for (let i = 0; i < 10; i++) equal(await client.publish(name, String(i)), 1);
  await client.publish(`${name}!`, 'pattern');
  await until('the messages', () => heard.length === 11);
  equal(heard, ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'pattern']);
  await subscriber.unsubscribe(name);
  await subscriber.punsubscribe(`${name}?`);
  equal(await client.publish(name, 'late'), 0);
}

// The subscription made at the beginning hears what is published, also when
// Redis has restarted since.
async function lastingSubscription(name) {
  await until('the subscription', async () => (await client.publish('lasting', name)) > 0);
  await until('the message', () => heard.includes(name));
}

async function blockingPop(name) {
  equal(await blocked.blpop(name, 0.05), null);
  const popped = blocked.blpop(name, 20);
  await until('a blocked client', async () => !/blocked_clients:0/.test(await client.info('clients')));
  await client.rpush(name, 'job');
  equal(await popped, [name, 'job']);
}

async function script(name) {
  equal(await client.add(name, 5), 5);
  await client.script('FLUSH');
  equal(await client.add(name, 5), 10); // after NOSCRIPT
}

async function counters(name, round) {
  equal(await client.call('DKC.INC', 'total'), round);
  equal(await client.call('DK.INC', `c${round}`, 3), [3, 3]);
  equal(await client.call('DK.GET', `c${round}`), [3, 3]);
  const both = await client.pipeline().call('DKC.INC', name).set(name, 'x').call('DKC.GET', name).exec();
  equal(both, [[null, 1], [null, 'OK'], [null, 1]]);
}

const steps = [getSet, pipeline, transaction, publishSubscribe, lastingSubscription, blockingPop, script];
if (hasCounters) steps.push(counters);
await run(steps, 1);
await restart((key) => client.get(key));
await run(steps, 2);
await Promise.all([client, subscriber, blocked].map((c) => c.quit()));
console.log('done');

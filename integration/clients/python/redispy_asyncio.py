"""redis-py's asyncio client, as an application uses it."""

import asyncio
import os
import platform
import time

import redis.asyncio as redis
from redis import __version__

COUNTERS = os.environ["COUNTERS"] == "yes"
PATIENCE = 20  # seconds for anything that takes time

r = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
add = r.register_script("return redis.call('INCRBY', KEYS[1], ARGV[1])")


def passed(step):
    print("passed", step, flush=True)


def check(got, want):
    if got != want:
        raise AssertionError(f"got {got!r}, want {want!r}")


async def until(what, condition):
    deadline = time.monotonic() + PATIENCE
    while not await condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {PATIENCE} s")
        await asyncio.sleep(0.01)


async def get_set(name):
    check(await r.set(name, "välue", ex=100), True)
    check(await r.get(name), "välue")
    check(await r.get(name + ":missing"), None)
    await r.hset(name + ":hash", mapping={"a": 1, "b": 2})
    check(await r.hgetall(name + ":hash"), {"a": "1", "b": "2"})
    # More at once than there are connections.
    replies = await asyncio.gather(*(r.incr(name + ":many") for _ in range(50)))
    check(sorted(replies), list(range(1, 51)))


async def pipeline(name):
    async with r.pipeline(transaction=False) as pipe:
        for _ in range(1000):
            pipe.incr(name)
        check(await pipe.execute(), list(range(1, 1001)))


async def transaction(name):
    """Ten tasks double one value; those who lose retry."""
    await r.set(name, 1)

    async def double():
        async with r.pipeline() as pipe:
            while True:
                try:
                    await pipe.watch(name)
                    value = int(await pipe.get(name))
                    pipe.multi()
                    pipe.set(name, value * 2)
                    await pipe.execute()
                    return
                except redis.WatchError:
                    continue

    await asyncio.gather(*(double() for _ in range(10)))
    check(await r.get(name), "1024")


async def publish_subscribe(name):
    async with r.pubsub() as p:
        await p.subscribe(name)
        check((await p.get_message(timeout=PATIENCE))["type"], "subscribe")
        for i in range(10):
            check(await r.publish(name, i), 1)
        for i in range(10):
            check((await p.get_message(timeout=PATIENCE))["data"], str(i))
        await p.unsubscribe(name)
        check((await p.get_message(timeout=PATIENCE))["type"], "unsubscribe")


async def blocking_pop(name):
    check(await r.blpop(name, timeout=0.05), None)
    waiter = asyncio.create_task(r.blpop(name, timeout=PATIENCE))

    async def blocked():
        return (await r.info("clients"))["blocked_clients"] > 0

    await until("a blocked client", blocked)
    await r.rpush(name, "job")
    check(list(await waiter), [name, "job"])

    # A wait given up by its task blocks nobody and takes no element.
    waiter = asyncio.create_task(r.blpop(name, timeout=PATIENCE))
    await until("a blocked client", blocked)
    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)

    async def unblocked():
        return not await blocked()

    await until("no blocked client", unblocked)
    await r.rpush(name, "kept")
    check(await r.lpop(name), "kept")


async def script(name):
    check(await add(keys=[name], args=[5]), 5)
    await r.script_flush()
    check(await add(keys=[name], args=[5]), 10)  # after NOSCRIPT


async def counters(name, round):
    check(await r.execute_command("DKC.INC", "total"), round)
    check(await r.execute_command("DK.INC", name, 3), [3, 3])
    check(await r.execute_command("DK.GET", name), [3, 3])
    replies = await asyncio.gather(*(r.execute_command("DKC.INC", "many:" + name) for _ in range(50)))
    check(sorted(replies), list(range(1, 51)))


async def steps(round):
    for step in (get_set, pipeline, transaction, publish_subscribe, blocking_pop, script):
        await step(f"{step.__name__}:{round}")
        passed(step.__name__)
    if COUNTERS:
        await counters(f"counters{round}", round)
        passed("counters")


async def restart():
    print("restart", flush=True)

    async def served():
        try:
            # Of each of the pool's connections.
            return set(await asyncio.gather(*(r.get("restarts") for _ in range(50)))) == {"1"}
        except redis.RedisError:
            return False

    await until("served again", served)
    passed("restart")


async def main():
    await r.ping()
    passed("connect")
    await steps(1)
    await restart()
    await steps(2)
    await r.aclose()


print("library redis-py", __version__, "asyncio")
print("runtime Python", platform.python_version(), flush=True)
asyncio.run(main())
print("done")

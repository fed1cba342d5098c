"""redis-py, as an application uses it."""

import os
import platform
import threading
import time

import redis

COUNTERS = os.environ["COUNTERS"] == "yes"
PATIENCE = 20  # seconds for anything that takes time

r = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
add = r.register_script("return redis.call('INCRBY', KEYS[1], ARGV[1])")


def passed(step):
    print("passed", step, flush=True)


def check(got, want):
    if got != want:
        raise AssertionError(f"got {got!r}, want {want!r}")


def until(what, condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {PATIENCE} s")
        time.sleep(0.01)


def get_set(name):
    check(r.set(name, "välue", ex=100), True)
    check(r.get(name), "välue")
    check(0 < r.ttl(name) <= 100, True)
    check(r.get(name + ":missing"), None)
    r.hset(name + ":hash", mapping={"a": 1, "b": 2})
    check(r.hgetall(name + ":hash"), {"a": "1", "b": "2"})
    check(r.zadd(name + ":sorted", {"a": 1.5}), 1)
    check(r.zscore(name + ":sorted", "a"), 1.5)
    try:
        r.incr(name)
        raise AssertionError("INCR of a text was not refused")
    except redis.ResponseError as e:
        check("not an integer" in str(e), True)
    raw = redis.Redis.from_url(os.environ["REDIS_URL"])
    raw.set(name + ":binary", b"\x00\r\n\xff" * 50_000)
    check(raw.get(name + ":binary"), b"\x00\r\n\xff" * 50_000)
    raw.close()


def pipeline(name):
    pipe = r.pipeline(transaction=False)
    for _ in range(1000):
        pipe.incr(name)
    check(pipe.execute(), list(range(1, 1001)))


def transaction(name):
    r.set(name, 1)
    attempts = 0

    def double(pipe):
        nonlocal attempts
        attempts += 1
        value = int(pipe.get(name))
        if attempts == 1:
            r.incr(name)  # what another client does in between
        pipe.multi()
        pipe.set(name, value * 2)
        pipe.get(name)

    check(r.transaction(double, name), [True, "4"])
    check(attempts, 2)


def publish_subscribe(name):
    with r.pubsub() as p:
        p.subscribe(name)
        p.psubscribe(name + "?")
        check(p.get_message(timeout=PATIENCE)["type"], "subscribe")
        check(p.get_message(timeout=PATIENCE)["type"], "psubscribe")
        for i in range(10):
            check(r.publish(name, i), 1)
        check([p.get_message(timeout=PATIENCE)["data"] for _ in range(10)], [str(i) for i in range(10)])
        r.publish(name + "!", "pattern")
        check(p.get_message(timeout=PATIENCE)["pattern"], name + "?")
        p.unsubscribe(name)
        check(p.get_message(timeout=PATIENCE)["type"], "unsubscribe")
    until("no subscriber", lambda: r.publish(name, "late") == 0)


def blocking_pop(name):
    check(r.blpop(name, timeout=0.05), None)
    popped = []
    waiter = threading.Thread(target=lambda: popped.append(r.blpop(name, timeout=PATIENCE)))
    waiter.start()
    until("a blocked client", lambda: r.info("clients")["blocked_clients"] > 0)
    r.rpush(name, "job")
    waiter.join(PATIENCE)
    check([list(p) for p in popped], [[name, "job"]])


def script(name):
    check(add(keys=[name], args=[5]), 5)
    r.script_flush()
    check(add(keys=[name], args=[5]), 10)  # after NOSCRIPT


def client_side_caching(name):
    """With a client of its own for each round: the library's cache does not outlive its connection."""
    caching = redis.Redis.from_url(
        os.environ["REDIS_URL"], decode_responses=True, protocol=3, cache_config=redis.cache.CacheConfig()
    )
    r.set(name, "old")
    check(caching.get(name), "old")
    check(caching.get(name), "old")
    check(caching.get_cache().size > 0, True)
    r.set(name, "new")
    until("the new value", lambda: caching.get(name) == "new")
    caching.close()


def counters(name, round):
    check(r.execute_command("DKC.INC", "visits:" + name, 5), 5)
    check(r.execute_command("DKC.INC", "total"), round)
    check(r.execute_command("DK.INC", name, 3), [3, 3])
    check(r.execute_command("DK.GET", name), [3, 3])
    pipe = r.pipeline(transaction=False)
    pipe.execute_command("DKC.INC", "visits:" + name)
    pipe.set(name, "x")
    pipe.execute_command("DKC.GET", "visits:" + name)
    check(pipe.execute(), [6, True, 6])


def steps(round):
    for step in (get_set, pipeline, transaction, publish_subscribe, blocking_pop, script):
        step(f"{step.__name__}:{round}")
        passed(step.__name__)
    if CACHES:
        client_side_caching(f"caching:{round}")
        passed("client_side_caching")
    if COUNTERS:
        counters(f"counters{round}", round)
        passed("counters")


def restart():
    print("restart", flush=True)

    def served():
        try:
            return r.get("restarts") == "1"
        except redis.RedisError:
            return False

    until("served again", served)
    passed("restart")


print("library redis-py", redis.__version__)
print("runtime Python", platform.python_version(), flush=True)
r.ping()
passed("connect")
CACHES = [int(n) for n in r.info("server")["redis_version"].split(".")[:2]] >= [7, 4]
if not CACHES:
    print("note the library's client-side caching wants Redis 7.4")
steps(1)
restart()
steps(2)
r.close()
print("done")

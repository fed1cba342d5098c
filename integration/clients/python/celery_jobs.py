"""Celery: tasks that succeed, one that is retried, one that is delayed, one that fails for good, and a
chord; all of it again after a restart of Redis, through which others are sent and worked on. Redis is the
broker and keeps the results."""

import os
import platform
import subprocess
import sys
import time

import celery
import redis
from celery import chord

JOBS = 200
PATIENCE = 40  # seconds for anything that takes time; Celery's reconnects back off

app = celery.Celery("celery_jobs", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])
# A worker that has lost the broker forgets the tasks that it has taken and not begun. When it is back, a
# few seconds later, those that have waited for longer than this come again.
app.conf.broker_transport_options = {"visibility_timeout": 1}  # seconds
RETRIED = (redis.RedisError, celery.exceptions.OperationalError)


@app.task
def double(n):
    return 2 * n


@app.task
def total(numbers):
    return sum(numbers)


@app.task(bind=True, max_retries=2)
def flaky(self, n):
    if self.request.retries < 2:
        raise self.retry(countdown=0.1)
    return n


@app.task(acks_late=True)
def slow(n):
    time.sleep(0.02)
    return n


@app.task
def doomed():
    raise ValueError("never")


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
        time.sleep(0.05)


def work():
    results = [double.delay(n) for n in range(JOBS)]
    retried = flaky.delay(7)
    begun = time.monotonic()
    delayed = double.apply_async((50,), countdown=1)
    failed = doomed.delay()
    check([r.get(timeout=PATIENCE) for r in results], [2 * n for n in range(JOBS)])
    passed(f"{JOBS} tasks")
    check(retried.get(timeout=PATIENCE), 7)
    passed("retry")
    check(delayed.get(timeout=PATIENCE), 100)
    check(time.monotonic() - begun >= 1, True)
    passed("delay")
    check(repr(failed.get(timeout=PATIENCE, propagate=False)), repr(ValueError("never")))
    passed("failure")
    check(chord(double.s(n) for n in range(10))(total.s()).get(timeout=PATIENCE), 90)
    passed("chord")


def answers():
    """Reports whether a worker answers a ping, by which it is told and answers through messages."""
    try:
        return bool(app.control.ping(timeout=1))
    except RETRIED:
        return False


def served(own):
    try:
        return own.get("restarts") == b"1"
    except redis.RedisError:
        return False


def send(sent):
    """Sends one more task, again under the same id when that fails."""
    sent.append(f"slow-{len(sent)}")

    def accepted():
        try:
            slow.apply_async((len(sent) - 1,), task_id=sent[-1])
            return True
        except RETRIED:
            return False

    until(sent[-1], accepted)
    time.sleep(0.005)


def done(task_id):
    try:
        return app.AsyncResult(task_id).successful()
    except RETRIED:
        return False


def restart(own):
    """Tasks are sent from before the restart until after it, and worked on all the while."""
    sent = []
    while len(sent) < 50:
        send(sent)
    print("restart", flush=True)
    before = len(sent)
    deadline = time.monotonic() + PATIENCE
    while not served(own):
        check(time.monotonic() < deadline, True)
        send(sent)
    passed("restart")
    check(len(sent) > before, True)
    for _ in range(50):
        send(sent)
    for n, task_id in enumerate(sent):
        until(task_id, lambda: done(task_id))
        check(app.AsyncResult(task_id).get(timeout=PATIENCE), n)
    passed("tasks during the restart")
    until("the worker again", answers)


def main():
    print("library Celery", celery.__version__)
    print("runtime Python", platform.python_version(), flush=True)
    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "celery_jobs", "worker", "--concurrency", "2", "--loglevel", "WARNING"],
        cwd=os.path.dirname(os.path.abspath(__file__)),
        stdout=sys.stderr,
    )
    try:
        until("a worker", answers)
        passed("connect")
        work()
        with redis.Redis.from_url(os.environ["REDIS_URL"]) as own:
            restart(own)
        work()
    finally:
        worker.terminate()
        worker.wait(PATIENCE)
    print("done")


if __name__ == "__main__":
    main()

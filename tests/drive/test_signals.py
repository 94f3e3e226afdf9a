"""Real processes, real signals: what is recorded, and how the process ends."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from headrace.core.transitions import allowed
from headrace.store.sqlite import SqliteStore

SCRIPT = """
import sys, time
from headrace import flow, task

@task
def slow():
    print("begun", flush=True)
    time.sleep(60)

@flow
def around():
    {body}

{call}
"""

SYNC = "around()"
ASYNC = """
import asyncio
asyncio.run(around())
"""


@pytest.fixture
def start(tmp_path):
    """Start a script with a home of its own; it is ended with the test."""
    begun = []

    def start(source):
        path = tmp_path / "script.py"
        path.write_text(textwrap.dedent(source))
        environment = {**os.environ, "HEADRACE_HOME": str(tmp_path / "home")}
        process = subprocess.Popen(
            [sys.executable, str(path)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        begun.append(process)
        return process

    yield start
    for process in begun:
        if process.poll() is None:
            process.kill()
        process.communicate()


def store_of(tmp_path):
    (path,) = (tmp_path / "home").glob("*.db")
    return SqliteStore(path)


def names(store, run):
    return [state.name for state in store.history(run.id)]


@pytest.mark.parametrize("body", ["slow()", "slow.submit().result()", "slow.submit()"])
@pytest.mark.parametrize(
    ("signum", "status", "message"),
    [
        (signal.SIGTERM, -15, "Execution was aborted by a termination signal."),
        (signal.SIGINT, -2, "Execution was aborted by an interrupt signal."),
    ],
)
def test_a_signal_crashes_the_flow_and_what_it_runs_and_ends_the_process(
    body, signum, status, message, start, tmp_path
):
    """The signal is delivered again once the states are recorded."""
    process = start(SCRIPT.format(body=body, call=SYNC))
    assert process.stdout.readline() == "begun\n"
    time.sleep(0.1)
    if body != "slow()":
        # A thread in a blocking call ends with it; here it is the store that counts.
        process.stdout.close()
    process.send_signal(signum)
    if body != "slow()":
        time.sleep(0.3)
        process.send_signal(signum)  # the second one leaves the thread to itself
    assert process.wait(20) == status
    store = store_of(tmp_path)
    (run,) = store.flow_runs()
    assert names(store, run) == ["Pending", "Running", "Crashed"]
    assert store.history(run.id)[-1].message == message
    if body == "slow()":
        (task_run,) = store.task_runs()
        assert names(store, task_run) == ["Pending", "Running", "Crashed"]
    store.close()


def test_a_signal_tells_tasks_that_run_in_threads(start, tmp_path):
    """What runs Python code there ends, and is recorded, before the process does."""
    source = """
    import time
    from headrace import flow, task

    @task
    def busy():
        print("begun", flush=True)
        while True:
            time.sleep(0.001)

    @flow
    def around():
        busy.submit()

    around()
    """
    process = start(source)
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == -15
    store = store_of(tmp_path)
    (task_run,) = store.task_runs()
    assert names(store, task_run) == ["Pending", "Running", "Crashed"]
    store.close()


@pytest.mark.parametrize(("signum", "status"), [(signal.SIGTERM, -15), (signal.SIGINT, -2)])
@pytest.mark.parametrize("tidying", ["doze()", "tidy()"])
def test_a_second_signal_ends_what_cleans_up_after_the_first(signum, status, tidying, start, tmp_path):
    """In user code, and in what it calls; both runs end recorded."""
    source = f"""
    import time
    from headrace import flow, task

    def doze():
        # In short naps: what comes just before Python goes to sleep is told when it wakes, as by any Python program.
        for _ in range(6000):
            time.sleep(0.01)

    tidy = task(doze, name="tidy")

    @flow
    def around():
        try:
            print("begun", flush=True)
            doze()
        finally:
            try:
                print("tidying", flush=True)
                {tidying}
            finally:
                print("tidied", flush=True)

    around()
    """
    process = start(source)
    for line in ("begun", "tidying", "tidied"):
        assert process.stdout.readline() == f"{line}\n"
        if line != "tidied":
            process.send_signal(signum)
    assert process.wait(20) == status
    store = store_of(tmp_path)
    for run in [*store.flow_runs(), *store.task_runs()]:
        assert run.state.is_crashed()
    store.close()


@pytest.mark.parametrize(
    ("signum", "status", "message"),
    [
        (signal.SIGTERM, -15, "Execution was aborted by a termination signal."),
        (signal.SIGINT, -2, "Execution was aborted by an interrupt signal."),
    ],
)
def test_an_async_flow_is_told_of_a_signal(signum, status, message, start, tmp_path):
    """At its next await; as a sync one, though asyncio has a way of its own with Ctrl-C."""
    source = """
    import asyncio
    from headrace import flow

    @flow
    async def around():
        print("begun", flush=True)
        await asyncio.sleep(60)

    asyncio.run(around())
    """
    process = start(source)
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signum)
    assert process.wait(20) == status
    store = store_of(tmp_path)
    (run,) = store.flow_runs()
    assert names(store, run) == ["Pending", "Running", "Crashed"]
    assert store.history(run.id)[-1].message == message
    store.close()


def test_a_signal_that_another_thread_was_given_is_heard_in_an_event_loop(start, tmp_path):
    """As one that comes just before the loop begins to wait: neither ends the system call that waits."""
    source = """
    import asyncio, signal, threading
    from headrace import flow

    def take_signal():
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

    @flow
    async def around():
        threading.Timer(0.05, take_signal).start()
        await asyncio.sleep(60)

    asyncio.run(around())
    """
    assert start(source).wait(20) == -15
    store = store_of(tmp_path)
    (run,) = store.flow_runs()
    assert names(store, run) == ["Pending", "Running", "Crashed"]
    store.close()


def test_a_handler_of_the_users_own_is_left_alone(start):
    """Who handles SIGTERM handles it alone."""
    source = """
    import os, signal, time
    from headrace import flow

    signal.signal(signal.SIGTERM, lambda *_: os.write(1, b"mine\\n"))  # it may hit within a print: no second one

    @flow
    def around():
        print("begun", flush=True)
        time.sleep(1)
        return 1

    assert around() == 1
    """
    process = start(source)
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "mine\n"
    assert process.wait(20) == 0


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.05, 0.11, 0.2])
def test_a_killed_process_leaves_a_legal_history_that_holds_all_it_had_seen(delay, start, tmp_path):
    """`kill -9`, with threads at work: the store opens at once; each result that was printed is recorded."""
    source = """
    from headrace import flow, task

    @task
    def step(n):
        return n

    @flow
    def around():
        n = 0
        while True:
            futures = [step.submit(n + k) for k in range(4)]
            for future in futures:
                future.result()
                print(future.task_run_id, flush=True)
            n += 4

    around()
    """
    process = start(source)
    printed = process.stdout.readline()
    time.sleep(delay)
    process.kill()
    printed += process.stdout.read()  # not `communicate`, which passes over what was read ahead with the first line
    seen = printed.split("\n")[:-1]
    assert seen, process.stderr.read()
    store = store_of(tmp_path)
    task_runs = {str(run.id): run for run in store.task_runs()}
    for run in (*task_runs.values(), *store.flow_runs()):
        before = None
        for state in store.history(run.id):
            assert allowed(before, state, run.kind)
            before = state
        assert before == run.state
    for run_id in seen:
        assert task_runs[run_id].state.is_completed()
    store.close()

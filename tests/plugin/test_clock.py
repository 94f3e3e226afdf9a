"""`fake_clock` puts the engine, sleeps and event loops of a test on virtual time."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from pathlib import Path
from time import sleep

import pytest

from headrace import flow, task
from headrace.clock import SystemClock
from headrace.clock.virtual import VirtualClock
from headrace.drive.world import World, current_world
from headrace.store.memory import MemoryStore
from headrace.testing import Runs, virtual_time


@task(retries=2, retry_delay_seconds=3600)
def fails() -> None:
    raise ValueError


@task
async def naps(seconds: float) -> None:
    await asyncio.sleep(seconds)


@flow
async def rests(seconds: float) -> None:
    await naps(seconds)


def test_delays_pass_at_once(fake_clock: VirtualClock, runs: Runs) -> None:
    """The clock compares with the seconds that passed."""

    @flow
    def patient() -> None:
        fails(return_state=True)

    patient()
    assert fake_clock == 7200
    assert fake_clock.elapsed == 7200
    assert runs.task("fails").retry_delays == [3600, 3600]


def test_sleeps_of_user_code_pass_at_once(fake_clock: VirtualClock) -> None:
    """In the test, in a task, and in a thread of the user's own."""

    @task
    def sleeps(seconds: float) -> None:
        time.sleep(seconds)

    @flow
    def parallel() -> None:
        sleeps.map([30, 60]).wait()

    time.sleep(10)
    assert fake_clock == 10
    parallel()
    assert fake_clock == 70
    thread = threading.Thread(target=time.sleep, args=(5,))
    thread.start()
    thread.join()
    assert fake_clock == 75


def test_sleep_is_found_by_whatever_name_a_module_has_it(
    fake_clock: VirtualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`from time import sleep` is as good as `time.sleep`, wherever the import was, and is undone everywhere."""
    (tmp_path / "sleepy.py").write_text("from time import sleep\n")
    monkeypatch.syspath_prepend(tmp_path)
    sleep(10)
    assert fake_clock == 10
    with virtual_time() as inner:
        import sleepy  # type: ignore[import-not-found]

        sleepy.sleep(5)
        assert inner == 5
    assert sleepy.sleep is sleep is time.sleep
    del sys.modules["sleepy"]


def test_waiting_for_a_process_is_real(fake_clock: VirtualClock) -> None:
    """The standard library polls for it between short sleeps; were those virtual, the clock would race."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.02)"]) as process:
        assert process.wait(timeout=60) == 0
    assert fake_clock == 0


def test_a_test_can_let_time_pass(fake_clock: VirtualClock) -> None:
    """`advance` moves the clock; nothing moves it back."""
    fake_clock.advance(12.5)
    assert fake_clock == 12.5
    with pytest.raises(ValueError, match="back"):
        fake_clock.advance(-1)


def test_new_event_loops_are_virtual(fake_clock: VirtualClock) -> None:
    """Those of asyncio.run, and those made by hand."""
    asyncio.run(rests(86400))
    assert fake_clock == 86400
    loop = asyncio.new_event_loop()
    loop.run_until_complete(asyncio.sleep(14))
    loop.close()
    assert fake_clock == 86414


@pytest.mark.asyncio
async def test_async_tests_are_virtual(fake_clock: VirtualClock) -> None:
    """Also where the loop is pytest-asyncio's."""
    await rests(86400)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.Event().wait(), 600)
    assert fake_clock == 87000


def test_ids_follow_the_clock(fake_clock: VirtualClock, runs: Runs) -> None:
    """They are time-ordered, so they carry the virtual moment."""

    @flow
    def early() -> None: ...

    early()
    assert runs.flow("early").id.int >> 80 == int(fake_clock.now().timestamp() * 1000)


def test_threads_that_were_there_before_sleep_in_real_time() -> None:
    """A reporter or a coverage thread of the test session must not be hurried."""
    world = World(MemoryStore(), seed=0)
    begin = threading.Event()

    def elder() -> None:
        begin.wait()
        time.sleep(0.001)

    thread = threading.Thread(target=elder)
    thread.start()
    with virtual_time(world) as clock:
        begin.set()
        thread.join(10)
        assert not thread.is_alive()
        assert clock == 0


def test_everything_is_put_back(project: pytest.Pytester) -> None:
    """The next test is in real time again."""
    world = current_world()
    before = (time.sleep, asyncio.new_event_loop, asyncio.events.new_event_loop, world.clock, world.new_id)
    with virtual_time() as clock:
        assert world.clock is clock
        assert time.sleep is not before[0]
    assert before == (time.sleep, asyncio.new_event_loop, asyncio.events.new_event_loop, world.clock, world.new_id)
    assert isinstance(world.clock, SystemClock)


def test_the_loop_is_virtual_whatever_fixture_asked_for_it_first(project: pytest.Pytester) -> None:
    """An async fixture that is set up before the clock would else bring a loop on real time."""
    project.makepyfile(
        """
        import asyncio, pytest, pytest_asyncio

        @pytest_asyncio.fixture
        async def early():
            await asyncio.sleep(1)
            yield
            await asyncio.sleep(1)

        @pytest.mark.asyncio
        async def test_loop(early, fake_clock):
            await asyncio.sleep(3600)
            assert fake_clock == 3601
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=1)


def test_a_loop_that_tests_share_follows_the_clock_of_each(project: pytest.Pytester) -> None:
    """It exists already, and is back on real time after the test."""
    project.makepyfile(
        """
        import asyncio, time
        import pytest

        pytestmark = pytest.mark.asyncio(loop_scope="session")

        async def test_virtual(fake_clock):
            await asyncio.sleep(3600)
            assert fake_clock == 3600

        async def test_real():
            before = time.perf_counter()
            await asyncio.sleep(0.01)
            assert time.perf_counter() - before >= 0.009

        async def test_virtual_again(simulation):
            await asyncio.sleep(60)
            assert simulation.elapsed == 60
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=3)


def test_a_loop_that_can_not_follow_is_refused(project: pytest.Pytester) -> None:
    """uvloop waits in code of its own: the test says so instead of waiting for real."""
    project.makepyfile(
        """
        import asyncio
        import pytest
        from headrace.testing import VirtualClock, follow_in_loop

        def test_refused():
            class Foreign: pass
            with pytest.raises(RuntimeError, match="Foreign can't follow virtual time"):
                with follow_in_loop(VirtualClock(), Foreign()): pass
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=1)

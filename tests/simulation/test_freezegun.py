"""freezegun and simulations: the one that is there first leads."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime

from freezegun import freeze_time

from headrace import flow, task
from headrace.testing import simulate, virtual_time

FROZEN = datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)


@task(retries=1, retry_delay_seconds=60)
def late():
    from headrace import runtime

    if runtime.task_run.run_count == 1:
        raise ConnectionError
    return datetime.now(UTC), time.time(), date.today()


@flow
def submitting():
    return late.submit().result()


def test_a_frozen_test_gives_the_simulation_its_start():
    """And what freezegun shows follows virtual time, in threads of the runner too."""
    with freeze_time(FROZEN), simulate() as simulation:
        assert simulation.now == FROZEN == datetime.now(UTC)
        now, seconds, today = submitting()
        assert now == simulation.now == datetime(2031, 2, 3, 4, 6, 6, tzinfo=UTC)
        assert seconds == FROZEN.timestamp() + 60
        assert today == date(2031, 2, 3)
        time.sleep(3600)
        assert datetime.now(UTC) == simulation.now
    with freeze_time(FROZEN), virtual_time() as clock:
        assert clock.now() == FROZEN


def test_a_start_that_is_given_wins():
    """Then freezegun shows how much has passed since."""
    with freeze_time(FROZEN), simulate(start="2026-01-01") as simulation:
        time.sleep(10)
        assert simulation.now == datetime(2026, 1, 1, 0, 0, 10, tzinfo=UTC)
        assert datetime.now(UTC) == datetime(2031, 2, 3, 4, 5, 16, tzinfo=UTC)


def test_time_frozen_within_a_simulation_is_virtual_again_afterwards():
    """Not real: freezegun puts back what it takes for the real thing."""
    with simulate() as simulation:
        with freeze_time(FROZEN):
            assert datetime.now(UTC) == FROZEN
            time.sleep(5)
            assert datetime.now(UTC) == FROZEN
        assert datetime.now(UTC) == simulation.now
        assert simulation.elapsed == 5
        assert time.time() == simulation.now.timestamp()
    assert abs(datetime.now(UTC).timestamp() - time.time()) < 10

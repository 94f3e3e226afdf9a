"""Moments are pickled and copied on virtual time as on real time."""

import copy
import copyreg
import pickle
from datetime import UTC, date, datetime
from typing import Any

import cloudpickle
import pytest
from freezegun import freeze_time

from headrace import task
from headrace.testing import simulate

MOMENT = datetime(2026, 3, 1, 12, 30, 15, 7, tzinfo=UTC)


@pytest.mark.parametrize("dumps", [pickle.dumps, cloudpickle.dumps])
@pytest.mark.parametrize("moment", [MOMENT, MOMENT.replace(tzinfo=None, fold=1), date(2026, 3, 1)])
def test_what_is_pickled_in_a_simulation_is_read_in_it_and_after_it(dumps: Any, moment: Any) -> None:
    """Though the classes have stand-ins there."""
    with simulate():
        pickled = dumps([moment])
        assert pickle.loads(pickled) == [moment]
    (read,) = pickle.loads(pickled)
    assert (read, type(read), getattr(read, "fold", 0)) == (moment, type(moment), getattr(moment, "fold", 0))


def test_moments_are_copied_in_a_simulation() -> None:
    """Shallow and deep."""
    with simulate():
        assert copy.copy(MOMENT) == copy.deepcopy([MOMENT])[0] == MOMENT


def test_results_with_moments_are_kept_in_a_simulation(simulation: Any) -> None:
    """And so are those that are read from the virtual clock."""

    @task(persist_result=True)
    def when() -> datetime:
        return datetime.now(UTC)

    state = when(return_state=True)
    assert state.state_details.result_key is not None
    assert state.result() == simulation.now


def test_nothing_of_it_is_left_behind() -> None:
    """Also where freezegun, which does the same, came and went meanwhile."""
    with simulate():
        with freeze_time("2026-03-01"):
            assert pickle.loads(pickle.dumps(MOMENT)) == MOMENT
        assert pickle.loads(pickle.dumps(MOMENT)) == MOMENT
    assert {datetime, date}.isdisjoint(copyreg.dispatch_table)

"""All back ends must agree, whatever is done to them and in whichever order; and one that does not is found."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from headrace.core.states import State
from headrace.store.memory import MemoryStore
from pytest_headrace.machines import StoresAgree

from .conftest import BACK_ENDS


class AllAgree(StoresAgree):
    """Every back end that we have."""

    stores = BACK_ENDS


AllAgree.TestCase.settings = settings(max_examples=15, stateful_step_count=30, deadline=None)
test_all_back_ends_agree = AllAgree.TestCase

_FINDING = settings(
    max_examples=60, stateful_step_count=15, deadline=None, database=None, phases=[Phase.generate], derandomize=True
)


class Forgetful(MemoryStore):
    """A planted fault: of a history that is longer than two states, the last is lost."""

    def history(self, run_id: UUID) -> list[State]:
        states = super().history(run_id)
        return states[:-1] if len(states) > 2 else states


class OneForgets(StoresAgree):
    stores: ClassVar[Any] = {"memory": lambda folder: MemoryStore(), "mine": lambda folder: Forgetful()}


def test_a_store_that_loses_a_state_is_found() -> None:
    """And named, with what it answers and what it should."""
    with pytest.raises(AssertionError, match=r"memory answers \[.*, and mine \["):
        run_state_machine_as_test(OneForgets, settings=_FINDING)


class Alone(StoresAgree):
    stores: ClassVar[Any] = {"memory": lambda folder: MemoryStore()}


def test_it_takes_two_to_agree() -> None:
    """A machine with one store would always pass."""
    with pytest.raises(TypeError, match=r"Alone.stores names 1 stores; it takes two"):
        Alone()

"""Schedules: whom to hold back, before which of its steps, for how long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from headrace.testing import Hold

from .checking import check_range, checked_by, choice, refuse


def _check(participants: Any, min_holds: object, max_holds: object, max_step: object, max_length: object) -> None:
    choice("participants", participants, _check_name, st.nothing())
    if participants is None:
        refuse(
            "schedules(participants=...) needs the names of runs, coroutines or threads to hold: ['fetch-a', 'test']."
        )
    check_range("min_holds", min_holds, "max_holds", max_holds)
    check_range("1", 1, "max_step", max_step, least=1)
    check_range("1", 1, "max_length", max_length, least=1)


def _check_name(name: str, value: object) -> None:
    if not isinstance(value, str) or not value:
        refuse(f"{name}={value!r} must be the name of a run, loop or thread.")


@checked_by(_check)
@st.composite
def schedules(
    draw: st.DrawFn,
    participants: Sequence[str] | st.SearchStrategy[str],
    *,
    min_holds: int = 0,
    max_holds: int = 3,
    max_step: int = 20,
    max_length: int = 20,
) -> tuple[Hold, ...]:
    """Draw schedules, for ``simulate(schedule=...)``: first come, first served, but for a few holds.

    A `Hold` keeps one of the `participants` (names of runs, coroutines or threads, "test" for the test itself) back
    before its step number `step` until the others have made `for_steps` steps. Shrinks to no hold, then to early and
    short ones. Raises InvalidArgument at once.
    """
    hold = st.builds(
        Hold,
        participants if isinstance(participants, st.SearchStrategy) else st.sampled_from(participants),
        st.integers(1, max_step),
        st.integers(1, max_length),
    )
    return tuple(draw(st.lists(hold, min_size=min_holds, max_size=max_holds, unique_by=_place)))


def _place(hold: Hold) -> tuple[str, int]:
    return hold.participant, hold.step

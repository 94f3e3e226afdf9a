"""Templates as Hypothesis draws them, held against what the engine makes of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from pytest_headrace.strategies import RunName, run_names

from .finding import finding
from .worlds import own_world


@given(name=run_names())
@settings(max_examples=60)
def test_runs_of_tasks_and_flows_are_named_as_the_template_says(name: RunName) -> None:
    """Whatever text there is around the fields, and in them."""
    with own_world() as (runs, _):
        name.as_task()(**name.parameters)
        name.as_flow()(**name.parameters)
        assert [runs.task("*").name, runs.flow("*").name] == [name.rendered, name.rendered]


@given(name=run_names())
def test_what_is_rendered_is_what_python_makes_of_the_template(name: RunName) -> None:
    """It was put together another way."""
    assert name.template.format(**name.parameters) == name.rendered


@given(name=run_names(kinds=["text", "item"], text=st.sampled_from(["a", "{"]), min_pieces=2, max_pieces=2))
def test_arguments_restrict_what_is_drawn(name: RunName) -> None:
    """They say what is valid."""
    assert set(name.rendered) <= {"a", "{"}
    assert all(isinstance(value, list | dict) for value in name.parameters.values())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kinds": ["colour"]}, "names 'colour', and must be a list of some of 'text'"),
        ({"text": "abc"}, r"write text=st\.text\(\)"),
        ({"min_pieces": 3, "max_pieces": 2}, "can't be above"),
        ({"max_pieces": 99}, "more than the 10 parameters"),
    ],
)
def test_wrong_arguments_are_refused_at_once(given: dict[str, Any], message: str) -> None:
    """With what to write instead."""
    with pytest.raises(InvalidArgument, match=message):
        run_names(**given)


_FINDING = finding(max_examples=500)


@pytest.mark.parametrize("written", ["!r", ":%A", "[last]", ".year", "{{"])
def test_every_kind_of_piece_is_found(written: str) -> None:
    """By default all of what is valid is drawn; the least has no other piece."""
    name = find(run_names(), lambda name: written in name.template, settings=_FINDING)
    assert len(name.parameters) <= 1


def test_the_strategy_says_how_it_was_made() -> None:
    """As it was written."""
    assert repr(run_names(max_pieces=2)) == "run_names(max_pieces=2)"

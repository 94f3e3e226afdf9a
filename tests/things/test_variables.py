"""Variables: named values in the store, with Prefect's names for it."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest

from headrace import flow
from headrace.exceptions import InvalidNameError, ObjectAlreadyExists, VariableExists
from headrace.store.protocol import Store
from headrace.testing import simulate
from headrace.variables import Variable


@pytest.mark.parametrize("value", ["text", 1, 2.5, True, None, ["a", [1]], {"a": {"b": None}}, ""])
def test_a_variable_gives_back_what_was_set(value: Any) -> None:
    """Whatever JSON it is."""
    assert Variable.set("x", value, tags=["a", "b"]) == Variable("x", value, ["a", "b"])
    found = Variable.get("x", default="none")
    assert (found, type(found)) == (value, type(value))


def test_a_variable_that_is_not_there_gives_the_default() -> None:
    """None where no other is given."""
    assert Variable.get("x") is None
    assert Variable.get("x", 5) == 5


def test_a_name_is_set_once_unless_overwritten(run_store: Store, fake_clock: Any) -> None:
    """The error says how; what is overwritten loses the old tags, and keeps its id."""
    Variable.set("x", 1, tags=["a"])
    (before,) = run_store.variables()
    with pytest.raises(VariableExists, match=r"There is a variable 'x' already; write overwrite=True") as caught:
        Variable.set("x", 2)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, ObjectAlreadyExists)
    fake_clock.advance(9)
    assert Variable.set("x", 2, overwrite=True) == Variable("x", 2)
    (after,) = run_store.variables()
    assert (after.id, after.value, after.tags) == (before.id, 2, ())
    assert (after.updated - before.created).total_seconds() == 9


def test_unset_says_whether_there_was_one() -> None:
    """And then there is none."""
    Variable.set("x", 1)
    assert [Variable.unset("x"), Variable.unset("x")] == [True, False]
    assert Variable.get("x") is None


@pytest.mark.parametrize(
    ("name", "near"), [("Bad Name", "bad_name"), ("a.b", "a_b"), ("", "daily_report"), (3, "3"), ("ü", "daily_report")]
)
def test_a_name_is_made_of_few_characters(name: Any, near: str) -> None:
    """Else nothing is kept, and the error shows one that would do."""
    with pytest.raises(InvalidNameError, match=rf"can't be the name of a variable: .*, as in '{near}'"):
        Variable.set(name, 1)
    with pytest.raises(InvalidNameError, match="has 256 characters, and may have 255"):
        Variable.set("a" * 256, 1)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (object(), "for JSON can't: Object of type object is not JSON serializable"),
        (float("nan"), "for JSON can't"),
        ("x" * 5000, r"has 5,002 characters as JSON, and may have 4,999. Keep it in a file"),
    ],
)
def test_a_value_that_can_not_be_kept_is_refused(run_store: Store, value: Any, why: str) -> None:
    """With the reason, before anything is kept."""
    with pytest.raises(ValueError, match=why):
        Variable.set("x", value)
    assert run_store.variables() == []


@pytest.mark.parametrize("tags", ["web", [1]])
def test_tags_are_words(tags: Any) -> None:
    """A single string is a mistake."""
    with pytest.raises(TypeError, match=r"are no tags: write a list of words, as \['web'\]"):
        Variable.set("x", 1, tags=tags)


def test_async_code_may_await_each_of_them() -> None:
    """And need not; the twins give coroutines that can be passed on."""

    @flow
    async def asks() -> list[Any]:
        await Variable.set("a", 1)
        Variable.set("b", 2)
        await Variable.aset("c", 3)
        assert await Variable.get("a") == 1
        return [Variable.get("b"), *await asyncio.gather(Variable.aget("c"), Variable.aunset("a"), Variable.aget("a"))]

    assert asyncio.run(asks()) == [2, 3, True, None]


def test_parameters_are_those_of_prefect() -> None:
    """Their names, order and defaults; each method has a twin that takes the same."""
    expected = {"set": "name value tags=None overwrite=False", "get": "name default=None", "unset": "name"}
    for name, told in expected.items():
        for method in (getattr(Variable, name), getattr(Variable, f"a{name}")):
            given = [
                each.name if each.default is each.empty else f"{each.name}={each.default}"
                for each in inspect.signature(method).parameters.values()
            ]
            assert " ".join(given) == told


def test_a_simulation_has_variables_of_its_own() -> None:
    """As it has a store of its own."""
    Variable.set("x", "outside")
    with simulate():
        assert Variable.get("x") is None
        Variable.set("x", "inside")
    assert Variable.get("x") == "outside"

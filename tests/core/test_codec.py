"""Saying any value in JSON."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from headrace.core.codec import SIZE, to_json


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Word(str):
    """A string of somebody's own."""


@dataclass
class Point:
    x: int
    y: Any
    secret: str = field(default="hidden", repr=False)


class Model(BaseModel):
    name: str
    key: SecretStr
    points: list[int]


class Sulky:
    """Nothing can be got out of this one."""

    def __repr__(self) -> str:
        raise RuntimeError("no")


class Odd(dict):
    def items(self) -> Any:
        raise RuntimeError("no")


def told(value: object) -> Any:
    """Return what is said of a value, read back as strict JSON in plain ASCII."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    text = to_json(value)
    assert text.isascii()
    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, {}),
        (
            {"a": 1, "b": None, "c": True, "d": 1.5, "e": "é"},
            {"a": 1, "b": None, "c": True, "d": 1.5, "e": "é"},
        ),
        ([1, (2, 3)], [1, [2, 3]]),
        ({3, 1, 2}, [1, 2, 3]),
        ({1: "a", None: "b", Colour.RED: "c"}, {"1": "a", "None": "b", "Colour.RED": "c"}),
        (datetime(2026, 3, 1, tzinfo=UTC), "2026-03-01T00:00:00+00:00"),
        (date(2026, 3, 1), "2026-03-01"),
        (time(1, 2), "01:02:00"),
        (timedelta(minutes=1.5), 90.0),
        (UUID(int=1), str(UUID(int=1))),
        (PurePosixPath("/a/b"), "/a/b"),
        (Decimal("1.10"), "1.10"),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (Word("w"), "w"),
        (Point(1, Point(2, None)), {"x": 1, "y": {"x": 2, "y": None}}),
        (Point, repr(Point)),
        (
            Model(name="n", key="top", points=[1]),
            {"name": "n", "key": "SecretStr('**********')", "points": [1]},
        ),
        ({"f": math.nan, "g": -math.inf}, {"f": "nan", "g": "-inf"}),
        (b"ab", "b'ab'"),
        (2**64, str(2**64)),
        (Sulky(), "<Sulky, whose repr raised RuntimeError>"),
        ({"x": Sulky()}, {"x": "<Sulky, whose repr raised RuntimeError>"}),
        (Odd(), "{}"),
        ("\udc80", "\udc80"),
    ],
)
def test_a_value_is_said(value: object, expected: object) -> None:
    """What JSON has is used; the rest is its text or its repr."""
    assert told(value) == expected


def test_a_number_too_long_to_print_is_named() -> None:
    """Python refuses to print integers of more than 4300 digits."""
    assert told(10**5000) == "<int, whose repr raised ValueError>"


def test_what_is_long_ends_in_a_mark() -> None:
    """The first items are said, and how many are left out."""
    items = told(list(range(100_000)))
    assert items[:3] == [0, 1, 2]
    assert items[-1] == f"… {100_000 - len(items) + 1} more"
    entries = told({f"key {n}": n for n in range(100_000)})
    assert entries.pop("…") == f"… {100_000 - len(entries)} more"
    assert told("x" * 100_000).endswith("x…")
    assert told({"s": b"y" * 10**6})["s"].endswith("…")


def test_what_is_deep_ends_in_a_mark() -> None:
    """A list within itself, too."""
    circle: list[Any] = []
    circle.append(circle)
    text = to_json(circle)
    assert json.loads(text)
    assert r"\u2026 1 more" in text


anything = st.recursive(
    st.none()
    | st.floats()
    | st.integers()
    | st.text(st.characters())
    | st.binary()
    | st.datetimes()
    | st.sampled_from([Odd(), Colour.RED, Word("\U0001f600" * 5000), "é" * 9999, Point(1, 2), object]),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text() | st.integers() | st.none(), inner)
        | st.builds(Point, st.just(1), inner)
        | st.tuples(inner, inner)
    ),
    max_leaves=50,
)


@given(anything)
def test_whatever_it_is_it_is_said_in_bounds(value: object) -> None:
    """No value raises, and none is longer than the size and some marks."""
    told(value)
    assert len(to_json(value)) <= SIZE + 5000


@settings(max_examples=40)
@given(st.dictionaries(st.text(max_size=5), anything, max_size=12))
def test_parameters_stay_an_object(parameters: dict[str, object]) -> None:
    """A mapping comes back as one, whatever is in it."""
    assert isinstance(told(parameters), dict)


def test_the_codec_and_the_store_are_light() -> None:
    """Neither imports pydantic, asyncio, or anything of ours from above."""
    program = (
        "import sys, headrace; before = set(sys.modules);"
        "import headrace.store.sqlite, headrace.store.memory; print(*set(sys.modules) - before)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = ran.stdout.split()
    assert not {"pydantic", "asyncio", "ctypes", "logging", "typing_extensions"}.intersection(loaded)
    ours = {name.split(".")[1] for name in loaded if name.startswith("headrace.")}
    assert ours <= {"store", "core", "exceptions", "ids", "_version", "effects", "clock"}

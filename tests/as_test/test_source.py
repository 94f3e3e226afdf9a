"""Values and errors as the Python that makes them, and results that are read without loading code."""

from __future__ import annotations

import datetime
import decimal
import pathlib
import uuid
import zoneinfo
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.client.as_test.source import LONGEST, error_of_message, error_of_repr, literal
from headrace.exceptions import SerializationError
from headrace.keeping.plainly import plain_result
from headrace.keeping.records import ResultRecord, ResultRecordMetadata
from headrace.serializers import Serializer

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.datetimes(timezones=st.none() | st.just(datetime.UTC) | st.just(zoneinfo.ZoneInfo("Europe/Oslo")))
    | st.dates()
    | st.timedeltas()
    | st.uuids()
    | st.decimals(allow_nan=False)
    | st.just(pathlib.PurePosixPath("/a b"))
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=3)
        | st.sets(st.integers(), max_size=3)
        | st.frozensets(st.text(), max_size=2)
    ),
    max_leaves=8,
)


@given(values)
def test_plain_values_are_written_so_that_they_come_back(value: Any) -> None:
    """Equal, and of the same type, with the imports that are named."""
    source = literal(value)
    assert source is not None
    names: dict[str, Any] = {}
    exec("\n".join(source.imports), names)
    read = eval(source.text, names)
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize("value", [object(), [object()], {"a": object()}, len, "x" * LONGEST, float])
def test_what_is_not_plain_or_too_long_is_not_written(value: Any) -> None:
    """Nor is anything that holds it."""
    assert literal(value) is None


@pytest.mark.parametrize(
    ("shown", "text", "classes"),
    [
        ("LookupError('x')", "LookupError('x')", set()),
        ("ConnectionError('down', 3)", "ConnectionError('down', 3)", set()),
        ("Gone()", "Gone()", {"Gone"}),
        ("SystemExit(1)", "SystemExit(1)", {"SystemExit"}),
    ],
)
def test_an_error_is_written_as_it_was_shown(shown: str, text: str, classes: set[str]) -> None:
    """A class that is no built-in one is stood in for."""
    source = error_of_repr(shown)
    assert source is not None
    assert (source.text, source.classes) == (text, classes)


@pytest.mark.parametrize(
    "shown", ["<Gone>", "a.Gone('x')", "Gone(code=3)", "Gone(x)", "__import__('os').system('x')", "("]
)
def test_what_is_no_plain_call_is_not_taken_for_an_error(shown: str) -> None:
    """It might be anything, and would be run."""
    assert error_of_repr(shown) is None


def test_an_error_is_told_from_its_message_where_nothing_better_is_known() -> None:
    """By its name and its text."""
    assert error_of_message("LookupError: no such: thing").text == "LookupError('no such: thing')"
    assert error_of_message("Gone").text == "Gone()"
    assert error_of_message("it went: wrong").text == "Exception('wrong')"


def kept(value: Any, serializer: str) -> bytes:
    return ResultRecord(ResultRecordMetadata("key", Serializer(type=serializer)), value).serialize()


@pytest.mark.parametrize("serializer", ["pickle", "json"])
@pytest.mark.parametrize("value", [None, {"a": [1, 2.5, "x", None]}])
def test_plain_results_are_read(serializer: str, value: Any) -> None:
    """Whichever of the two usual serializers wrote them."""
    assert plain_result(kept(value, serializer)) == value


def test_results_of_plain_types_are_read_from_pickles() -> None:
    """Times, ids, numbers, paths."""
    value = {datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC): [uuid.UUID(int=1), decimal.Decimal("1.5")]}
    assert plain_result(kept(value, "pickle")) == value


class Loud:
    made = 0

    def __init__(self) -> None:
        Loud.made += 1

    def __reduce__(self) -> Any:
        return Loud, ()


@pytest.mark.parametrize("value", [Loud(), [Loud()], {"a": len}, eval])
def test_what_takes_code_to_be_made_is_not_read(value: Any) -> None:
    """And no code runs."""
    data, made = kept(value, "pickle"), Loud.made
    with pytest.raises(SerializationError, match="which only code can make"):
        plain_result(data)
    assert Loud.made == made


def test_no_class_is_made_from_json() -> None:
    """Nor are results of other serializers read."""
    with pytest.raises(SerializationError, match="which only code can make"):
        plain_result(kept({"x": decimal.Decimal(1)}, "json"))
    with pytest.raises(SerializationError, match="compressed/json"):
        plain_result(kept(1, "compressed/json"))

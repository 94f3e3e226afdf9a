"""Annotations as strings, as `from __future__ import annotations` makes them."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, Optional

import pydantic
import pytest

from headrace import flow
from headrace.exceptions import ParameterTypeError

if TYPE_CHECKING:
    from decimal import Decimal


class Model(pydantic.BaseModel):
    """A model of this module."""

    x: int


def test_names_of_the_module_are_resolved() -> None:
    """Each parameter is coerced."""

    @flow
    def my_flow(m: Model, day: datetime.date, n: Optional[int] = None) -> Any:  # noqa: UP045 - users write it
        return m, day, n

    call: Any = my_flow
    assert call({"x": "1"}, "2026-03-01", "3") == (Model(x=1), datetime.date(2026, 3, 1), 3)


def test_local_classes_are_resolved() -> None:
    """Though they are not among the function's globals."""

    class Local(pydantic.BaseModel):
        x: int

    @flow
    def bare(m: Local) -> Any:
        return m

    @flow(name="with-arguments")
    def with_arguments(ms: list[Local]) -> Any:
        return ms

    assert bare({"x": "1"}) == Local(x=1)  # type: ignore[call-overload]
    assert with_arguments([{"x": "1"}]) == [Local(x=1)]  # type: ignore[list-item]
    with pytest.raises(ParameterTypeError, match=r"m\.x"):
        bare({"x": "one"})  # type: ignore[call-overload]


def test_names_for_type_checkers_alone_are_passed_over() -> None:
    """The others are validated all the same."""

    @flow
    def my_flow(price: Decimal, n: int) -> Any:
        return price, n

    call: Any = my_flow
    assert call("1.5", "3") == ("1.5", 3)

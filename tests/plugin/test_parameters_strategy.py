"""Arguments that are drawn from a signature can be called with, and validate."""

from __future__ import annotations

import enum
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Required

import pytest
from annotated_types import Gt, Len
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument
from pydantic import (
    UUID4,
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    PositiveInt,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)
from typing_extensions import TypedDict

from headrace import flow, task
from pytest_headrace.strategies import parameters

from .finding import finding
from .worlds import own_world


def even(number: int) -> int:
    if number % 2:
        raise ValueError("odd")
    return number


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Line(BaseModel):
    product: Annotated[str, StringConstraints(pattern="^[A-Z]{3}-[0-9]{1,4}$")]
    count: int = Field(gt=0, le=12)
    price: Decimal = Field(ge=0, max_digits=6, decimal_places=2)


class Order(BaseModel):
    model_config = ConfigDict(extra="forbid")

    number: Annotated[int, Field(multiple_of=7, ge=100)]
    lines: list[Line] = Field(min_length=1, max_length=3)
    kind: Literal["new", "old"] = "new"
    note: str | None = Field(default=None, alias="remark", max_length=5)
    placed_by: str = Field(validation_alias=AliasChoices("by", "who"))
    since: date
    until: date

    @field_validator("placed_by")
    @classmethod
    def named(cls, value: str) -> str:
        if value == "nobody":
            raise ValueError("somebody has to")
        return value

    @model_validator(mode="after")
    def in_order(self) -> Order:
        if self.until < self.since:
            raise ValueError("ends before it begins")
        return self


class Node(BaseModel):
    name: str
    children: list[Node] = []
    next: Node | None = None


@dataclass
class Box:
    order: Line
    sizes: tuple[PositiveInt, ...] = ()
    tags: set[str] = field(default_factory=set)


class Point(NamedTuple):
    x: Annotated[float, Field(allow_inf_nan=False)]
    label: Annotated[str, Len(1, 3)] = "a"


class Options(TypedDict, total=False):
    line: Line
    retries: Annotated[int, Gt(3)]
    name: Required[str]


HINTS: list[Any] = [
    int,
    float,
    str | None,
    list[int],
    dict[str, list[date]],
    Mapping[str, Sequence[int]],
    tuple[int, str],
    datetime,
    timedelta,
    Decimal,
    Path,
    uuid.UUID,
    UUID4,
    Colour,
    Literal["a", 1, None],
    Any,
    list[Any],
    dict[str, Any],
    Annotated[int, Field(gt=3, lt=6)],
    Annotated[int, Field(multiple_of=5, gt=1000)],
    Annotated[float, Field(gt=0, allow_inf_nan=False)],
    Annotated[str, Field(min_length=3, pattern="^[a-f]+$")],
    Annotated[list[Annotated[str, Field(pattern="^[a-f]$")]], Len(40, 40)],
    Annotated[list[Annotated[int, AfterValidator(even)]], Field(min_length=2)],
    list[PositiveInt] | None,
    SecretStr,
    HttpUrl,
    Line,
    Order,
    list[Order],
    Line | Box | None,
    Node,
    Box,
    Point,
    Options,
    dict[PositiveInt, Point],
    Callable[[int], str],
    type[Colour],
]
_SOME = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("hint", HINTS, ids=lambda hint: re.sub(" at 0x[0-9a-f]+", "", str(hint)))
def test_what_is_drawn_for_a_hint_validates(hint: Any) -> None:
    """A flow takes it, with pydantic's checks and those of the models' own validators."""

    @flow
    def takes(value):
        return True

    takes.fn.__annotations__["value"] = hint
    checked = flow(takes.fn)

    @_SOME
    @given(parameters(checked))
    def check(arguments: dict[str, Any]) -> None:
        with own_world():
            assert checked(**arguments) is True

    check()


@flow
def ship(order: Order, urgent: bool = False, *more: int, reason: str = "sold", **rest: Any) -> tuple[Any, ...]:
    return order, urgent, reason


@given(parameters(ship))
@_SOME
def test_arguments_are_given_by_name_and_defaults_may_be_left_out(arguments: dict[str, Any]) -> None:
    """What has stars is left out."""
    assert {"order"} <= set(arguments) <= {"order", "urgent", "reason"}
    assert isinstance(arguments["order"], Order)
    with own_world():
        assert ship(**arguments)[0] == arguments["order"]


_FINDING = finding(max_examples=200)


def test_defaults_are_sometimes_left_out_and_sometimes_not() -> None:
    """Both are calls that can happen; the least is the one without."""
    plain = flow(lambda number=3: number, name="plain")
    assert find(parameters(plain), lambda arguments: True, settings=_FINDING) == {}
    assert find(parameters(plain), lambda arguments: "number" in arguments, settings=_FINDING) == {"number": None}


@given(parameters(ship, reason=st.just("lost"), extra=st.just(1)))
@_SOME
def test_a_parameter_can_be_said(arguments: dict[str, Any]) -> None:
    """And so can keywords that the signature has only stars for."""
    assert (arguments["reason"], arguments["extra"]) == ("lost", 1)


@given(st.data())
@_SOME
def test_tasks_and_bound_methods_have_parameters_too(data: st.DataObject) -> None:
    """`self` is bound, and not drawn; annotations are found that are local to a function."""

    class Size(BaseModel):
        width: PositiveInt

    class Shop:
        @flow
        def sell(self, line: Line) -> Line:
            return line

        @task
        def wrap(self, size: Size) -> Size:
            return size

    shop = Shop()
    assert isinstance(data.draw(parameters(shop.sell))["line"], Line)
    assert data.draw(parameters(shop.wrap))["size"].width > 0


def test_a_strategy_registered_for_a_model_is_used() -> None:
    """Who knows more of a model says so to Hypothesis, once for all."""

    class Known(BaseModel):
        value: int

    st.register_type_strategy(Known, st.just(Known(value=7)))

    @flow
    def takes(known: list[Known]) -> None: ...

    found = find(parameters(takes), lambda arguments: len(arguments["known"]) > 0, settings=_FINDING)
    assert found == {"known": [Known(value=7)]}


class Opaque:
    def __init__(self, handle): ...


def test_what_can_not_be_made_is_refused_at_once() -> None:
    """With what to write instead; a parameter with a default is then left out."""

    @flow
    def needs(handle: Opaque): ...

    @flow
    def can_do_without(handle: Opaque | None = None, number: int = 1): ...

    @flow
    def by_position(number: int, /): ...

    with pytest.raises(InvalidArgument, match=r"parameters\(needs, handle=\.\.\.\), with a strategy"):
        parameters(needs)
    with pytest.raises(InvalidArgument, match="by position only"):
        parameters(by_position)
    with pytest.raises(InvalidArgument, match="takes no 'nothing'; it takes order, urgent, reason") as refused:
        parameters(flow(lambda order, urgent, reason: 1, name="f"), nothing=st.none())
    assert "nothing" in str(refused.value)
    with pytest.raises(InvalidArgument, match=r"write reason=st\.just\('lost'\)"):
        parameters(ship, reason="lost")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="decorate the function"):
        parameters(len)  # type: ignore[arg-type]


def test_the_strategy_says_what_it_is_of() -> None:
    """As it was written."""
    assert repr(parameters(ship)) == "parameters(<Flow 'ship'>)"
    assert repr(parameters(ship, reason=st.none())) == "parameters(<Flow 'ship'>, reason=none())"

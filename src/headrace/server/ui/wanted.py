"""Which runs a list is to show, as its address says it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal

from fastapi import Depends, Query
from starlette.exceptions import HTTPException

from headrace.core.state_types import StateType
from headrace.store.conditions import AllOf, AnyOf, Between, Condition, Like, OfFlowRun, Tagged, one_of
from headrace.store.protocol import Order, RunKind

#: The orders of a list, by their word in the address, each with what people read.
ORDERS: Mapping[str, tuple[str, Order]] = {
    "newest": ("Newest first", Order("created", descending=True)),
    "oldest": ("Oldest first", Order("created")),
    "name": ("By name", Order("name")),
    "longest": ("Longest first", Order("total_run_time", descending=True)),
    "shortest": ("Shortest first", Order("total_run_time")),
}
Text = Annotated[str, Query(max_length=1000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsWanted:
    """What is asked for; what is empty does not restrict. Days are whole ones, UTC, and `before` is included.

    `state` is the type of a state or its name, `name` and `flow` are parts of a name, patterns with ``*`` or ``?``, or
    in double quotes all of it.
    """

    kind: RunKind
    state: str
    flow: str
    tag: str
    name: str
    after: str
    before: str
    sort: str
    cursor: str

    @property
    def order(self) -> Order:
        """In which order."""
        return ORDERS[self.sort][1]

    @property
    def filtered(self) -> bool:
        """Whether anything restricts the list."""
        return any((self.state, self.flow, self.tag, self.name, self.after, self.before))

    def condition(self, *, of_state: bool = True, kind: RunKind | None = None) -> Condition:
        """Return what runs must meet, of the other kind too; without `of_state`, whichever state they are in."""
        return AllOf(tuple(self._conditions(kind or self.kind, of_state)))

    def _conditions(self, kind: RunKind, of_state: bool) -> Iterator[Condition]:
        if of_state and self.state:
            types = {self.state.upper()} & set(StateType)
            yield AnyOf((one_of("state_type", types), one_of("state_name", [self.state])))
        if self.flow:
            of_flow = _named("flow_name", self.flow)
            yield of_flow if kind == "flow" else OfFlowRun(of_flow)
        if self.tag:
            yield Tagged(self.tag)
        if self.name:
            yield _named("name", self.name)
        if self.after or self.before:
            yield Between("created", least=_day(self.after), below=_day(self.before, 1))

    def query(self, **changes: Any) -> dict[str, Any]:
        """Return what the address of this list says, with changes; other lists begin at their beginning."""
        usual = {"kind": "flow", "sort": "newest"}
        told = asdict(self) | {"cursor": ""} | changes
        return {name: value for name, value in told.items() if value != usual.get(name)}


def _named(field: str, text: str) -> Condition:
    whole = len(text) > 2 and text[0] == text[-1] == '"'
    return one_of(field, [text[1:-1]]) if whole else Like(field, text)


def _day(text: str, later: int = 0) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text) + timedelta(days=later), time(), UTC)
    except (ValueError, OverflowError):
        raise HTTPException(400, f"{text!r} is no day: write one like 2026-03-01.") from None


def _wanted(
    kind: Literal["flow", "task"] = "flow",
    state: Text = "",
    flow: Text = "",
    tag: Text = "",
    name: Text = "",
    after: Text = "",
    before: Text = "",
    sort: Literal["newest", "oldest", "name", "longest", "shortest"] = "newest",
    cursor: Text = "",
) -> RunsWanted:
    return RunsWanted(
        kind=kind,
        state=state.strip(),
        flow=flow.strip(),
        tag=tag.strip(),
        name=name.strip(),
        after=after,
        before=before,
        sort=sort,
        cursor=cursor,
    )


Wanted = Annotated[RunsWanted, Depends(_wanted)]

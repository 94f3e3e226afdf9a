"""What may be asked of the API: filters as in `headrace.client.schemas.filters`, orders, and parts of a list."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from headrace.client.schemas import filters
from headrace.client.schemas.sorting import FlowRunSort, LogSort, TaskRunSort
from headrace.client.searching import Query
from headrace.core.state_types import StateType

#: How many things one answer holds, at most.
MOST = 200
#: How many values one criterion may name, and how long a text may be that is looked for.
MOST_VALUES, _LONGEST = 1000, 1000

Text = Annotated[str, Field(max_length=_LONGEST)]
Limit = Annotated[int, Field(ge=0, le=MOST, description="How many at most.")]
Offset = Annotated[int, Field(ge=0, le=2**31, description="How many to pass over. With a cursor, which is quicker: 0.")]

Cursor = Annotated[str, Field(max_length=1000, description="Where the last answer ended: its header X-Next-Cursor.")]


LimitName = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^/]+$")]


class Strict(BaseModel):
    """A shape that takes nothing but its own fields."""

    model_config = ConfigDict(extra="forbid")


class OneOfIds(Strict):
    """Ids to be among, or not; whether there is one at all."""

    any_: list[UUID] | None = Field(None, max_length=MOST_VALUES)
    not_any_: list[UUID] | None = Field(None, max_length=MOST_VALUES)
    is_null_: bool | None = None
    exists_: bool | None = None


class OneOfTexts(Strict):
    """Texts to be among, or not; a part of the text, whatever the case of ASCII letters."""

    any_: list[Text] | None = Field(None, max_length=MOST_VALUES)
    not_any_: list[Text] | None = Field(None, max_length=MOST_VALUES)
    like_: Text | None = None
    is_null_: bool | None = None
    exists_: bool | None = None


class OneOfTypes(Strict):
    """Types of states to be among, or not."""

    any_: list[StateType] | None = None
    not_any_: list[StateType] | None = None


class Span(Strict):
    """A moment between two, both inclusive; one without a zone is UTC."""

    before_: datetime | None = None
    after_: datetime | None = None
    is_null_: bool | None = None


class TagSet(Strict):
    """Tags of which all, or any, must be there; or none at all."""

    all_: list[Text] | None = Field(None, max_length=MOST_VALUES)
    any_: list[Text] | None = Field(None, max_length=MOST_VALUES)
    is_null_: bool | None = None


class Levels(Strict):
    """Levels of log lines, as numbers of the logging module (INFO is 20)."""

    ge_: int | None = Field(None, ge=0, le=1000)
    le_: int | None = Field(None, ge=0, le=1000)


class Filter(Strict):
    """Criteria, of which all must hold, or with ``or_`` one."""

    operator: Literal["and_", "or_"] = "and_"

    def as_filter(self) -> Any:
        """Return the client's filter of this name. Raises nothing: the values have been validated."""
        return getattr(filters, type(self).__name__)(**self.model_dump(exclude_none=True))


class StateFilter(Filter):
    """Which states."""

    type: OneOfTypes | None = None
    name: OneOfTexts | None = None


class FlowFilter(Filter):
    """Of which flows."""

    id: OneOfIds | None = None
    name: OneOfTexts | None = None


class FlowRunFilter(Filter):
    """Which flow runs."""

    id: OneOfIds | None = None
    name: OneOfTexts | None = None
    tags: TagSet | None = None
    state: StateFilter | None = None
    flow_version: OneOfTexts | None = None
    start_time: Span | None = None
    end_time: Span | None = None
    expected_start_time: Span | None = None
    parent_flow_run_id: OneOfIds | None = None
    parent_task_run_id: OneOfIds | None = None
    deployment_id: OneOfIds | None = None


class TaskRunFilter(Filter):
    """Which task runs."""

    id: OneOfIds | None = None
    name: OneOfTexts | None = None
    tags: TagSet | None = None
    state: StateFilter | None = None
    start_time: Span | None = None
    expected_start_time: Span | None = None
    flow_run_id: OneOfIds | None = None
    subflow_runs: OneOfIds | None = None


class LogFilter(Filter):
    """Which log lines."""

    level: Levels | None = None
    timestamp: Span | None = None
    flow_run_id: OneOfIds | None = None
    task_run_id: OneOfIds | None = None


class Which(Strict):
    """Which runs, by themselves and by what is around them; all that is given must hold."""

    flows: FlowFilter | None = None
    flow_runs: FlowRunFilter | None = None
    task_runs: TaskRunFilter | None = None

    def query(self, **part: Any) -> Query:
        """Return the client's query for it."""
        return Query(**dict(self._filters()), **part)

    def _filters(self) -> Iterator[tuple[str, Any]]:
        for name in ("flows", "flow_runs", "task_runs"):
            given = getattr(self, name)
            if given is not None:
                yield name, given.as_filter()


class _Part(Which):
    limit: Limit = MOST
    offset: Offset = 0
    cursor: Cursor | None = None


class FlowRunsWanted(_Part):
    """A part of the flow runs that fit, in an order."""

    sort: FlowRunSort = FlowRunSort.ID_DESC


class TaskRunsWanted(_Part):
    """A part of the task runs that fit, in an order."""

    sort: TaskRunSort = TaskRunSort.ID_DESC


class FlowsWanted(Which):
    """A part of the flows that have runs that fit."""

    limit: Limit = MOST
    offset: Offset = 0


class Numbered(Strict):
    """One page of a list, by its number."""

    limit: Annotated[int, Field(ge=1, le=MOST)] = 50
    page: Annotated[int, Field(ge=1, le=10_000_000)] = 1


class _Page(Which, Numbered):
    pass


class FlowRunPage(_Page):
    """One page of the flow runs that fit."""

    sort: FlowRunSort = FlowRunSort.ID_DESC


class TaskRunPage(_Page):
    """One page of the task runs that fit."""

    sort: TaskRunSort = TaskRunSort.ID_DESC


class FlowPage(_Page):
    """One page of the flows that have runs that fit."""


class WhichLogs(Strict):
    """Which log lines."""

    logs: LogFilter | None = None


class LogPage(WhichLogs, Numbered):
    """One page of the log lines that fit."""

    sort: LogSort = LogSort.TIMESTAMP_ASC


class LogsWanted(WhichLogs):
    """A part of the log lines that fit."""

    limit: Limit = MOST
    offset: Offset = 0
    sort: LogSort = LogSort.TIMESTAMP_ASC


class LogLine(Strict):
    """A line to be kept."""

    name: str = Field(max_length=500, description="The name of the logger.")
    level: int = Field(ge=0, le=1000)
    message: str = Field(max_length=1_000_000)
    timestamp: datetime
    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None


class StateWanted(Strict):
    """A state that a run is asked to enter."""

    type: StateType
    name: str | None = Field(None, min_length=1, max_length=200)
    message: str | None = Field(None, max_length=10_000)


class SetState(Strict):
    """Ask a run to enter a state. The table of transitions holds; `force` does not change that."""

    state: StateWanted
    force: bool = False


class SlotsWanted(Strict):
    """Slots to take of each of some concurrency limits."""

    names: list[LimitName] = Field(min_length=1, max_length=50)
    slots: int = Field(1, ge=1, le=1_000_000)
    mode: Literal["concurrency", "rate_limit"] = "concurrency"
    lease_duration: float = Field(300.0, gt=0, le=86_400, allow_inf_nan=False, description="In seconds.")
    holder: str = Field("", max_length=500, description="Who holds them, in words for people.")


class SlotsGiven(Strict):
    """Slots to give back."""

    lease_id: UUID


class Renewal(Strict):
    """For how long slots are held from now on."""

    lease_duration: float = Field(300.0, gt=0, le=86_400, allow_inf_nan=False, description="In seconds.")


class LimitWanted(Strict):
    """A concurrency limit, or a change of one."""

    name: LimitName
    limit: int = Field(ge=0, le=1_000_000)
    active: bool = True
    slot_decay_per_second: float = Field(0.0, ge=0, le=1_000_000, allow_inf_nan=False)

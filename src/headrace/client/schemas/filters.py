"""Which runs, log lines, artifacts and variables a client is to find, in the words that scripts for Prefect have.

A filter has criteria, each an object of a class below or a dict of its arguments; what is None does not restrict. Each
says what it asks as a condition of `headrace.store.conditions`, and the store looks for that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

from headrace.store.conditions import (
    AllOf,
    AnyOf,
    Between,
    Condition,
    Kind,
    Known,
    Like,
    Not,
    Tagged,
    one_of,
    type_of,
)

__all__ = [
    "ArtifactFilter",
    "ArtifactFilterFlowRunId",
    "ArtifactFilterId",
    "ArtifactFilterKey",
    "ArtifactFilterTaskRunId",
    "ArtifactFilterType",
    "AtLeast",
    "FlowFilter",
    "FlowFilterId",
    "FlowFilterName",
    "FlowRunFilter",
    "FlowRunFilterEndTime",
    "FlowRunFilterExpectedStartTime",
    "FlowRunFilterFlowVersion",
    "FlowRunFilterId",
    "FlowRunFilterName",
    "FlowRunFilterParentFlowRunId",
    "FlowRunFilterParentTaskRunId",
    "FlowRunFilterStartTime",
    "FlowRunFilterState",
    "FlowRunFilterStateName",
    "FlowRunFilterStateType",
    "FlowRunFilterTags",
    "LogFilter",
    "LogFilterFlowRunId",
    "LogFilterLevel",
    "LogFilterTaskRunId",
    "LogFilterTimestamp",
    "OneOf",
    "Span",
    "StateFilter",
    "TagSet",
    "TaskRunFilter",
    "TaskRunFilterFlowRunId",
    "TaskRunFilterId",
    "TaskRunFilterName",
    "TaskRunFilterStartTime",
    "TaskRunFilterState",
    "TaskRunFilterStateName",
    "TaskRunFilterStateType",
    "TaskRunFilterSubFlowRuns",
    "TaskRunFilterTags",
    "VariableFilter",
    "VariableFilterId",
    "VariableFilterName",
    "VariableFilterTags",
]


def _moment(value: datetime) -> datetime:
    """Return a moment as aware UTC; one without a zone is meant so."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value


def _all(conditions: Iterable[tuple[object, Callable[[], Condition]]]) -> Condition:
    """Return the condition that all conditions hold whose argument was given."""
    return AllOf(tuple(condition() for given, condition in conditions if given is not None))


def _not_if(negated: bool | None, condition: Condition) -> Condition:
    return Not(condition) if negated else condition


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOf:
    """A value that is one of `any_`, none of `not_any_`, and holds the text `like_`, whatever the case.

    `is_null_` asks whether there is a value at all, `exists_` the reverse.
    """

    any_: Collection[Any] | None = None
    not_any_: Collection[Any] | None = None
    like_: str | None = None
    is_null_: bool | None = None
    exists_: bool | None = None

    def condition(self, field: str, read: Callable[[Any], Any]) -> Condition:
        """Return this as a condition on a field whose values are read so. Raises ValueError for a value that isn't."""
        return _all(
            (
                (self.any_, lambda: one_of(field, map(read, self.any_ or ()))),
                (self.not_any_, lambda: Not(one_of(field, map(read, self.not_any_ or ())))),
                (self.like_, lambda: Like(field, self.like_ or "", glob=False)),
                (self.is_null_, lambda: _not_if(self.is_null_, Known(field))),
                (self.exists_, lambda: _not_if(not self.exists_, Known(field))),
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A moment from `after_` to `before_`, both inclusive; `is_null_` asks whether there is one."""

    before_: datetime | None = None
    after_: datetime | None = None
    is_null_: bool | None = None

    def condition(self, field: str, read: Callable[[Any], Any]) -> Condition:
        """Return this as a condition on a field."""
        return _all(
            (
                (self.before_, lambda: Between(field, most=read(self.before_))),
                (self.after_, lambda: Between(field, least=read(self.after_))),
                (self.is_null_, lambda: _not_if(self.is_null_, Known(field))),
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TagSet:
    """Tags that hold `all_`, and one of `any_`; `is_null_` asks whether there are none."""

    all_: Collection[str] | None = None
    any_: Collection[str] | None = None
    is_null_: bool | None = None

    def condition(self, field: str, read: Callable[[Any], Any]) -> Condition:
        """Return this as a condition on the tags of a run."""
        return _all(
            (
                (self.all_, lambda: AllOf(tuple(map(Tagged, sorted(self.all_ or ()))))),
                (self.any_, lambda: AnyOf(tuple(map(Tagged, sorted(self.any_ or ()))))),
                (self.is_null_, lambda: _not_if(self.is_null_, Known(field))),
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AtLeast:
    """A number from `ge_` to `le_`, both inclusive."""

    ge_: int | None = None
    le_: int | None = None

    def condition(self, field: str, read: Callable[[Any], Any]) -> Condition:
        """Return this as a condition on a field."""
        return _all(
            (
                (self.ge_, lambda: Between(field, least=self.ge_)),
                (self.le_, lambda: Between(field, most=self.le_)),
            )
        )


Given = Mapping[str, Any] | None

#: How values that scripts give are read, by the type of the field that they are compared with.
_READ: Mapping[type, Callable[[Any], Any]] = {
    UUID: lambda value: value if isinstance(value, UUID) else UUID(str(value)),
    datetime: _moment,
    int: int,
    str: str,
    frozenset: str,  # of tags, single ones
}


@dataclass(kw_only=True)
class _Filter:
    """Criteria that a thing has to meet: all of them, or with ``operator="or_"`` one."""

    #: Of which class each criterion is, where it is given as a dict; OneOf if nothing is said here.
    kinds: ClassVar[Mapping[str, Any]] = {}
    #: What a field is called, where a criterion is called otherwise.
    fields: ClassVar[Mapping[str, str]] = {}

    operator: Literal["and_", "or_"] = "and_"

    def __post_init__(self) -> None:
        for name, given in self.criteria().items():
            if isinstance(given, Mapping):
                setattr(self, name, self.kinds.get(name, OneOf)(**given))

    def criteria(self) -> dict[str, Any]:
        """Return the criteria that were given, by name."""
        names = [field.name for field in dataclass_fields(self) if field.name != "operator"]
        return {name: given for name in names if (given := getattr(self, name)) is not None}

    def condition(self, kind: Kind) -> Condition:
        """Return what is asked of things of a kind. Raises ValueError for a value that can't be compared."""
        told = tuple(self._told(kind, name, criterion) for name, criterion in self.criteria().items())
        return AnyOf(told) if self.operator == "or_" and told else AllOf(told)

    def _told(self, kind: Kind, name: str, criterion: Any) -> Condition:
        if isinstance(criterion, _Filter):
            return criterion.condition(kind)
        field = self.fields.get(name, name)
        told: Condition = criterion.condition(field, _READ[type_of(kind, field)])
        return told


@dataclass(kw_only=True)
class StateFilter(_Filter):
    """Which states: by `type`, by `name`."""

    fields: ClassVar[Mapping[str, str]] = {"type": "state_type", "name": "state_name"}

    type: OneOf | Given = None
    name: OneOf | Given = None


@dataclass(kw_only=True)
class FlowRunFilter(_Filter):
    """Which flow runs."""

    kinds: ClassVar[Mapping[str, Any]] = {
        "tags": TagSet,
        "state": StateFilter,
        "start_time": Span,
        "end_time": Span,
        "expected_start_time": Span,
    }

    id: OneOf | Given = None
    name: OneOf | Given = None
    tags: TagSet | Given = None
    state: StateFilter | Given = None
    flow_version: OneOf | Given = None
    start_time: Span | Given = None
    end_time: Span | Given = None
    expected_start_time: Span | Given = None
    parent_flow_run_id: OneOf | Given = None
    parent_task_run_id: OneOf | Given = None
    deployment_id: OneOf | Given = None


@dataclass(kw_only=True)
class TaskRunFilter(_Filter):
    """Which task runs; `subflow_runs` asks with `exists_` for those that stand for subflows."""

    kinds: ClassVar[Mapping[str, Any]] = {
        "tags": TagSet,
        "state": StateFilter,
        "start_time": Span,
        "expected_start_time": Span,
    }
    fields: ClassVar[Mapping[str, str]] = {"subflow_runs": "child_flow_run_id"}

    id: OneOf | Given = None
    name: OneOf | Given = None
    tags: TagSet | Given = None
    state: StateFilter | Given = None
    start_time: Span | Given = None
    expected_start_time: Span | Given = None
    flow_run_id: OneOf | Given = None
    subflow_runs: OneOf | Given = None


@dataclass(kw_only=True)
class FlowFilter(_Filter):
    """Of which flows; what it is asked about are their runs."""

    fields: ClassVar[Mapping[str, str]] = {"id": "flow_id", "name": "flow_name"}

    id: OneOf | Given = None
    name: OneOf | Given = None


@dataclass(kw_only=True)
class LogFilter(_Filter):
    """Which log lines."""

    kinds: ClassVar[Mapping[str, Any]] = {"level": AtLeast, "timestamp": Span}

    level: AtLeast | Given = None
    timestamp: Span | Given = None
    flow_run_id: OneOf | Given = None
    task_run_id: OneOf | Given = None


@dataclass(kw_only=True)
class ArtifactFilter(_Filter):
    """Which artifacts."""

    id: OneOf | Given = None
    key: OneOf | Given = None
    type: OneOf | Given = None
    flow_run_id: OneOf | Given = None
    task_run_id: OneOf | Given = None


@dataclass(kw_only=True)
class VariableFilter(_Filter):
    """Which variables."""

    kinds: ClassVar[Mapping[str, Any]] = {"tags": TagSet}

    id: OneOf | Given = None
    name: OneOf | Given = None
    tags: TagSet | Given = None


# What the classes of criteria are called in Prefect: one name for each place that they stand in.
FlowRunFilterId = FlowRunFilterName = FlowRunFilterStateType = FlowRunFilterStateName = OneOf
FlowRunFilterParentFlowRunId = FlowRunFilterParentTaskRunId = FlowRunFilterFlowVersion = OneOf
FlowRunFilterStartTime = FlowRunFilterEndTime = FlowRunFilterExpectedStartTime = Span
FlowRunFilterState, FlowRunFilterTags = StateFilter, TagSet
TaskRunFilterId = TaskRunFilterName = TaskRunFilterStateType = TaskRunFilterStateName = OneOf
TaskRunFilterFlowRunId = TaskRunFilterSubFlowRuns = OneOf
TaskRunFilterState, TaskRunFilterTags, TaskRunFilterStartTime = StateFilter, TagSet, Span
FlowFilterId = FlowFilterName = OneOf
LogFilterLevel, LogFilterTimestamp = AtLeast, Span
LogFilterFlowRunId = LogFilterTaskRunId = OneOf
ArtifactFilterId = ArtifactFilterKey = ArtifactFilterType = ArtifactFilterFlowRunId = ArtifactFilterTaskRunId = OneOf
VariableFilterId, VariableFilterName, VariableFilterTags = OneOf, OneOf, TagSet

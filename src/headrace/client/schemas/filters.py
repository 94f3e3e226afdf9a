"""Which runs and log lines a client is to find, in the words that scripts for Prefect have for it.

A filter has criteria, each an object of a class below or a dict of its arguments; what is None does not restrict. What
a store can't look for itself is looked for among what it finds: in a large store, narrow the search by `id`, or use
`headrace.store.protocol.RunFilter`, which every client method takes as well.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

__all__ = [
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
]


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOf:
    """A value that is one of `any_`, none of `not_any_`, and holds the text `like_`, whatever the case.

    Values and ids are compared as text. `is_null_` asks whether there is a value at all, `exists_` the reverse.
    """

    any_: Collection[Any] | None = None
    not_any_: Collection[Any] | None = None
    like_: str | None = None
    is_null_: bool | None = None
    exists_: bool | None = None

    def accepts(self, value: object) -> bool:
        """Say whether a value fits."""
        text = str(value)
        return (
            (self.any_ is None or text in map(str, self.any_))
            and (self.not_any_ is None or text not in map(str, self.not_any_))
            and (self.like_ is None or self.like_.lower() in text.lower())
            and (self.is_null_ is None or self.is_null_ is (value is None))
            and (self.exists_ is None or self.exists_ is (value is not None))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A moment from `after_` to `before_`, both inclusive; `is_null_` asks whether there is one."""

    before_: datetime | None = None
    after_: datetime | None = None
    is_null_: bool | None = None

    def accepts(self, value: datetime | None) -> bool:
        """Say whether a moment fits."""
        if value is None:
            return self.is_null_ is True or (self.is_null_ is None and self.before_ is None and self.after_ is None)
        later, earlier = (
            self.before_ is not None and value > self.before_,
            self.after_ is not None and value < self.after_,
        )
        return self.is_null_ is not True and not later and not earlier


@dataclass(frozen=True, slots=True, kw_only=True)
class TagSet:
    """Tags that hold `all_`, and one of `any_`; `is_null_` asks whether there are none."""

    all_: Collection[str] | None = None
    any_: Collection[str] | None = None
    is_null_: bool | None = None

    def accepts(self, value: Collection[str]) -> bool:
        """Say whether a run's tags fit."""
        tags = set(value)
        return (
            (self.all_ is None or tags >= set(self.all_))
            and (self.any_ is None or bool(tags & set(self.any_)))
            and (self.is_null_ is None or self.is_null_ is (not tags))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AtLeast:
    """A number from `ge_` to `le_`, both inclusive."""

    ge_: int | None = None
    le_: int | None = None

    def accepts(self, value: int) -> bool:
        """Say whether a number fits."""
        return (self.ge_ is None or value >= self.ge_) and (self.le_ is None or value <= self.le_)


Given = Mapping[str, Any] | None


@dataclass(kw_only=True)
class _Filter:
    """Criteria that a thing's attributes have to meet: all of them, or with ``operator="or_"`` one."""

    #: Of which class each criterion is, where it is given as a dict; OneOf if nothing is said here.
    kinds: ClassVar[Mapping[str, Any]] = {}
    #: What an attribute is called, where a criterion is called otherwise.
    attributes: ClassVar[Mapping[str, str]] = {}

    operator: Literal["and_", "or_"] = "and_"

    def __post_init__(self) -> None:
        for name, given in self.criteria().items():
            if isinstance(given, Mapping):
                setattr(self, name, self.kinds.get(name, OneOf)(**given))

    def criteria(self) -> dict[str, Any]:
        """Return the criteria that were given, by name."""
        given = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "operator"}
        return {name: criterion for name, criterion in given.items() if criterion is not None}

    def accepts(self, thing: Any) -> bool:
        """Say whether a run, or a log line, fits."""
        met = [
            criterion.accepts(getattr(thing, self.attributes.get(name, name)))
            for name, criterion in self.criteria().items()
        ]
        return not met or (any(met) if self.operator == "or_" else all(met))

    def ids(self) -> frozenset[UUID]:
        """Return the ids to which `id` restricts; empty where it does not."""
        criterion = getattr(self, "id", None)
        if not isinstance(criterion, OneOf) or not criterion.any_ or self.operator == "or_":
            return frozenset()
        return frozenset(one if isinstance(one, UUID) else UUID(str(one)) for one in criterion.any_)


@dataclass(kw_only=True)
class StateFilter(_Filter):
    """Which states: by `type`, by `name`."""

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
    attributes: ClassVar[Mapping[str, str]] = {"subflow_runs": "child_flow_run_id"}

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

    attributes: ClassVar[Mapping[str, str]] = {"id": "flow_id", "name": "flow_name"}

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

"""What may be asked of the API about artifacts and variables, and what they are to be."""

from __future__ import annotations

import json
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, Field, field_validator

from headrace.client.schemas.sorting import ArtifactSort, VariableSort
from headrace.core.things import LONGEST_NAME, checked_value
from headrace.server.api.requests import (
    MOST,
    MOST_VALUES,
    Filter,
    FlowFilter,
    FlowRunFilter,
    Limit,
    Numbered,
    Offset,
    OneOfIds,
    OneOfTexts,
    Strict,
    TagSet,
    Text,
)
from headrace.store.conditions import EVERYTHING, AllOf, Condition, OfFlowRun


class ArtifactFilter(Filter):
    """Which artifacts."""

    id: OneOfIds | None = None
    key: OneOfTexts | None = None
    type: OneOfTexts | None = None
    flow_run_id: OneOfIds | None = None
    task_run_id: OneOfIds | None = None


class WhichArtifacts(Strict):
    """Which artifacts, by themselves and by the flow runs that left them; all that is given must hold."""

    artifacts: ArtifactFilter | None = None
    flow_runs: FlowRunFilter | None = None
    flows: FlowFilter | None = None

    def condition(self) -> Condition:
        """Return this as a condition on artifacts."""
        of_runs = [given.as_filter().condition("flow") for given in (self.flow_runs, self.flows) if given is not None]
        own = [] if self.artifacts is None else [self.artifacts.as_filter().condition("artifact")]
        return AllOf((*own, *map(OfFlowRun, of_runs)))


class ArtifactsWanted(WhichArtifacts):
    """A part of the artifacts that fit, in an order."""

    limit: Limit = MOST
    offset: Offset = 0
    sort: ArtifactSort = ArtifactSort.ID_DESC


class ArtifactPage(WhichArtifacts, Numbered):
    """One page of the artifacts that fit."""

    sort: ArtifactSort = ArtifactSort.ID_DESC


class VariableFilter(Filter):
    """Which variables."""

    id: OneOfIds | None = None
    name: OneOfTexts | None = None
    tags: TagSet | None = None


class WhichVariables(Strict):
    """Which variables."""

    variables: VariableFilter | None = None

    def condition(self) -> Condition:
        """Return this as a condition on variables."""
        return EVERYTHING if self.variables is None else self.variables.as_filter().condition("variable")


class VariablesWanted(WhichVariables):
    """A part of the variables that fit, in an order."""

    limit: Limit = MOST
    offset: Offset = 0
    sort: VariableSort = VariableSort.NAME_ASC


class VariablePage(WhichVariables, Numbered):
    """One page of the variables that fit."""

    sort: VariableSort = VariableSort.NAME_ASC


def _sayable(value: Any) -> Any:
    """Return JSON that can be said again: what lone surrogates and numbers that are none it holds is refused."""
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("This is too deep.") from None
    return value


Json = Annotated[Any, AfterValidator(_sayable)]
Key = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[a-z0-9-]+$")]
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME, pattern=r"^[a-z0-9_-]+$")]
Tags = Annotated[list[Text], Field(max_length=MOST_VALUES)]
Metadata = Annotated[dict[Text, Text], Field(max_length=MOST_VALUES)]
Description = Annotated[str, Field(max_length=100_000)]


class ArtifactChange(Strict):
    """What an artifact is to say from now on; what is not given stays."""

    data: Json = None
    description: Description | None = None
    metadata_: Metadata | None = None


class NewArtifact(ArtifactChange):
    """An artifact to be kept."""

    key: Key | None = None
    type: Text | None = None
    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None


class VariableChange(Strict):
    """What a variable is to be from now on; what is not given stays."""

    name: Name | None = None
    value: Json = Field(None, description="Less than 5,000 characters as JSON.")
    tags: Tags | None = None

    @field_validator("value")
    @classmethod
    def _is_short(cls, value: Any) -> Any:
        return checked_value("value", value)


class NewVariable(VariableChange):
    """A variable to be kept."""

    name: Name
    tags: Tags = Field([], max_length=MOST_VALUES)

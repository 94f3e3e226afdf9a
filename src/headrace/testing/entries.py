"""What a history holds: runs and the states that they entered, as frozen values that JSON can say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

#: A moment, or, in a normalised history, seconds since its first state.
Moment = datetime | float


@dataclass(frozen=True, slots=True)
class StateEntry:
    """One state that a run entered. `at` is a moment, or seconds since the history's first state."""

    name: str
    type: str
    at: Moment
    message: str | None
    cause: str

    def as_json(self) -> dict[str, Any]:
        """Return what JSON can say."""
        at = self.at.isoformat() if isinstance(self.at, datetime) else self.at
        return {"name": self.name, "type": self.type, "at": at, "message": self.message, "cause": self.cause}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> StateEntry:
        """Return what `as_json` gave."""
        at = value["at"]
        moment = datetime.fromisoformat(at) if isinstance(at, str) else at
        return cls(value["name"], value["type"], moment, value["message"], value["cause"])


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEntry:
    """One run of a history.

    `drawn` says that its name is one that it was given by lot. `parent` is the id of the run that started it, None
    where that is not in the history; `upstream` the ids of the runs that it took values from or waited for.
    `parameters` are as JSON says them. `logs` are the messages of its own log, without tracebacks.
    """

    id: str
    kind: str
    name: str
    drawn: bool
    definition: str
    parent: str | None
    upstream: tuple[str, ...]
    parameters: Mapping[str, Any]
    tags: tuple[str, ...]
    attempts: int
    retry_delays: tuple[float, ...]
    states: tuple[StateEntry, ...]
    logs: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return what JSON can say."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**named, "states": [state.as_json() for state in self.states]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> RunEntry:
        """Return what `as_json` gave."""
        given: dict[str, Any] = {name: tuple(item) if isinstance(item, list) else item for name, item in value.items()}
        given["states"] = tuple(map(StateEntry.from_json, value["states"]))
        return cls(**given)

    def lines(self) -> Iterable[str]:
        """Yield the run as text."""
        yield f"{self.id} {self.name}" + (f" (of {self.definition})" if self.name != self.definition else "")
        if self.parameters:
            yield f"    called with {', '.join(f'{name}={value!r}' for name, value in self.parameters.items())}"
        if self.upstream:
            yield f"    after {', '.join(self.upstream)}"
        for state in self.states:
            yield f"    {_at(state.at)}  {state.name}: {state.cause}"


def _at(at: Moment) -> str:
    return at.isoformat() if isinstance(at, datetime) else f"{at:>8g} s"

"""What a state carries beside its name and message."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self
from uuid import UUID

from headrace.core.models import Model


class _Details(NamedTuple):
    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None
    child_flow_run_id: UUID | None = None
    scheduled_time: datetime | None = None
    cache_key: str | None = None
    cache_expiration: datetime | None = None
    retriable: bool | None = None
    pause_timeout: datetime | None = None
    pause_reschedule: bool = False
    pause_key: str | None = None
    result_key: str | None = None
    result_storage: str | None = None


class StateDetails(Model, _Details):
    """What a state carries beside its name and message; each field is None where it has no meaning.

    `scheduled_time` is when a SCHEDULED state ends, `pause_timeout` when a PAUSED one does. The first two say whose
    state it is; they follow from the run, so they are not compared, and a store need not keep them beside the run.
    `result_key` is where the result of the run was written, in `result_storage` (None: the usual one).
    Details are false where they say nothing but the first two.
    """

    __slots__ = ()
    FIELDS = _Details._fields
    DEFAULTS = _Details._field_defaults

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """Return a copy with these fields changed. Raises TypeError for a name that is no field."""
        return type(self)(**{**self._asdict(), **changes})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StateDetails) and self[2:] == other[2:]

    def __ne__(self, other: object) -> bool:  # a tuple brings its own
        return not self == other

    def __hash__(self) -> int:
        return hash(self[2:])

    def __bool__(self) -> bool:
        return self[2:] != _NOTHING_SAID


NO_DETAILS = StateDetails()
_NOTHING_SAID = NO_DETAILS[2:]


def as_moment(value: Any) -> datetime:
    """Return an aware moment; text is ISO 8601, and what has no zone is UTC. Raises TypeError or ValueError."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        raise TypeError(f"The timestamp of a state is a datetime, not {value!r}, a {type(value).__name__}.")
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


def as_details(value: StateDetails | Mapping[str, Any] | None) -> StateDetails:
    """Return details; those of a mapping may have moments and ids as texts. Raises TypeError for unknown fields."""
    if isinstance(value, StateDetails):
        return value
    if not value:
        return NO_DETAILS
    said: dict[str, Any] = dict(value)
    said.update((name, as_moment(said[name])) for name in _MOMENTS if said.get(name) is not None)
    said.update((name, as_id(said[name])) for name in _IDS if said.get(name) is not None)
    return StateDetails(**said)


def as_id(value: UUID | str) -> UUID:
    """Return an id. Raises ValueError for a text that is none."""
    return value if isinstance(value, UUID) else UUID(value)


_MOMENTS = ("scheduled_time", "cache_expiration", "pause_timeout")
_IDS = ("flow_run_id", "task_run_id", "child_flow_run_id")

"""Artifacts and variables, as they are kept: what flows leave for people to see, and what they look up.

Their values are what JSON can say; `as_json` says what becomes of what it can't.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import Enum
from typing import Any, Self
from uuid import UUID

from headrace.core.models import Model
from headrace.exceptions import InvalidNameError

#: How many characters the JSON of a variable's value has at most, and the name of one.
MOST_OF_A_VALUE, LONGEST_NAME = 5000, 255
_KEY = re.compile(r"[a-z0-9-]+")
_NAME = re.compile(r"[a-z0-9_-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactRecord(Model):
    """An artifact as it is kept. Of those with one `key` the newest is what the key stands for.

    `type` says what `data` holds: "markdown", "table" (JSON), "progress" (per cent), "image" (an address), or what
    its maker calls it. `flow_run_id` and `task_run_id` say which run left it; None: none did.
    """

    FIELDS = (
        *("id", "created", "updated", "key", "type", "description", "data", "metadata_"),
        *("flow_run_id", "task_run_id"),
    )

    id: UUID
    created: datetime
    updated: datetime
    key: str | None = None
    type: str | None = None
    description: str | None = None
    data: Any = None
    metadata_: Mapping[str, str] | None = None
    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """Return a copy with these fields changed. Raises TypeError for a name that is no field."""
        return dataclasses.replace(self, **changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableRecord(Model):
    """A variable as it is kept. Its name is its own."""

    FIELDS = ("id", "created", "updated", "name", "value", "tags")

    id: UUID
    created: datetime
    updated: datetime
    name: str
    value: Any = None
    tags: tuple[str, ...] = ()

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """Return a copy with these fields changed. Raises TypeError for a name that is no field."""
        return dataclasses.replace(self, **changes)


#: What may be changed of each when it is there.
ARTIFACT_CHANGES = ("type", "description", "data", "metadata_")
VARIABLE_CHANGES = ("name", "value", "tags")


def checked_key(key: Any) -> str | None:
    """Return the key of an artifact, None for none. Raises InvalidNameError."""
    if key is None or (isinstance(key, str) and _KEY.fullmatch(key)):
        return key
    raise InvalidNameError(
        f"{key!r} can't be the key of an artifact: lowercase letters, digits and dashes can, as in {_near(key, '-')!r}."
    )


def checked_name(name: Any) -> str:
    """Return the name of a variable. Raises InvalidNameError."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidNameError(
            f"{name!r} can't be the name of a variable: lowercase letters, digits, dashes and underscores can, as in "
            f"{_near(name, '_')!r}."
        )
    if len(name) > LONGEST_NAME:
        raise InvalidNameError(f"The name of a variable has {len(name)} characters, and may have {LONGEST_NAME}.")
    return name


def _near(name: Any, join: str) -> str:
    words = re.findall(r"[a-z0-9]+", str(name).lower())
    return join.join(words)[:60] or f"daily{join}report"


def checked_value(name: str, value: Any) -> Any:
    """Return the value of a variable. Raises ValueError for one that JSON can't say, or that is too long."""
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        text.encode()  # a lone surrogate is no text
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"The variable {name!r} can't hold {value!r}, for JSON can't: {error}.") from None
    if len(text) >= MOST_OF_A_VALUE:
        raise ValueError(
            f"The value of the variable {name!r} has {len(text):,} characters as JSON, and may have "
            f"{MOST_OF_A_VALUE - 1:,}. Keep it in a file or a database, and its address in the variable."
        )
    return json.loads(text)


def cleaned(text: str) -> str:
    """Return a text without what no database and no page can hold, lone surrogates and NUL: they are escaped."""
    return text.encode(errors="backslashreplace").decode().replace("\0", "\\x00")


def as_json(value: Any) -> str:
    """Return JSON for people to read: numbers that are none become null, and what JSON can't say its text."""
    return json.dumps(_sayable(value), default=_said)


def _sayable(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key if isinstance(key, str) else _word(key): _sayable(item) for key, item in value.items()}
    return [_sayable(item) for item in value] if isinstance(value, list | tuple) else value


def _word(key: Any) -> str:
    said = _said(key)
    return said if isinstance(said, str) else str(said)


def _said(value: Any) -> Any:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Enum):
        return _said(value.value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    if hasattr(value, "item") and hasattr(value, "dtype"):  # a number of numpy's
        return _sayable(value.item())
    return str(value)

"""From what was typed to runs, states and moments.

A run is found by its id, by the first eight or more hexadecimal digits of it, or by its name, the newest if
several have it. Ids are UUIDv7s, which begin with the moment they were made; so a prefix is looked for only
among the runs created in the moments that it leaves open.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import typer

from headrace.core.records import Run
from headrace.core.state_types import TYPE_OF_NAME, StateType
from headrace.exceptions import ObjectNotFound
from headrace.store.protocol import NEWEST, RunFilter, RunKind, Store

#: Words that ``--state`` knows: types in lower case, and the names that the engine gives.
STATE_WORDS = tuple(dict.fromkeys([*(type_.value.lower() for type_ in StateType), *TYPE_OF_NAME]))
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*(seconds?|minutes?|hours?|days?|weeks?|[smhdw])\s*")
_AGO = re.compile(rf"({_AGE.pattern})+(ago)?")
_TIME = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?")
_PREFIX = re.compile(r"[0-9a-f]{8,32}")
_TOO_SHORT = re.compile(r"[0-9a-f]{2,7}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SLACK = timedelta(seconds=5)  # the stamp of an id is taken a little before the run is created
_LOOKED_AT = 1000  # newest runs that names, near misses and the like are looked for among


def find_run(store: Store, text: str, kinds: Sequence[RunKind] = ("flow", "task")) -> Run:
    """Return the run that `text` means. Raises ObjectNotFound: none, or a prefix of several."""
    found = runs_by_prefix(store, text, kinds)
    if len(found) > 1:
        raise ObjectNotFound(f"{text} begins the ids of several runs; write more of it:\n{_listed(found)}")
    if found:
        return found[0]
    for kind in kinds:
        named = [run for run in _runs(store, kind, RunFilter(name=text)) if run.name == text]
        if named:
            return named[0]
    raise ObjectNotFound(_not_found(store, text, kinds))


def runs_by_prefix(store: Store, text: str, kinds: Sequence[RunKind] = ("flow", "task")) -> list[Run]:
    """Return the runs whose ids begin with what was typed; none where that is shorter than eight digits."""
    digits = text.lower().replace("-", "")
    if not _PREFIX.fullmatch(digits):
        return []
    if len(digits) == 32:
        where = RunFilter(ids=frozenset({UUID(digits)}))
    else:
        first, last = (int(digits[:12].ljust(12, fill), 16) for fill in "0f")
        where = RunFilter(after=_moment(first) - _SLACK, before=_moment(last) + _SLACK)
    return [run for kind in kinds for run in _every(store, kind, where) if run.id.hex.startswith(digits)]


def _moment(milliseconds: int) -> datetime:
    latest = 200_000_000_000_000  # some 6,000 years on; what digits say beyond that is no moment of ours
    return _EPOCH + timedelta(milliseconds=min(milliseconds, latest))


def _every(store: Store, kind: RunKind, where: RunFilter) -> Sequence[Run]:
    return store.flow_runs(where) if kind == "flow" else store.task_runs(where)


def _runs(store: Store, kind: RunKind, where: RunFilter) -> Sequence[Run]:
    """Return the newest runs that fit, newest first."""
    find = store.flow_runs if kind == "flow" else store.task_runs
    return find(where, limit=_LOOKED_AT, order=NEWEST)


def _not_found(store: Store, text: str, kinds: Sequence[RunKind]) -> str:
    import difflib

    message = f"No run has the id or name {text!r}."
    if _TOO_SHORT.fullmatch(text.lower()):
        message += " Of an id at least eight digits are needed."
    part_of = [run for kind in kinds for run in _runs(store, kind, RunFilter(name=text))]
    names = {run.name: run for kind in kinds for run in _runs(store, kind, RunFilter())}
    near = part_of or [names[name] for name in difflib.get_close_matches(text, names, n=5)]
    if near:
        return f"{message} Did you mean one of these?\n{_listed(near)}"
    listing = f"{kinds[0]}-run ls" if len(kinds) == 1 else "runs ls"
    return f"{message} `headrace {listing}` lists the runs that there are."


def _listed(runs: Iterable[Run], most: int = 5) -> str:
    return "\n".join(f"  {run.id}  {run.name}" for run in list(runs)[:most])


def parse_states(texts: Iterable[str]) -> tuple[frozenset[StateType], frozenset[str]]:
    """Sort what was given for ``--state`` into types and names.

    A name of the engine's in its own spelling (Failed) is that name; a type in any case (FAILED, failed) is
    the type, with all its names; an engine's name in any case is that name; all else is a name of the user's.
    """
    types: set[StateType] = set()
    names: set[str] = set()
    spelled = {name.lower(): name for name in TYPE_OF_NAME}
    for text in texts:
        if text not in TYPE_OF_NAME and text.upper() in StateType.__members__:
            types.add(StateType(text.upper()))
        else:
            names.add(spelled.get(text.lower(), text))
    return frozenset(types), frozenset(names)


def unknown_states(texts: Iterable[str]) -> list[tuple[str, str | None]]:
    """Return what was given for ``--state`` and is no state of the engine's, each with what comes near, if anything."""
    import difflib

    known = {word.lower(): word for word in reversed(STATE_WORDS)}
    strange = [text for text in texts if text.lower() not in known]
    near = {text: difflib.get_close_matches(text.lower(), known, n=1) for text in strange}
    return [(text, known[near[text][0]] if near[text] else None) for text in strange]


def parse_when(text: str, now: datetime, option: str | None = None) -> datetime:
    """Return the moment that was typed, as aware UTC.

    Takes ISO dates and moments (local time where they name no zone), a time of today, "now", "today" and "yesterday"
    (their beginning, in local time), and ages: 30s, 45m, 2h, 3d, 1w, or several together. Raises typer.BadParameter,
    which names the `option`.
    """
    word = text.strip().lower()
    midnight = now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    if _AGO.fullmatch(word):
        return now - timedelta(seconds=sum(float(age[1]) * _UNITS[age[2][0]] for age in _AGE.finditer(word)))
    if word in ("now", "today", "yesterday"):
        return now if word == "now" else (midnight - timedelta(days=word == "yesterday")).astimezone(UTC)
    try:
        if time := _TIME.fullmatch(word):
            hour, minute, second = (int(part or 0) for part in time.groups())
            return midnight.replace(hour=hour, minute=minute, second=second).astimezone(UTC)
        return datetime.fromisoformat(text.strip()).astimezone(UTC)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no moment. Write 2026-03-01, 2026-03-01T12:30, 9:30, today, yesterday, or an age: 2h, 1d12h.",
            param_hint=option,
        ) from None

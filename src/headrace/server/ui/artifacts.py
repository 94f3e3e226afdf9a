"""Artifacts, as they are shown: Markdown as a document, tables as tables, progress as a bar, all else as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice, zip_longest
from typing import Any
from uuid import UUID

from headrace.core.things import ArtifactRecord
from headrace.drive.world import World
from headrace.store.conditions import Condition, one_of
from headrace.store.protocol import NEWEST, RunFilter

#: How many rows and columns of a table are shown, and how many characters of a text.
MOST_ROWS, MOST_COLUMNS, LONGEST = 100, 30, 20_000
_ADDRESS = re.compile(r"https?://\S+")
_LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<address>https?://[^\s)]+)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table: the names of its columns, none if they have none, its rows as text, and how many are left out."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    left_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What leads elsewhere, to an address of the web."""

    text: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactCard:
    """An artifact. One of `table`, `percent`, `link` and `text` is shown of it; `cut` characters are left out.

    `run_name` is that of the task run that left it, else of the flow run, None if neither is stored.
    """

    id: UUID
    key: str | None
    type: str | None
    description: str | None
    created: datetime
    updated: datetime
    table: Table | None
    percent: float | None
    link: Link | None
    text: str
    cut: int
    flow_run_id: UUID | None
    task_run_id: UUID | None
    run_name: str | None


def artifacts_of(world: World, where: Condition | None, limit: int, offset: int = 0) -> list[ArtifactCard]:
    """Return artifacts as cards, the newest first."""
    found = world.store.artifacts(where, order=NEWEST, limit=limit, offset=offset)
    names = _names(world, found)
    return [_card(one, names) for one in found]


def of_flow_run(run_id: UUID) -> Condition:
    """Return what artifacts of a flow run, and of its task runs, fit."""
    return one_of("flow_run_id", [run_id])


def _names(world: World, found: Sequence[ArtifactRecord]) -> dict[UUID, str]:
    tasks = frozenset(one.task_run_id for one in found if one.task_run_id is not None)
    flows = frozenset(one.flow_run_id for one in found if one.flow_run_id is not None and one.task_run_id is None)
    runs = [*(world.store.task_runs(RunFilter(ids=tasks)) if tasks else [])]
    names = {run.id: run.name for run in runs}
    names |= {run.id: run.name for run in (world.store.flow_runs(RunFilter(ids=flows)) if flows else [])}
    return names


def _card(one: ArtifactRecord, names: Mapping[UUID, str]) -> ArtifactCard:
    owner = one.task_run_id or one.flow_run_id
    table = table_of(one.data) if one.type == "table" else None
    percent = _percent(one.data) if one.type == "progress" else None
    text = "" if table is not None or percent is not None else _text(one.data)
    return ArtifactCard(
        id=one.id,
        key=one.key,
        type=one.type,
        description=one.description,
        created=one.created,
        updated=one.updated,
        table=table,
        percent=percent,
        link=_link(one.type, text),
        text=text[:LONGEST],
        cut=max(len(text) - LONGEST, 0),
        flow_run_id=one.flow_run_id,
        task_run_id=one.task_run_id,
        run_name=names.get(owner) if owner is not None else None,
    )


def _link(type_: str | None, text: str) -> Link | None:
    """Return where an artifact that is no more than a link, or the address of an image, leads to."""
    if type_ == "image" and _ADDRESS.fullmatch(text):
        return Link(text=text, address=text)
    told = _LINK.fullmatch(text) if type_ == "markdown" else None
    return Link(text=told["text"] or told["address"], address=told["address"]) if told else None


def _text(data: Any) -> str:
    return data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, indent=1)


def _percent(data: Any) -> float | None:
    return min(max(float(data), 0.0), 100.0) if isinstance(data, int | float) else None


def table_of(data: Any) -> Table | None:
    """Return a table: of a dict of columns, a list of dicts, or a list of lists, as JSON or not; None for another."""
    try:
        read = json.loads(data) if isinstance(data, str) else data
    except ValueError:
        return None
    if isinstance(read, dict) and all(isinstance(column, list) for column in read.values()):
        return _table(list(read), list(zip_longest(*read.values())))
    if isinstance(read, list) and all(isinstance(row, dict) for row in read):
        columns = list(dict.fromkeys(name for row in read[:MOST_ROWS] for name in row))
        return _table(columns, [[row.get(name) for name in columns] for row in read])
    if isinstance(read, list) and all(isinstance(row, list) for row in read):
        return _table([], read)
    return None


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    shown = [[_cell(cell) for cell in islice(row, MOST_COLUMNS)] for row in rows[:MOST_ROWS]]
    return Table(columns=columns[:MOST_COLUMNS], rows=shown, left_out=max(len(rows) - MOST_ROWS, 0))


def _cell(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

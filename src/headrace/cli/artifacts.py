"""`headrace artifact`: what flows left for people to see."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from headrace.cli import acting, as_json, completing, world
from headrace.cli.look import moment_text, note, print_json, print_table, say
from headrace.cli.near import near_misses
from headrace.cli.options import Yes, flag, json_flag
from headrace.core.timeline import one_line
from headrace.exceptions import ObjectNotFound

if TYPE_CHECKING:
    from headrace.core.things import ArtifactRecord
    from headrace.store.conditions import Condition

app = typer.Typer(name="artifact", help="Look at what flows left for people to see.", no_args_is_help=True)

Which = Annotated[
    str,
    typer.Argument(metavar="KEY_OR_ID", help="Key of artifacts, or id of one.", autocompletion=completing.artifacts),
]
All = flag("--all", "-a", help="Every version of each key, and those without a key.")


@app.command(epilog="Example: headrace artifact ls --all -o json")
def ls(
    all_: Annotated[bool, All] = False,
    limit: Annotated[int, typer.Option(metavar="N", help="How many to list at most; 0 for all.", min=0)] = 20,
    json_: Annotated[bool, json_flag("a JSON array of artifacts")] = False,
) -> None:
    """List the newest artifact of each key, that which was made last first."""
    from headrace.store.conditions import NewestOfKey
    from headrace.store.protocol import NEWEST

    store, where = world.store(), None if all_ else NewestOfKey()
    found = store.artifacts(where, order=NEWEST, limit=limit or None)
    if json_:
        print_json([as_json.artifact(artifact) for artifact in found])
    elif not found:
        hint = "" if all_ or not store.count_artifacts() else " --all lists those without a key too."
        say(f"No artifacts.{hint}")
    else:
        length = acting.id_length([artifact.id for artifact in found])
        rows = [_row(artifact, length) for artifact in found]
        print_table(["id", "key", "type", "updated", "description"], rows, elastic={"description": 8})
        total = store.count_artifacts(where)
        if total > len(found):
            note(f"{len(found)} of {total}; --limit 0 lists all")


def _row(artifact: ArtifactRecord, length: int) -> list[str]:
    updated = moment_text(artifact.updated, world.now())
    words = (artifact.key or "–", artifact.type or "–", updated, artifact.description or "")
    return [str(artifact.id)[:length], *map(one_line, words)]


@app.command(epilog="Example: headrace artifact inspect daily-sales")
def inspect(
    which: Which,
    limit: Annotated[int, typer.Option(metavar="N", help="How many versions to show, newest first.", min=1)] = 1,
    json_: Annotated[bool, json_flag("a JSON array of artifacts")] = False,
) -> None:
    """Show what a key stands for, or the artifact of an id: the data as it was kept."""
    found = _found(which)[:limit]
    if json_:
        print_json([as_json.artifact(artifact) for artifact in found])
        return
    for artifact in found:
        _show(artifact)


@app.command(epilog="Example: headrace artifact delete daily-sales --yes")
def delete(which: Which, yes: Yes = False) -> None:
    """Delete all versions of a key, or the artifact of an id. This can't be undone."""
    found = _found(which)
    many = f"{len(found)} artifacts with the key" if len(found) > 1 else "the artifact"
    if not yes:
        typer.confirm(f"Delete {many} {which}?", abort=True)
    for artifact in found:
        world.store().delete_artifact(artifact.id)
    say(f"Deleted {many} {which}")


def _show(artifact: ArtifactRecord) -> None:
    run = artifact.task_run_id or artifact.flow_run_id
    facts = {
        "id": artifact.id,
        "key": artifact.key,
        "type": artifact.type,
        "description": artifact.description,
        "updated": moment_text(artifact.updated, world.now()),
        "run": run,
    }
    for name, value in facts.items():
        if value is not None:
            say(f"{name:<12} {value}")
    data = artifact.data if isinstance(artifact.data, str) else json.dumps(artifact.data, ensure_ascii=False)
    typer.echo(f"\n{data}\n")


def _found(which: str) -> list[ArtifactRecord]:
    """Return the artifacts of a key, newest first, or the one of an id. Raises ObjectNotFound."""
    from headrace.store.conditions import Known, one_of
    from headrace.store.protocol import NEWEST

    store = world.store()
    condition: Condition = one_of("key", [which])
    with contextlib.suppress(ValueError):
        condition = one_of("id", [UUID(which)])
    found = store.artifacts(condition, order=NEWEST)
    if not found:
        keys = {artifact.key for artifact in store.artifacts(Known("key")) if artifact.key is not None}
        near = near_misses(which, keys, "headrace artifact ls --all")
        raise ObjectNotFound(f"There is no artifact {which!r}. {near}")
    return found

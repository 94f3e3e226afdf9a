"""`headrace concurrency-limit`: named numbers of slots that runs share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from headrace.cli import as_json, completing, world
from headrace.cli.look import moment_text, print_json, print_table, say
from headrace.cli.near import near_misses
from headrace.cli.options import Yes, flag, json_flag
from headrace.exceptions import ObjectAlreadyExists, ObjectNotFound

if TYPE_CHECKING:
    from headrace.store.protocol import ConcurrencyLimit, Store

app = typer.Typer(name="concurrency-limit", help="Limit how much may run at once.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the limit.")]
Existing = Annotated[str, typer.Argument(metavar="NAME", help="Name of the limit.", autocompletion=completing.limits)]
Decay = typer.Option(
    metavar="SLOTS", help="Slots that come back by themselves, per second; above 0 it is a rate limit.", min=0
)


@app.command(epilog="Example: headrace concurrency-limit ls --json")
def ls(json_: Annotated[bool, json_flag("a JSON array of limits")] = False) -> None:
    """List the limits, and how many of their slots are taken."""
    store, now = world.store(), world.now()
    limits = store.limits(now)
    if json_:
        print_json([as_json.limit(limit) for limit in limits])
    elif not limits:
        say("There are no limits. `headrace concurrency-limit create NAME LIMIT` makes one.")
    else:
        rows = [_row(limit, sum(lease.waiting for lease in store.leases(limit.name, now))) for limit in limits]
        print_table(["limit", "taken", "of", "waiting", "decay", ""], rows, ["taken", "of", "waiting", "decay"])


def _row(limit: ConcurrencyLimit, waiting: int) -> list[str]:
    decay = f"{limit.slot_decay_per_second:g}/s" if limit.slot_decay_per_second else "–"
    taken = f"{limit.active_slots:.3g}"
    return [limit.name, taken, str(limit.limit), str(waiting), decay, "" if limit.active else "inactive"]


@app.command(epilog="Example: headrace concurrency-limit inspect database")
def inspect(
    name: Existing,
    json_: Annotated[bool, json_flag("JSON: the limit, and who holds its slots or waits")] = False,
) -> None:
    """Show a limit, who holds slots of it, and who waits for some."""
    store, now = world.store(), world.now()
    limit = _existing(store, name)
    leases = store.leases(name, now)
    if json_:
        print_json(as_json.limit(limit) | {"leases": [as_json.lease(lease) for lease in leases]})
        return
    say(f"{name}: {limit.active_slots:.3g} taken of {_described(limit)}")
    if leases:
        rows = [
            [lease.holder, "waits" if lease.waiting else "holds", str(lease.occupy), moment_text(lease.since, now)]
            for lease in leases
        ]
        print_table(["who", "", "slots", "since"], rows, ["slots"], elastic={"who": 12})


@app.command(epilog="Example: headrace concurrency-limit create database 5")
def create(
    name: Name,
    limit: Annotated[int, typer.Argument(metavar="LIMIT", help="Number of slots.", min=0)],
    decay: Annotated[float, Decay] = 0.0,
) -> None:
    """Make a limit."""
    from headrace.store.protocol import ConcurrencyLimit

    if not name.strip():
        raise typer.BadParameter("A limit needs a name. Write database, say, or tag:web.", param_hint="NAME")
    store = world.store()
    if store.limit(name, world.now()) is not None:
        raise ObjectAlreadyExists(f"There is a limit {name!r} already; `headrace concurrency-limit update` changes it.")
    made = ConcurrencyLimit(name=name, limit=limit, slot_decay_per_second=decay)
    store.put_limit(made)
    say(f"Made the limit {name!r} of {_described(made)}")


@app.command(epilog="Example: headrace concurrency-limit update database 3 --inactive")
def update(
    name: Existing,
    given: Annotated[int | None, typer.Argument(metavar="[LIMIT]", help="New number of slots.", min=0)] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", help="The same, by name.", min=0)] = None,
    decay: Annotated[float | None, Decay] = None,
    active: Annotated[
        bool | None,
        flag("--active/--inactive", help="Whether it counts; an inactive one lets all through."),
    ] = None,
) -> None:
    """Change a limit; what is not given stays. Slots that are taken stay taken."""
    store = world.store()
    was = _existing(store, name)
    if given is not None and limit not in (None, given):
        raise typer.BadParameter(f"A limit has one number of slots, not {given} and {limit}.")
    limit = given if limit is None else limit
    if limit is None and decay is None and active is None:
        raise typer.BadParameter("Nothing to change. Write the number of slots, --decay 0.5, --active or --inactive.")
    changed = was._replace(
        limit=was.limit if limit is None else limit,
        slot_decay_per_second=was.slot_decay_per_second if decay is None else decay,
        active=was.active if active is None else active,
    )
    store.put_limit(changed)
    say(f"The limit {name!r} is now {_described(changed)}")


@app.command(epilog="Example: headrace concurrency-limit delete database --yes")
def delete(name: Existing, yes: Yes = False) -> None:
    """Delete a limit. Runs that wait for it go on."""
    store = world.store()
    _existing(store, name)
    if not yes:
        typer.confirm(f"Delete the limit {name!r}? Runs that wait for it go on", abort=True)
    store.delete_limit(name)
    say(f"Deleted the limit {name!r}")


def _described(limit: ConcurrencyLimit) -> str:
    """Return ``1, with 0.5 coming back a second, and inactive``."""
    decay = f", with {limit.slot_decay_per_second:g} coming back a second" if limit.slot_decay_per_second else ""
    return f"{limit.limit}{decay}{'' if limit.active else ', and inactive'}"


def _existing(store: Store, name: str) -> ConcurrencyLimit:
    limit = store.limit(name, world.now())
    if limit is None:
        names = [each.name for each in store.limits(world.now())]
        near = near_misses(name, names, "headrace concurrency-limit ls")
        raise ObjectNotFound(f"There is no limit {name!r}; there are: {', '.join(names) or 'none'}. {near}")
    return limit

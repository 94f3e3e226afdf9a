"""`headrace variable`: values that flows look up."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from headrace.cli import as_json, completing, world
from headrace.cli.look import moment_text, print_json, print_table, say
from headrace.cli.near import near_misses
from headrace.cli.options import flag, json_flag
from headrace.core.things import VariableRecord
from headrace.core.timeline import one_line
from headrace.exceptions import ObjectNotFound

app = typer.Typer(name="variable", help="Look at values that flows look up, and change them.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of a variable.")]
_SET = "Examples: headrace variable set cities '[\"Oslo\"]' · headrace variable set n 3 --overwrite"
Existing = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of a variable.", autocompletion=completing.variables)
]
Value = typer.Argument(metavar="VALUE", help="What it is to be: JSON where it is JSON, else text.")
Text = flag("--text", help="Take the value for text, though it may be JSON.")


@app.command(epilog="Example: headrace variable ls -o json")
def ls(json_: Annotated[bool, json_flag("a JSON array of variables")] = False) -> None:
    """List the variables, by name."""
    from headrace.store.protocol import Order

    found = world.store().variables(order=Order("name"))
    if json_:
        print_json([as_json.variable(variable) for variable in found])
    elif not found:
        say("There are no variables. `headrace variable set NAME VALUE` makes one.")
    else:
        rows = [_row(variable) for variable in found]
        print_table(["variable", "value", "tags", "updated"], rows, elastic={"value": 12}, spare=["updated", "tags"])


def _row(variable: VariableRecord) -> list[str]:
    tags = ", ".join(variable.tags) or "–"
    words = (variable.name, json.dumps(variable.value, ensure_ascii=False), tags)
    return [*map(one_line, words), moment_text(variable.updated, world.now())]


@app.command(epilog="Example: headrace variable get cities")
def get(name: Existing, json_: Annotated[bool, json_flag("JSON: name, value, tags, and when")] = False) -> None:
    """Print the value of a variable: text as it is, all else as JSON."""
    found = _found(name)
    if json_:
        print_json(as_json.variable(found))
    else:
        typer.echo(found.value if isinstance(found.value, str) else json.dumps(found.value, ensure_ascii=False))


@app.command("set", epilog=_SET)
def set_(
    name: Name,
    value: Annotated[str, Value],
    tag: Annotated[list[str] | None, typer.Option(metavar="TAG", help="A tag; once for each.")] = None,
    overwrite: Annotated[bool, flag("--overwrite", help="Change it, where there is one already.")] = False,
    text: Annotated[bool, Text] = False,
) -> None:
    """Give a variable a value."""
    from headrace.exceptions import InvalidNameError, VariableExists
    from headrace.variables import Variable

    try:
        Variable.set(name, value if text else _read(value), tag or [], overwrite=overwrite)
    except (InvalidNameError, VariableExists) as error:
        told = str(error).replace("overwrite=True", "--overwrite")
        raise type(error)(told) from None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="VALUE") from None
    say(f"Set {name}")


@app.command(epilog="Example: headrace variable unset cities")
def unset(name: Existing) -> None:
    """Remove a variable."""
    world.store().delete_variable(_found(name).id)
    say(f"Removed {name}")


def _read(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def _found(name: str) -> VariableRecord:
    from headrace.store.conditions import one_of

    store = world.store()
    found = store.variables(one_of("name", [name]))
    if not found:
        names = (variable.name for variable in store.variables())
        raise ObjectNotFound(f"There is no variable {name!r}. {near_misses(name, names, 'headrace variable ls')}")
    return found[0]

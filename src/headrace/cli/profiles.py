"""`headrace profile`: sets of settings, of which one is active."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from headrace.cli import completing
from headrace.cli.look import note, print_json, print_table, say
from headrace.cli.options import Yes, json_flag
from headrace.settings import profiles

app = typer.Typer(name="profile", help="Keep several sets of settings, and choose one.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of a profile.")]
Existing = Annotated[str, typer.Argument(metavar="NAME", help="Name of a profile.", autocompletion=completing.profiles)]
From = typer.Option("--from", metavar="NAME", help="Begin with the settings of this one.")


@app.command(epilog="Example: headrace profile ls")
def ls(json_: Annotated[bool, json_flag("a JSON array of profiles")] = False) -> None:
    """List the profiles; the active one is marked."""
    active, found = profiles.active(), profiles.all_profiles()
    if json_:
        print_json([{"name": name, "active": name == active, "settings": len(found[name])} for name in found])
    else:
        rows = [[name, "active" if name == active else "", str(len(found[name]))] for name in found]
        print_table(["profile", "", "settings"], rows, ["settings"])


@app.command(epilog="Example: headrace profile create server --from default")
def create(name: Name, from_: Annotated[str | None, From] = None) -> None:
    """Make a profile."""
    profiles.create(name, from_)
    say(f"Made the profile {name!r} in {profiles.profile_path()}")
    note(f"`headrace profile use {name}` makes it the active one.")


@app.command(epilog="Example: headrace profile use server")
def use(name: Existing) -> None:
    """Make a profile the active one."""
    profiles.use(name)
    say(f"The profile {name!r} is active")
    if os.environ.get("HEADRACE_PROFILE"):
        note("The environment variable HEADRACE_PROFILE is set, and wins while it is.")


@app.command(epilog="Example: headrace profile inspect server")
def inspect(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="By default the active one.", autocompletion=completing.profiles),
    ] = None,
    json_: Annotated[bool, json_flag("JSON: the settings by name")] = False,
) -> None:
    """Show what a profile sets. Secrets are masked."""
    shown = profiles.shown(name or profiles.active())
    if json_:
        print_json(shown)
    elif not shown:
        say("It sets nothing.")
    else:
        print_table(["setting", "value"], [[name, str(value)] for name, value in shown.items()])


@app.command(epilog="Example: headrace profile rename server production")
def rename(name: Existing, new: Annotated[str, typer.Argument(metavar="NEW", help="Its new name.")]) -> None:
    """Give a profile another name; the active one stays active."""
    profiles.rename(name, new)
    say(f"The profile {name!r} is now {new!r}")


@app.command(epilog="Example: headrace profile delete server --yes")
def delete(name: Existing, yes: Yes = False) -> None:
    """Delete a profile, which may not be the active one."""
    profiles.check_deletable(name)
    if not yes:
        typer.confirm(f"Delete the profile {name!r} with its settings?", abort=True)
    profiles.delete(name)
    say(f"Deleted the profile {name!r}")

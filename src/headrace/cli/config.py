"""`headrace config`: look at settings, and change them in the active profile."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from headrace.cli import completing
from headrace.cli.look import note, print_json, print_table, say
from headrace.cli.options import flag, json_flag
from headrace.settings import SETTINGS, Setting, Settings, current_settings, find_setting

app = typer.Typer(name="config", help="Look at settings, and change them.", no_args_is_help=True)

_SET = "Example: headrace config set HEADRACE_LOGGING_LEVEL=DEBUG HEADRACE_TASKS_DEFAULT_RETRIES=2"


@app.command("set", epilog=_SET)
def set_(
    assignments: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME=VALUE...", help="Settings and their new values.", autocompletion=completing.settings
        ),
    ],
) -> None:
    """Set values in the active profile: all of them, or none if one can't be used."""
    from headrace.settings.profiles import profile_path, set_in_profile, value_for_profile

    pairs = [_assignment(text) for text in assignments]
    for setting, value in pairs:
        value_for_profile(setting, value)  # raises for any that can't be used, before the first is written
    for setting, value in pairs:
        set_in_profile(setting, value)
        shown = "***" if setting.secret else value
        say(f"Set {setting.name} to {shown} in {profile_path()}")
        _note_environment(setting)


def _assignment(text: str) -> tuple[Setting[Any], str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text!r} is not NAME=VALUE. Write HEADRACE_LOGGING_LEVEL=DEBUG, say.")
    return find_setting(name.strip()), value


def _note_environment(setting: Setting[Any]) -> None:
    if os.environ.get(setting.name):
        note(f"The environment variable {setting.name} is set too, and wins while it is.")


@app.command(epilog="Example: headrace config unset HEADRACE_LOGGING_LEVEL")
def unset(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Settings to take back.", autocompletion=completing.settings)
    ],
) -> None:
    """Remove values from the active profile."""
    from headrace.settings import profile_path, unset_in_profile

    for setting in [find_setting(name) for name in names]:
        if unset_in_profile(setting):
            say(f"Removed {setting.name} from {profile_path()}")
        else:
            say(f"{setting.name} was not set in {profile_path()}")
        _note_environment(setting)


@app.command(epilog="Example: headrace config view --show-defaults --show-sources")
def view(
    show_defaults: Annotated[bool, flag("--show-defaults", help="Also those that nobody has set.")] = False,
    show_sources: Annotated[bool, flag("--show-sources", help="Also where each value comes from.")] = False,
    show_secrets: Annotated[bool, flag("--show-secrets", help="Do not mask what may hold passwords.")] = False,
    as_json: Annotated[
        bool,
        json_flag("JSON: for each name its value, source, place and description"),
    ] = False,
) -> None:
    """Show the settings in force."""
    settings = current_settings()
    shown = [s for s in SETTINGS if show_defaults or settings.source_of(s).kind != "default"]
    if as_json:
        print_json({s.name: _as_json(settings, s, show_secrets) for s in shown})
    elif not shown:
        say("Nothing is set; --show-defaults shows all settings.")
    else:
        heads = ["setting", "value", *(["from"] if show_sources else [])]
        print_table(heads, [_row(settings, s, show_secrets)[: len(heads)] for s in shown])


def _row(settings: Settings, setting: Setting[Any], secrets: bool) -> list[str]:
    value = _shown(settings, setting, secrets)
    source = settings.source_of(setting)
    place = source.kind if source.kind == "environment" else str(source)  # the variable is named as the setting
    return [setting.name, "none" if value is None else str(value), place]


def _as_json(settings: Settings, setting: Setting[Any], secrets: bool) -> dict[str, object]:
    source = settings.source_of(setting)
    return {
        "value": _shown(settings, setting, secrets),
        "source": source.kind,
        "place": source.place or None,
        "description": setting.description,
    }


def _shown(settings: Settings, setting: Setting[Any], secrets: bool) -> object:
    value = getattr(settings, setting.field)
    if value is not None and setting.secret and not secrets:
        return "***"
    return str(value) if hasattr(value, "__fspath__") else value

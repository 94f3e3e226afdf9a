"""Nothing public goes untold."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
import typer.main
import write_settings

import headrace
import headrace.exceptions
import headrace.states
import headrace.testing
import pytest_headrace.machines
import pytest_headrace.strategies
from headrace.cli import as_json
from headrace.cli.app import app
from headrace.client.orchestration import SyncHeadraceClient
from headrace.core.records import FlowRun, TaskRun
from headrace.core.things import ArtifactRecord, VariableRecord
from headrace.settings import SETTINGS
from headrace.store.protocol import ConcurrencyLimit, Lease, LogRecord, SeenFlow
from pytest_headrace import fixtures, markers, options

from .reading import DOCS, everything, headings, prose, section, shown

COMMANDS = DOCS / "command-line.md"
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def is_told(name: str, text: str) -> bool:
    """Say whether a name stands in a text as a word of its own."""
    return re.search(rf"(?<![\w]){re.escape(name)}(?![\w])", text) is not None


def exceptions() -> list[str]:
    defined = vars(headrace.exceptions).items()
    return [name for name, value in defined if inspect.isclass(value) and issubclass(value, BaseException)]


@pytest.mark.parametrize(
    "names",
    [
        pytest.param([name for name in headrace.__all__ if not name.startswith("__")], id="headrace"),
        pytest.param(headrace.states.__all__, id="headrace.states"),
        pytest.param(exceptions(), id="headrace.exceptions"),
        pytest.param(headrace.testing.__all__, id="headrace.testing"),
        pytest.param(pytest_headrace.strategies.__all__, id="pytest_headrace.strategies"),
        pytest.param(pytest_headrace.machines.__all__, id="pytest_headrace.machines"),
    ],
)
def test_every_public_name_is_mentioned(names: list[str]) -> None:
    """Whoever finds a name in an editor finds it in the pages."""
    text = everything()
    assert [name for name in names if not is_told(name, text)] == []


@pytest.mark.parametrize(("page", "decorator"), [("flows.md", headrace.Flow), ("tasks.md", headrace.Task)])
def test_every_argument_of_a_decorator_is_on_its_page(page: str, decorator: type) -> None:
    """`@flow` and `@task` take what their pages say."""
    arguments = [name for name in inspect.signature(decorator).parameters if name != "fn"]
    assert [name for name in arguments if not is_told(name, shown(DOCS / page))] == []


def test_the_list_of_settings_is_what_the_table_gives() -> None:
    """After a change of the table, `python docs/write_settings.py` is to be run."""
    page = write_settings.FILE.read_text(encoding="utf-8")
    assert page == write_settings.with_list(page)


def test_every_setting_is_listed_with_its_description() -> None:
    """No setting is missing from the page."""
    listed = dict(re.findall(r"^\| `(HEADRACE_\w+)` \| [^|]+ \| (.+) \|$", prose(DOCS / "settings.md"), re.MULTILINE))
    assert listed == {setting.name: setting.description for setting in SETTINGS}


def commands() -> Iterator[tuple[str, list[str]]]:
    """Yield each command with the names of its options."""

    def below(command: object, path: str) -> Iterator[tuple[str, list[str]]]:
        children = getattr(command, "commands", None)
        if children is None:
            options = [param.opts + param.secondary_opts for param in command.params]  # type: ignore[attr-defined]
            yield path, [name for names in options for name in names if name.startswith("--")]
        else:
            for name, child in children.items():
                yield from below(child, f"{path} {name}")

    yield from below(typer.main.get_command(app), "headrace")


def test_every_command_has_a_section_and_no_section_is_without_a_command() -> None:
    """The page is the list of commands."""
    told = [heading for heading in headings(COMMANDS) if heading.startswith("headrace ")]
    assert sorted(told) == sorted(path for path, _ in commands())


@pytest.mark.parametrize(("path", "options"), [pytest.param(*command, id=command[0]) for command in commands()])
def test_every_option_is_told_in_the_section_of_its_command(path: str, options: list[str]) -> None:
    """Options are on the page as they are in the help; `--help` goes without saying."""
    text = section(COMMANDS, path)
    assert [name for name in options if name != "--help" and not is_told(name, text)] == []


def json_forms() -> dict[str, object]:
    ids = UUID(int=1)
    flow_run = FlowRun(id=ids, name="a", created=NOW, flow_name="f", flow_id=ids)
    task_run = TaskRun(id=ids, name="a", created=NOW, task_name="t", task_key="t-1", flow_run_id=ids)
    return {
        "flow run": as_json.run(flow_run),
        "task run": as_json.run(task_run),
        "state": as_json.state(headrace.states.Completed()),
        "line of a log": as_json.log(LogRecord(NOW, 20, "m", "l")),
        "limit": as_json.limit(ConcurrencyLimit(name="n", limit=1)),
        "lease": as_json.lease(Lease(ids, "n", 1, "me", None, NOW, NOW)),
        "flow": as_json.flow(SeenFlow(ids, "f", NOW), 1, flow_run),
        "artifact": as_json.artifact(ArtifactRecord(id=ids, created=NOW, updated=NOW)),
        "variable": as_json.variable(VariableRecord(id=ids, created=NOW, updated=NOW, name="x")),
    }


@pytest.mark.parametrize("form", sorted(json_forms()))
def test_every_field_of_what_is_printed_as_json_is_told(form: str) -> None:
    """What programs read is a promise, and so it is written down."""
    value = json.loads(json.dumps(json_forms()[form]))
    text = section(COMMANDS, "JSON")
    assert [field for field in value if not is_told(f"`{field}`", text)] == []


def test_every_fixture_option_and_marker_of_the_plugin_is_told() -> None:
    """The plugin does nothing that the page on testing does not tell."""
    given = re.findall(r"@pytest\.fixture\S*\ndef (\w+)", inspect.getsource(fixtures))
    flags = [option.flag for option in options.OPTIONS]
    marks = [f"@pytest.mark.{name}" for name in markers.MARKERS]
    assert len(given) > 3
    page = shown(DOCS / "testing.md")
    assert [name for name in [*given, *flags, *marks] if not is_told(name, page)] == []


def test_every_method_of_a_client_is_told() -> None:
    """What code may ask of the store is listed."""
    methods = [name for name in vars(SyncHeadraceClient) if not name.startswith("_")]
    page = shown(DOCS / "flows.md")
    assert methods
    assert [name for name in methods if not is_told(name, page)] == []


def test_what_differs_from_prefect_is_numbered_and_complete() -> None:
    """The contract marks seventeen places; the list has as many, each with a name of its own."""
    items = re.findall(
        r"^(\d+)\. \*\*(.+?)\*\*", section(DOCS / "moving-from-prefect.md", "What behaves differently"), re.M
    )
    assert [int(number) for number, _ in items] == list(range(1, 18))
    assert len({name for _, name in items}) == 17


def test_words_of_the_glossary_are_in_order_and_told_once() -> None:
    """One word for one thing: no word twice, and none is what another is not called."""
    rows = re.findall(r"^\| ([\w, -]+?) \| [^|]+ \| ([^|]*?) ?\|$", prose(DOCS / "glossary.md"), re.MULTILINE)[1:]
    words = [word for word, _ in rows if word != "---"]
    assert words == sorted(words)
    refused = {other.strip() for _, others in rows for other in others.split(",") if other.strip()}
    assert not refused & set(words)


def test_files_that_the_list_of_shortcomings_names_exist() -> None:
    """An entry about a file that is gone is to go too."""
    named = re.findall(r"`((?:src|docs)/[\w/]+\.py)`", prose(DOCS / "violations.md"))
    assert named
    assert [name for name in named if not (DOCS.parent / name).exists()] == []

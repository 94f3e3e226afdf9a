"""Running what the docs show, so that no page says what is not so.

Each page is one test, because its blocks build on each other. It lives in a world of its own: an empty store in
memory, a clock that jumps over every wait, an empty folder that is its home and its working directory.

* A block of `python` is run; one that begins with ``>>>`` must also print what it says.
* One whose first line is a file name, ``# flows.py``, is written to that file too. A file of tests is only written.
* In a block of `console` each line that begins with ``$`` is run by a shell in that folder, with real time and a
  store in a file, and must print what follows; ``...`` stands for anything. Names that are drawn, ids, times,
  lengths of bars and of gaps may differ.

What can't be run is preceded by the comment ``<!-- skip: next -->``, which readers do not see.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, chdir
from doctest import ELLIPSIS, OutputChecker
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from sybil import Document, Example
from sybil.evaluators.doctest import DocTestEvaluator
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.abstract.doctest import DocTestStringParser
from sybil.parsers.markdown import CodeBlockParser, SkipParser

from headrace.clock.virtual import VirtualClock
from headrace.drive.world import World, use_world
from headrace.settings import refresh_settings
from headrace.store.memory import MemoryStore
from headrace.testing.virtual import virtual_time

_FILE = re.compile(r"# ([~.\w/]+\.(?:py|toml))\n")
_PROMPT = re.compile(r"^\$ ", re.MULTILINE)
#: What differs from run to run, and what is compared in its place.
_VARIES = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}[0-9a-f-]*"), "<id>"),
    (re.compile(r"\b\d\d:\d\d:\d\d(\.\d+)?"), "<time>"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT<time>Z?"), "<time>"),
    (re.compile(r"\b\d[\d.]* m?s\b"), "<duration>"),
    (re.compile(r"-[0-9a-f]{3}\b"), "-<hex>"),
    (re.compile(r"\b[a-z]+-[a-z]+\b…?"), "<slug>"),
    (re.compile(r"[█▓╌─][█▓╌─ ]*(?=$|\n|<duration>)"), "<bar>"),
    (re.compile(r"[ \t]+"), " "),
)
_COMMAND_SECONDS = 60
settings.register_profile("pages", max_examples=20, deadline=None, database=None)  # shown to run; tested elsewhere


def run_python(example: Example) -> str | None:
    """Run a block of Python, in the namespace of its page; write it to the file that it names."""
    source: str = example.parsed
    if source.lstrip().startswith(">>>"):
        return _run_session(example, source)
    named = write_file(example, source)
    if named is None or not named.startswith("test_"):
        PythonEvaluator()(example)
    return None


def _run_session(example: Example, source: str) -> str | None:
    evaluator = DocTestEvaluator(ELLIPSIS)
    for region in DocTestStringParser(evaluator)(source, example.path):
        region_example = Example(example.document, example.line, example.column, region, example.namespace)
        wrong = evaluator(region_example)
        if wrong:
            return wrong
    return None


def write_file(example: Example, source: str | None = None) -> str | None:
    """Write a block whose first line is a comment with a file name to that file; return the name, or None."""
    text: str = example.parsed if source is None else source
    named = _FILE.match(text)
    if named is None:
        return None
    path = Path(named[1].replace("~/.headrace", "home"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path.name


def run_toml(example: Example) -> None:
    """Write a block of TOML to the file that it names."""
    assert write_file(example) is not None, "a block of TOML begins with the name of its file: # pyproject.toml"


def run_console(example: Example) -> str | None:
    """Run the commands of a session, and compare what they print; return what differs."""
    checker = OutputChecker()
    before, *steps = _PROMPT.split(example.parsed)
    assert not before.strip(), "a session begins with a prompt"
    for step in steps:
        command, _, wanted = step.partition("\n")
        while command.endswith("\\"):
            more, _, wanted = wanted.partition("\n")
            command = f"{command[:-1]}{more.strip()}"
        ended = subprocess.run(
            ["sh", "-c", f"exec 2>&1\n{command}"],
            stdout=subprocess.PIPE,
            text=True,
            timeout=_COMMAND_SECONDS,
            env=_environment(),
        )
        got = _tidy(ended.stdout)
        if not checker.check_output(_tidy(wanted), got, ELLIPSIS):
            return f"$ {command}\nwas to print:\n{_tidy(wanted)}\nbut printed (exit status {ended.returncode}):\n{got}"
    return None


def _tidy(text: str) -> str:
    for pattern, instead in _VARIES:
        text = pattern.sub(instead, text)
    lines = [line.strip() for line in text.strip().splitlines()]
    return "\n".join(lines) + "\n" if lines else ""


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HEADRACE_", "PYTEST_", "COV_"))}
    commands = str(Path(sys.executable).parent)
    home = str(Path("home").absolute())
    return kept | {
        "CI": "true",  # Hypothesis then times nothing: a busy machine is no reason for a page to fail
        "HEADRACE_HOME": home,
        "NO_COLOR": "1",
        "PATH": f"{commands}:{kept.get('PATH', '')}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONWARNINGS": "ignore::DeprecationWarning",  # pytest-asyncio warns of its own defaults
        "TZ": "UTC",
    }


PARSERS = (
    SkipParser(),
    CodeBlockParser("python", run_python),
    CodeBlockParser("toml", run_toml),
    CodeBlockParser("console", run_console),
)


class Page(pytest.File):
    """A page whose blocks are run."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the one test of the page."""
        yield PageTest.from_parent(self, name="blocks")


class PageTest(pytest.Item):
    """Run the blocks of a page in order; the first that does not do what the page says fails."""

    def runtest(self) -> None:
        """Run them in a world, a folder and a home of their own."""
        document = Document.parse(str(self.path), *PARSERS)
        factory: Any = self.config._tmp_path_factory  # type: ignore[attr-defined]
        folder: Path = factory.mktemp(self.path.stem)
        with ExitStack() as stack:
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            stack.callback(refresh_settings)
            stack.callback(settings.load_profile, settings.get_current_profile_name())
            settings.load_profile("pages")
            stack.enter_context(chdir(folder))
            for name in [name for name in os.environ if name.startswith("HEADRACE_")]:
                patch.delenv(name)
            patch.setenv("HEADRACE_HOME", str(folder / "home"))
            refresh_settings()
            clock = VirtualClock()
            world = World(MemoryStore(), clock=clock, seed=0)
            document.namespace["world"] = stack.enter_context(use_world(world, everywhere=True))
            stack.enter_context(virtual_time(world, clock))
            for example in document:
                example.evaluate()

    def reportinfo(self) -> tuple[Path, int, str]:
        """Name the page."""
        return self.path, 0, f"the blocks of {self.path.name}"


def pages(*names: str) -> Callable[[Path, pytest.Collector], Page | None]:
    """Return the hook that collects Markdown files, all or those of these names."""

    def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Page | None:
        if file_path.suffix == ".md" and (not names or file_path.name in names):
            return Page.from_parent(parent, path=file_path)
        return None

    return pytest_collect_file

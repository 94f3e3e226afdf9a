"""Blocks on a page that do not do what the page says fail its test."""

from __future__ import annotations

from pathlib import Path

import pytest

from .reading import DOCS

CONFTEST = f"""
import sys

sys.path.append({str(DOCS)!r})
from blocks import pages

pytest_collect_file = pages()
"""


def outcome(pytester: pytest.Pytester, page: str) -> str:
    """Run a page's blocks; return what pytest prints."""
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    pytester.makeconftest(CONFTEST)
    Path("page.md").write_text(page.replace("~~~", "```"))
    return str(pytester.runpytest_inprocess("page.md").stdout)


@pytest.mark.parametrize(
    "page",
    [
        pytest.param("~~~python\n>>> 1 + 1\n3\n~~~", id="session"),
        pytest.param("~~~python\nassert False\n~~~", id="python"),
        pytest.param("<!--- invisible-code-block: python\nassert False\n-->", id="invisible"),
        pytest.param("~~~console\n$ echo one\ntwo\n~~~", id="console"),
        pytest.param("~~~console\n$ echo one\none\n$ echo two\n~~~", id="second command"),
    ],
)
def test_a_block_that_does_something_else_fails(pytester: pytest.Pytester, page: str) -> None:
    """Each kind of block is really run and compared."""
    assert "1 failed" in outcome(pytester, page)


@pytest.mark.parametrize(
    "page",
    [
        pytest.param("~~~python\nx = 1\n~~~\n\n~~~python\n>>> x\n1\n~~~", id="blocks build on each other"),
        pytest.param("~~~python\n# a.py\nprint(7)\n~~~\n\n~~~console\n$ python a.py\n7\n~~~", id="file"),
        pytest.param("~~~console\n$ echo took 3 ms, 12:00:00\ntook 5.1 ms, 13:01:02\n~~~", id="durations and times"),
        pytest.param("~~~console\n$ echo one two\none ...\n~~~", id="ellipsis"),
        pytest.param("<!--- skip: next -->\n~~~python\nassert False\n~~~", id="skipped"),
    ],
)
def test_a_block_that_does_what_it_says_passes(pytester: pytest.Pytester, page: str) -> None:
    """What varies from run to run is not compared."""
    assert "1 passed" in outcome(pytester, page)


def test_a_page_has_a_store_of_its_own_and_waits_for_nothing(pytester: pytest.Pytester) -> None:
    """An hour passes at once, and is not seen outside."""
    code = "import time\ntime.sleep(3600)\nassert world.clock == 3600\nassert not world.store.flow_runs()"
    assert "1 passed" in outcome(pytester, f"~~~python\n{code}\n~~~")

"""What a failing test's traceback shows: the lines of users, and ours only where something of ours broke."""

from __future__ import annotations

import pytest

FAILING = """
from headrace import flow, task

@task
def parse(text):
    return int(text)

@flow
def ingest(text):
    return parse(text)

def test_ingest():
    assert ingest("four") == 4

def test_a_chain():
    try:
        ingest("four")
    except ValueError as error:
        raise LookupError("no number") from error
"""

BROKEN = """
import headrace.flows
from headrace import flow

@flow
def ingest():
    return 4

def test_ingest(monkeypatch):
    monkeypatch.setattr(headrace.flows, "plain_result", None)
    assert ingest() == 4
"""


def test_frames_of_the_engine_between_those_of_users_are_left_out(project: pytest.Pytester) -> None:
    """In causes too."""
    project.makepyfile(test_it=FAILING)
    shown = project.runpytest("-q", "--show-capture=no")
    shown.assert_outcomes(failed=2)
    shown.stdout.fnmatch_lines(["test_it.py:12: *", "test_it.py:9: in ingest", "test_it.py:5: ValueError"])
    shown.stdout.no_fnmatch_line("*calling.py*")


def test_a_full_trace_shows_them(project: pytest.Pytester) -> None:
    """As pytest's own option says."""
    project.makepyfile(test_it=FAILING)
    project.runpytest("-q", "--full-trace", "-k", "ingest").stdout.fnmatch_lines(["*calling.py*"])


def test_they_stay_where_something_of_ours_broke(project: pytest.Pytester) -> None:
    """Else nobody would find out what."""
    project.makepyfile(test_it=BROKEN)
    shown = project.runpytest("-q")
    shown.assert_outcomes(failed=1)
    shown.stdout.fnmatch_lines(["*flows.py:*: TypeError"])

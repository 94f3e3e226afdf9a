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


def test_what_a_stub_or_a_fault_was_told_to_raise_is_no_fault_of_ours(project: pytest.Pytester) -> None:
    """The lines that the error came through are shown, and neither those between nor where it was raised."""
    project.makepyfile(
        test_it="""
        import pytest
        from headrace import flow, task

        @task
        def parse(text):
            return int(text)

        @flow
        def ingest(text):
            return parse(text)

        def test_stubbed(simulation):
            simulation.stub(parse, LookupError("no number"))
            ingest("4")

        def test_faulty(simulation):
            simulation.fail(parse, LookupError("no number"))
            ingest("4")

        def test_a_store_that_fails(simulation):
            simulation.store_fails(error=LookupError("no number"))
            ingest("4")
        """
    )
    shown = project.runpytest("-q")
    shown.assert_outcomes(failed=3)
    shown.stdout.fnmatch_lines(["test_it.py:14: *", "*test_it.py:10: LookupError", "test_it.py:18: *", "*LookupError"])
    for file in ("calling", "playing", "outcomes", "stores"):
        shown.stdout.no_fnmatch_line(f"*{file}.py*")


def test_a_stub_that_was_never_called_is_told_without_a_traceback(project: pytest.Pytester) -> None:
    """No line of the test raised it, and ours explain nothing."""
    project.makepyfile(
        """
        from headrace import task

        @task
        def parse(text):
            return int(text)

        def test_it(simulation):
            simulation.stub(parse, 4)
        """
    )
    shown = project.runpytest("-q")
    shown.assert_outcomes(failed=1)
    shown.stdout.fnmatch_lines(["*test_it*", "*The stub of the task 'parse' was never called. Nothing ran. *"])
    shown.stdout.no_fnmatch_line("*All traceback entries are hidden*")
    shown.stdout.no_fnmatch_line("*plugin.py*")
    shown.stdout.no_fnmatch_line("*check_stubs*")


def test_what_differs_between_runners_is_told_without_our_lines(project: pytest.Pytester) -> None:
    """Each line of it marked as that of an error."""
    project.makepyfile(
        """
        import pytest
        from headrace import flow

        calls = []

        @flow
        def count():
            calls.append(1)
            return len(calls)

        @pytest.mark.every_runner("inline", "threads")
        def test_it():
            count()
        """
    )
    shown = project.runpytest("-q", "--show-capture=no")
    shown.assert_outcomes(failed=1)
    shown.stdout.fnmatch_lines(
        ["E   *RunnerDifference: On runner 'threads' *:", "E     ('-' inline, '+' threads)", "E       flow-1 count"]
    )
    for said in ("*All traceback entries are hidden*", "*every.py*", "*repeating.py*", "*plugin.py*"):
        shown.stdout.no_fnmatch_line(said)

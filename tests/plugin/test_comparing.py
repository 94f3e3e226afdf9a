"""A failed comparison of states or delays explains itself."""

from __future__ import annotations

import pytest


def test_a_failed_comparison_shows_a_diff_and_the_timeline(project: pytest.Pytester) -> None:
    """What both have, what was expected, what happened, and when."""
    project.makepyfile(
        """
        from pipelines import ingest

        def test_states(runs, fake_clock):
            ingest()
            assert runs.task("fetch").states == ["Pending", "Running", "Completed"]
        """
    )
    result = project.runpytest_inprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E *states of task run 'fetch-a' == [[]'Pending', 'Running', 'Completed'[]]",
            "E *'Pending', 'Running'",
            "E *+ 'AwaitingRetry', 'Retrying', 'AwaitingRetry', 'Retrying'",
            "E *'Completed'",
            "E *run *state *attempts *start *took *30 s",
            "E *fetch-a *Completed *3 *0 s *30 s *",
        ]
    )
    result.stdout.no_fnmatch_line("*Full output truncated*")


@pytest.mark.parametrize("comparison", ["run.retry_delays == [10, 30]", "[10, 30] == run.retry_delays"])
def test_delays_are_explained_on_either_side(project: pytest.Pytester, comparison: str) -> None:
    """Whichever way round it was written, '-' is what was expected."""
    project.makepyfile(
        f"""
        from pipelines import ingest

        def test_delays(runs, fake_clock):
            ingest()
            run = runs.task("fetch")
            assert {comparison}
        """
    )
    result = project.runpytest_inprocess()
    result.stdout.fnmatch_lines(["E *retry_delays of task run 'fetch-a' == [[]10, 30[]]", "E *- 30", "E *+ 20"])


def test_histories_that_differ_show_what_differs(project: pytest.Pytester) -> None:
    """By run, and nothing of what they have in common."""
    project.makepyfile(
        """
        from pipelines import ingest

        def test_histories(runs, fake_clock):
            ingest()
            ingest(failures=1)
            first, second = (run.history.normalised() for run in runs.flows())
            assert second == first
        """
    )
    result = project.runpytest_inprocess("-vv")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E *histories differ ('-' is the right one, '+' the left one)",
            "E *flow-1 ingest",
            "E *- Completed at 30.0",
            "E *+ Completed at 10.0",
            "E *task-1.1 fetch-a",
            "E *'Pending', 'Running', 'AwaitingRetry', 'Retrying'",
            "E *- 'AwaitingRetry', 'Retrying'",
            "E *'Completed'",
            "E *- attempts 3",
            "E *+ attempts 2",
            "E *- retry_delays (10, 20)",
            "E *+ retry_delays (10,)",
        ]
    )


def test_histories_that_were_kept_are_explained_too(project: pytest.Pytester) -> None:
    """Where nothing but `History` has been imported of headrace."""
    project.makepyfile(
        """
        from headrace.testing import History

        def test_histories():
            state = '{"name": "Pending", "type": "PENDING", "at": 0.0, "message": null, "cause": "called"}'
            run = (
                '{"id": "task-1", "kind": "task", "name": "load", "drawn": false, "definition": "load",'
                '"parent": null, "upstream": [], "parameters": {}, "tags": [], "attempts": 1,'
                '"retry_delays": [], "states": [%s], "logs": []}' % state
            )
            assert History.from_json('{"runs": [%s]}' % run) == History()
        """
    )
    result = project.runpytest_subprocess()
    result.stdout.fnmatch_lines(["E *histories differ*", "E *+ task-1 load: Pending"])


def test_a_pattern_that_does_not_fit_says_how_far_it_came(project: pytest.Pytester) -> None:
    """A plain assert is enough; the runs are shown below."""
    project.makepyfile(
        """
        from pipelines import ingest

        def test_states(runs, fake_clock):
            ingest(failures=1)
            assert runs.task("fetch").states.match("Pending Running (AwaitingRetry Retrying){2} Completed")
        """
    )
    result = project.runpytest_inprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E *<no match: matched 'Pending Running AwaitingRetry Retrying', then found 'Completed' where "
            "'AwaitingRetry' could come>",
            "  fetch-a *Completed *2 *10 s*",
        ]
    )


def test_a_run_that_is_not_there_is_reported_where_it_is_looked_for(project: pytest.Pytester) -> None:
    """The traceback ends in the test's own line, not in ours."""
    project.makepyfile(
        """
        from pipelines import greet

        def test_missing(runs):
            greet()
            assert runs.flow("great").states == []
        """
    )
    result = project.runpytest_inprocess()
    result.stdout.fnmatch_lines(["E *AssertionError: No flow run fits 'great'. Did you mean one of these[?]"])
    result.stdout.fnmatch_lines(["test_a_run_*.py:5: AssertionError"])
    result.stdout.no_fnmatch_line("*headrace/testing/runs.py*")


def test_other_comparisons_are_pytests_own(project: pytest.Pytester) -> None:
    """Plain lists, and other operators, are explained as ever."""
    project.makepyfile(
        """
        from pipelines import greet

        def test_lists(runs):
            greet()
            assert [1] == [2]

        def test_operators(runs):
            greet()
            assert runs.flow().states != ["Pending", "Running", "Completed"]
        """
    )
    result = project.runpytest_inprocess()
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["E *At index 0 diff: 1 != 2"])


def test_a_failed_test_shows_its_runs_and_its_seed(project: pytest.Pytester) -> None:
    """Whatever it failed of: the section tells what ran, and how to see the same ids and names again."""
    project.makepyfile(
        """
        from pipelines import greet, ingest

        def test_fails(fake_clock):
            ingest()
            for _ in range(6):
                greet()
            raise LookupError
        """
    )
    result = project.runpytest_inprocess("--headrace-seed=17")
    result.stdout.fnmatch_lines(
        ["*--- headrace ---*", "seed 17: repeat with --headrace-seed=17", "  fetch-a *Completed*", "… and 2 more runs"]
    )


def test_a_failed_test_tells_the_stories_of_what_was_retried(project: pytest.Pytester) -> None:
    """State by state; what simply completed has none."""
    project.makepyfile(
        """
        from pipelines import ingest

        def test_fails(fake_clock):
            ingest(["a"], failures=1)
            raise LookupError
        """
    )
    result = project.runpytest_inprocess()
    result.stdout.fnmatch_lines(
        [
            "task run 'fetch-a'",
            "at * for * state * attempt * because",
            "0 s * 10 s * AwaitingRetry * raised ConnectionError('down'); retry 1 of 2 in 10 s",
            "10 s * 0 s * Retrying * 2 * retry 1 of 2",
            "10 s * Completed * returned",
        ]
    )
    result.stdout.no_fnmatch_line("flow run '*'")


def test_a_failed_assertion_is_reported_where_it_was_made(project: pytest.Pytester) -> None:
    """With the timeline and the story below, and nothing of how it was worked out."""
    project.makepyfile(
        """
        from pipelines import ingest
        from pytest_headrace import assert_retries

        def test_retries(runs, fake_clock):
            ingest(["a"], failures=1)
            assert_retries(runs.task("fetch-a"), 2)
        """
    )
    result = project.runpytest_inprocess()
    result.stdout.fnmatch_lines(
        [
            "E *AssertionError: task run 'fetch-a' was retried once, not twice.",
            "E *fetch-a *Completed *2 *0 s *10 s*",
            "E *10 s *Retrying *2 *retry 1 of 2",
            "test_a_failed_assertion_is_reported_where_it_was_made.py:6: AssertionError",
        ]
    )
    result.stdout.no_fnmatch_line("*testing/assertions.py*")


def test_a_store_that_the_test_closed_is_no_internal_error(project: pytest.Pytester) -> None:
    """The report says that there is nothing to show."""
    project.makepyfile(
        """
        from pipelines import greet

        def test_fails(run_store):
            greet()
            run_store.close()
            raise LookupError
        """
    )
    result = project.runpytest_inprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["Its runs can't be shown: *closed*"])

"""`@pytest.mark.every_runner`: a test inline, in threads, in processes and in event loops, with one history."""

from __future__ import annotations

import pytest

from headrace.testing.paths import PATHS
from pytest_headrace.markers import RUNNERS

FLOWS = """
    import os, time
    import pytest
    from headrace import flow, get_run_logger, task

    seen = []

    @task(retries=1, retry_delay_seconds=3600)
    def shaky(n):
        from headrace.runtime import task_run
        time.sleep(60)
        if task_run.run_count == 1:
            raise ConnectionError("down")
        return n

    @flow
    def steady():
        return shaky.map([1, 2]).result()

    @task(task_run_name="remember-{n}")
    def remember(n):
        seen.append(n)
        get_run_logger().info("seen %s", len(seen))

    @flow
    def forgetful():
        for n in (1, 2):
            remember.submit(n).wait()
        return len(seen)
"""


def with_flows(project: pytest.Pytester, tests: str) -> None:
    """Let a project have a file of flows with these tests."""
    import textwrap

    project.makepyfile(test_it=textwrap.dedent(FLOWS) + textwrap.dedent(tests))


def test_equal_histories_pass_and_each_call_has_fixtures_of_its_own(project: pytest.Pytester) -> None:
    """Other fixtures are shared. No hour is waited for, in no process."""
    with_flows(
        project,
        """
        calls = []

        @pytest.fixture
        def shared():
            return []

        @pytest.mark.every_runner
        def test_steady(simulation, runs, run_store, fake_clock, shared):
            shared.append(simulation)
            assert runs.all() == []
            assert steady() == [1, 2]
            assert len(runs.tasks("shaky")) == 2
            assert run_store is simulation.store and fake_clock is simulation.clock
            calls.append(simulation.elapsed)
            assert len(set(map(id, shared))) == len(calls)

        def test_called_four_times():
            assert calls == [2 * 3720, 3720, 3720, 3720]
        """,
    )
    project.runpytest_inprocess().assert_outcomes(passed=2)


def test_a_task_that_behaves_otherwise_in_a_process_is_found_and_shown(project: pytest.Pytester) -> None:
    """By what it has not done here."""
    with_flows(
        project,
        """
        @pytest.mark.every_runner
        def test_forgetful():
            seen.clear()
            forgetful()
        """,
    )
    result = project.runpytest_inprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E*RunnerDifference: On runner 'processes' the runs have another history than on 'inline':",
            "E*('-' inline, '+' processes)",
            "E*flow-1 forgetful",
            "E*- Completed cause returned 2",
            "E*+ Completed cause returned 0",
        ]
    )


def test_an_assertion_that_fails_on_one_runner_names_it(project: pytest.Pytester) -> None:
    """With pytest's own explanation of it, and the program that repeats it."""
    with_flows(
        project,
        """
        @pytest.mark.every_runner("threads", "processes")
        def test_forgetful():
            seen.clear()
            forgetful()
            assert seen == [1, 2]
        """,
    )
    result = project.runpytest_inprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E*assert [[]] == [[]1, 2]",
            "E*This was on runner 'processes'; the test has passed on 'threads'.",
            "*with simulate(start='2026-01-01T00:00:00Z', seed=0, schedule=None, runner='processes') as simulation:",
        ]
    )


@pytest.mark.parametrize(("mode", "mark"), [("strict", "@pytest.mark.asyncio"), ("strict", ""), ("auto", "")])
def test_async_tests_run_on_all_of_them(project: pytest.Pytester, mode: str, mark: str) -> None:
    """In strict and in auto mode of pytest-asyncio, with its mark and without; methods too."""
    with_flows(
        project,
        f"""
        from pipelines import nap, rest
        calls = []

        @flow
        async def resting():
            await nap(60)
            return await nap.submit(60) or shaky.submit(1).result()

        {mark}
        @pytest.mark.every_runner
        async def test_rest(runs):
            await rest()
            assert await resting() == 1
            calls.append(len(runs.flows()))

        class TestRest:
            {mark}
            @pytest.mark.every_runner
            async def test_method(self, simulation):
                await rest()
                calls.append(simulation.elapsed)

        def test_calls():
            assert calls == [2, 2, 2, 2, 3600, 3600, 3600, 3600]
        """,
    )
    project.runpytest_inprocess("--asyncio-mode", mode).assert_outcomes(passed=3)


def test_seed_start_and_store_are_those_of_the_marker_or_the_session(project: pytest.Pytester) -> None:
    """On all runners the same."""
    with_flows(
        project,
        """
        found = []

        @pytest.mark.every_runner("inline", "async", seed=5, start="2030-05-01")
        def test_given(simulation):
            found.append((simulation.seed, simulation.now.year, type(simulation.store.inner).__name__))

        @pytest.mark.every_runner("inline", "async")
        def test_of_session(simulation):
            found.append((simulation.seed, simulation.now.year, type(simulation.store.inner).__name__))

        def test_found():
            assert found == [(5, 2030, "SqliteStore")] * 2 + [(9, 2026, "SqliteStore")] * 2
        """,
    )
    project.runpytest_inprocess("--headrace-seed=9", "--headrace-store=sqlite").assert_outcomes(passed=3)


def test_the_marker_of_a_simulation_names_a_runner_too(project: pytest.Pytester) -> None:
    """To have the test on that one alone."""
    with_flows(
        project,
        """
        @pytest.mark.simulate(runner="inline")
        def test_inline(simulation):
            assert steady() == [1, 2]
            assert simulation.elapsed == 2 * 3720
        """,
    )
    project.runpytest_inprocess().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        (
            'every_runner("thread")',
            "there is no runner 'thread': write 'inline', 'threads', 'processes' or 'async'",
        ),
        ('every_runner("async", "async")', "each runner is to be named once"),
        ('every_runner("async")', "has nothing to compare 'async' with"),
        ("every_runner(sed=3)", "got an unexpected keyword argument 'sed'"),
        ("every_runner(runner='inline')", "got an unexpected keyword argument 'runner'"),
        ("every_runner(seed='x')", "seed is a whole number, not 'x'"),
        ("simulate(runner='thread')", "there is no runner 'thread'"),
        ("every_runner\n@pytest.mark.explore", "and @pytest.mark.every_runner do not go together"),
        ("every_runner\n@given(st.integers())", "can't compare what Hypothesis draws anew"),
    ],
)
def test_a_wrong_marker_is_refused_before_any_test_runs(project: pytest.Pytester, mark: str, said: str) -> None:
    """And says what to write."""
    project.makepyfile(
        f"import pytest\nfrom hypothesis import given, strategies as st\n@pytest.mark.{mark}\ndef test_it(n=0): pass\n"
    )
    result = project.runpytest_inprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*test_it: @pytest.mark.*{said}*".replace("[", "[[]")])


@pytest.mark.parametrize("mark", ["every_runner", "explore"])
def test_test_cases_of_unittest_are_told_to_call_the_function(project: pytest.Pytester, mark: str) -> None:
    """pytest does not call their methods itself, so the marker would do nothing."""
    project.makepyfile(
        f"""
        import pytest, unittest

        class Test(unittest.TestCase):
            @pytest.mark.{mark}
            def test_it(self): pass
        """
    )
    result = project.runpytest_inprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*: @pytest.mark.{mark} is for test functions*: call headrace.testing.*"])


def test_the_marker_knows_the_runners_that_there_are() -> None:
    """It is checked where headrace may not be imported yet."""
    assert tuple(PATHS) == RUNNERS

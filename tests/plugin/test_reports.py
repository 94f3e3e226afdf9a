"""The report of a failed test shows what it ran, and how to run it again."""

from __future__ import annotations

import pytest


def report(project: pytest.Pytester, source: str, *args: str) -> pytest.RunResult:
    """Run one test file in which something fails."""
    project.makepyfile(test_it=source)
    return project.runpytest_inprocess(*args)


def test_faults_slot_waits_and_the_log_are_told(project: pytest.Pytester) -> None:
    """With virtual time: what was done to which attempt, who waited for what, and the last lines of what failed."""
    result = report(
        project,
        """
        import time
        from headrace import flow, task
        from headrace.concurrency.sync import concurrency
        from headrace.store.protocol import ConcurrencyLimit
        from pipelines import fetch, ingest

        @task(task_run_name="save-{n}")
        def save(n):
            with concurrency("db"):
                time.sleep(5)

        @flow
        def store():
            save.map([1, 2]).wait()

        def test_fails(simulation):
            simulation.store.put_limit(ConcurrencyLimit(name="db", limit=1))
            simulation.fail(fetch, ConnectionError("gone"), attempts=None)
            simulation.slow(fetch, 4, attempts=1)
            store()
            ingest(["a"])
        """,
    )
    result.stdout.fnmatch_lines(
        [
            "simulation from 2026-01-01T00:00:00Z (seed 0): 44 s of virtual time, * of real time",
            "  fetch-a *Failed *3*",
            "task run 'fetch-a'",
            "waits for slots",
            "0 s *5 s *save-2 *db",
            "what stubs and faults did",
            "10 s *fetch-a *1 *4 s slower",
            "10 s *fetch-a *1 *let fail: raises ConnectionError('gone')",
            "24 s *fetch-a *2 *let fail: raises ConnectionError('gone')",
            "log of the runs that did not complete",
            "14 s *WARNING *fetch-a *Task run failed with exception: ConnectionError('gone') - Retry 1/2 *",
            "44 s *ERROR *fetch-a *Finished in state Failed(*",
        ]
    )
    result.stdout.no_fnmatch_line("* INFO * save-1 *")


def test_a_long_log_is_told_from_its_end(project: pytest.Pytester) -> None:
    """Where all runs completed, the log is that of all."""
    result = report(
        project,
        """
        from pipelines import ingest

        def test_fails(simulation):
            ingest(list(map(str, range(20))), failures=0)
            assert simulation.elapsed == 1
        """,
    )
    result.stdout.fnmatch_lines(["log of all runs, the last 10 of 42", "0 s *INFO *Finished in state Completed()"])


def test_the_test_and_its_simulation_can_be_repeated(project: pytest.Pytester) -> None:
    """The command names the test, its seed and store; the program calls the test, and fails as it did."""
    result = report(
        project,
        """
        import pytest
        from headrace.testing import seed
        from pipelines import ingest

        @pytest.mark.simulate(start="2030-05-01T12:00:00Z", schedule=seed(5))
        def test_fails(runs, simulation):
            ingest(["a"])
            assert runs.task("fetch-a").retry_delays == [10]
        """,
        "--headrace-seed=17",
        "--headrace-store=sqlite",
    )
    lines = [line.removeprefix("    ") for line in result.outlines]
    assert "pytest test_it.py::test_fails --headrace-seed=17 --headrace-store=sqlite" in lines
    begin = lines.index("from headrace.testing import seed, simulate")
    program = lines[begin : begin + 5]
    assert program[3:] == [
        "with simulate(start='2030-05-01T12:00:00Z', seed=17, schedule=seed(5), store='sqlite') as simulation:",
        "    test_fails(runs=simulation.runs, simulation=simulation)",
    ]
    with pytest.raises(AssertionError):
        exec("\n".join(program), {})


@pytest.mark.parametrize(
    ("signature", "call"),
    [
        ("async def test_fails(simulation)", "asyncio.run(test_fails(simulation=simulation))"),
        ("def test_fails(simulation, tmp_path)", "...  # what the test does"),
        (
            "@pytest.mark.parametrize('page', ['a'])\n        def test_fails(page, runs, simulation)",
            "test_fails(page='a', runs=simulation.runs, simulation=simulation)",
        ),
        (
            "@pytest.mark.parametrize('page', [object])\n        def test_fails(page, simulation)",
            "...  # what the test does",
        ),
        (
            "@pytest.fixture(autouse=True)\n        def ready(): pass\n\n        def test_fails(simulation)",
            "...  # what the test does",
        ),
        (
            "def setup_function(function): pass\n\n        def test_fails(simulation)",
            "...  # what the test does",
        ),
        (
            "@pytest.mark.explore(3)\n        def test_fails(runs)",
            "test_fails(runs=simulation.runs)",
        ),
        (
            "@pytest.mark.every_runner\n        def test_fails(run_store)",
            "test_fails(run_store=simulation.store)",
        ),
    ],
)
def test_a_program_calls_what_it_can(project: pytest.Pytester, signature: str, call: str) -> None:
    """Async tests in a loop; those that need other fixtures have to be filled in."""
    result = report(
        project,
        f"""
        import pytest

        @pytest.mark.asyncio
        {signature}:
            from pipelines import greet
            greet()
            raise LookupError
        """.replace("@pytest.mark.asyncio\n        def", "def").replace("@pytest.mark.asyncio\n        @", "@"),
    )
    result.stdout.fnmatch_lines([f"        {call}".replace("[", "[[]")])


def test_a_method_is_called_of_an_object_of_its_class(project: pytest.Pytester) -> None:
    """Which pytest makes without arguments, too."""
    result = report(
        project,
        """
        from pipelines import greet

        class TestGreeting:
            def test_fails(self, simulation):
                greet()
                raise LookupError
        """,
    )
    result.stdout.fnmatch_lines(
        ["    from test_it import TestGreeting", "        TestGreeting().test_fails(simulation=simulation)"]
    )


def test_a_simulation_that_ended_with_the_error_is_shown(project: pytest.Pytester) -> None:
    """Of several that one alone, though its store is gone."""
    result = report(
        project,
        """
        from headrace.testing import simulate
        from pipelines import greet, ingest

        def test_fails():
            with simulate():
                greet()
            with simulate(seed=4, store="sqlite") as simulation:
                ingest(["a"])
                assert simulation.elapsed == 1
        """,
    )
    result.stdout.fnmatch_lines(["simulation * (seed 4, store sqlite): 30 s *", "  fetch-a *Completed *3*"])
    result.stdout.fnmatch_lines(
        ["    with simulate(start='2026-01-01T00:00:00Z', seed=4, schedule=None, store='sqlite') as simulation:"]
    )
    result.stdout.no_fnmatch_line("simulation * (seed 0)*")


def test_where_the_test_failed_after_its_simulations_the_last_are_shown(project: pytest.Pytester) -> None:
    """Two of them: they may have been compared."""
    result = report(
        project,
        """
        from headrace.testing import simulate
        from pipelines import greet

        def test_fails():
            for n in range(4):
                with simulate(seed=n):
                    greet()
            raise LookupError
        """,
    )
    assert [line[:50] for line in result.outlines if line.startswith("simulation")] == [
        f"simulation from 2026-01-01T00:00:00Z (seed {n}): 0 s" for n in (2, 3)
    ]


def test_an_explored_test_shows_the_schedule_it_fails_under(project: pytest.Pytester) -> None:
    """That of the smallest failure, not the last that was tried."""
    result = report(
        project,
        """
        import pytest
        from headrace import flow, task

        @pytest.mark.explore(schedules=50)
        def test_fails():
            seen = []

            @task(task_run_name="add-{n}")
            def add(n):
                seen.append(n)

            @flow
            def both():
                add.map([1, 2]).wait()

            both()
            assert seen == [1, 2]
        """,
    )
    told = [line for line in result.outlines if line.startswith("simulation from")]
    assert len(told) == 1
    assert "schedule Hold('add-1', step=" in told[0]


def test_an_unused_stub_is_reported_with_what_ran(project: pytest.Pytester) -> None:
    """The test itself fails."""
    result = report(
        project,
        """
        from pipelines import fetch, greet

        def test_it(simulation):
            greet()
            simulation.stub(fetch, 1)
        """,
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*never called*", "simulation from *", "* Completed *"])


def test_simulations_of_one_test_are_not_shown_by_the_next(project: pytest.Pytester) -> None:
    """Each test has its own."""
    result = report(
        project,
        """
        from headrace.testing import simulate
        from pipelines import greet

        def test_passes():
            with simulate():
                greet()

        def test_fails():
            raise LookupError
        """,
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.no_fnmatch_line("simulation from*")

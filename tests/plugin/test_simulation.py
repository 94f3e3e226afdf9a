"""The plugin's sugar on `simulate` and `explore`."""

from __future__ import annotations

import pytest


def test_the_fixture_is_a_simulation_around_the_test(project: pytest.Pytester) -> None:
    """In whatever order fixtures are asked for; sync and async, class and function."""
    project.makepyfile(
        """
        import asyncio, time
        import pytest
        from datetime import UTC, datetime
        from pipelines import ingest, rest

        def test_sync(runs, run_store, fake_clock, simulation):
            assert ingest() == ["aa"]
            assert simulation.elapsed == fake_clock.elapsed == 30
            assert runs.task("fetch-a").retry_delays == [10, 20]
            assert len(run_store.flow_runs()) == 1

        @pytest.mark.asyncio
        async def test_async(runs, simulation):
            await rest(3600)
            assert simulation.elapsed == 3600
            assert runs.flow("rest").states == ["Pending", "Running", "Completed"]

        @pytest.mark.simulate(start="2030-01-01T00:00:00Z", seed=3)
        def test_marked():
            time.sleep(60)
            assert datetime.now(UTC) == datetime(2030, 1, 1, 0, 1, tzinfo=UTC)

        @pytest.mark.simulate(start="2030-01-01T00:00:00Z", seed=3)
        class TestAll:
            def test_it(self, simulation):
                assert simulation.seed == 3
                assert simulation.now.year == 2030

        @pytest.mark.headrace_store("sqlite")
        def test_in_a_file(run_store, simulation):
            assert ingest() == ["aa"]
            assert run_store.location.endswith(".db")

        @pytest.mark.headrace_store("sqlite")
        def test_in_a_file_without_a_simulation(run_store):
            ingest(failures=0)
            assert run_store.location.endswith(".db")
        """
    )
    project.runpytest_inprocess("--headrace-seed=5").assert_outcomes(passed=6)


def test_settings_are_changed_until_the_test_ends(project: pytest.Pytester) -> None:
    """By their names or those of their variables."""
    project.makepyfile(
        """
        from headrace.settings import current_settings

        def test_changed(headrace_settings):
            assert headrace_settings.tasks_default_retries == 0
            headrace_settings(tasks_default_retries=3)
            headrace_settings({"HEADRACE_LOGGING_LEVEL": "DEBUG"})
            assert current_settings().tasks_default_retries == 3
            assert headrace_settings.logging_level == "DEBUG"

        def test_as_before():
            assert current_settings().tasks_default_retries == 0
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=2)


RACE = """
    import pytest
    from headrace import flow, task, get_run_logger

    class Account:
        balance = 0

    @task(task_run_name="deposit-{amount}")
    def deposit(account, amount):
        before = account.balance
        get_run_logger().info("had %s", before)
        account.balance = before + amount

    @flow
    def deposits(account):
        for future in [deposit.submit(account, amount) for amount in (1, 2)]:
            future.result()
"""


def test_a_marked_test_is_run_under_many_schedules(project: pytest.Pytester) -> None:
    """The failure says which one, and how to repeat it."""
    project.makepyfile(
        RACE
        + """
    @pytest.mark.explore(schedules=50)
    def test_sums(runs, tmp_path):
        account = Account()
        deposits(account)
        assert len(runs.tasks()) == 2
        assert account.balance == 3

    @pytest.mark.explore
    def test_harmless(simulation):
        assert simulation.elapsed == 0

    @pytest.mark.asyncio
    @pytest.mark.explore(schedules=3)
    async def test_async(simulation):
        assert simulation.elapsed == 0
    """
    )
    result = project.runpytest_inprocess()
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*ScheduleFailure: fails only when `deposit-1` is held before its * step until *",
            "*simulate(seed=0, schedule=Hold(*",
        ]
    )


def test_of_many_tries_only_the_last_is_shown(project: pytest.Pytester) -> None:
    """And `caplog` is as empty at each as it was at the first."""
    project.makepyfile(
        RACE
        + """
    def sums(caplog):
        import logging

        assert not caplog.records
        logging.getLogger("mine").warning("once")
        account = Account()
        deposits(account)
        assert account.balance == 3

    @pytest.mark.explore(schedules=50)
    def test_sums(caplog):
        sums(caplog)

    def test_called(caplog):
        from headrace.testing import explore
        explore(lambda: sums(caplog), schedules=50)
    """
    )
    result = project.runpytest_inprocess()
    result.assert_outcomes(failed=2)
    assert str(result.stdout).count("WARNING  mine:") == 2

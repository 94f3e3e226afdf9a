"""A session tells which transitions no test has reached."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import pytest

SHOP = """
from headrace import flow, task
from headrace.cache_policies import INPUTS

calls = []

@task(retries=2, retry_delay_seconds=10, timeout_seconds=60)
def fetch(page="a"):
    return page

@task(cache_policy=INPUTS, on_failure=[lambda *args: calls.append("failure")])
def count(page):
    return len(page)

@task
def never():
    pass

@flow
def survey(page="a"):
    return count(fetch(page))

@flow
def idle():
    pass
"""
TESTS = """
import pytest
import shop

def test_outage(simulation):
    simulation.stub(shop.fetch, [ConnectionError(), "abc"])
    assert shop.survey() == 3

def test_no_end_of_outages(simulation):
    simulation.fail(shop.fetch, ConnectionError, attempts=None)
    with pytest.raises(ConnectionError):
        shop.survey()

def test_variant():
    assert shop.fetch.with_options(retries=0, name="other")("b") == "b"

@pytest.fixture(scope="module")
def surveyed():
    return shop.survey("cd")

def test_shared(surveyed):
    assert surveyed == 2
"""


@pytest.fixture
def shop(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project of which the tests reach a part."""
    monkeypatch.delitem(sys.modules, "shop", raising=False)  # that of an example
    (project.path / "pipelines.py").unlink()
    project.makepyfile(shop=SHOP, test_shop=TESTS)
    return project


def percents(result: pytest.RunResult) -> dict[str, str]:
    """Return the share of each flow, of each task and of the whole, as the table tells it."""
    rows = [re.search(r"^(total|\S+:\d+ +\w+ +(\S+)) .*?\d+/\d+ +([\d.]+%)", line) for line in result.stdout.lines]
    return {row[2] or row[1]: row[3] for row in rows if row is not None}


def report(project: pytest.Pytester) -> dict[str, Any]:
    """Return what was written for each flow and task."""
    written = json.loads((project.path / "report.json").read_text())
    return {entry["qualname"]: entry for entry in written["definitions"]}


def runs_along(entry: dict[str, Any]) -> dict[str, int]:
    """Return how many runs went along each arc."""
    return {arc["name"]: arc["runs"] for arc in entry["arcs"]}


def test_nothing_is_told_unless_it_is_asked_for(shop: pytest.Pytester) -> None:
    """Nor is anything measured, or anything of it imported."""
    shop.makepyfile(
        test_off="""
        import sys
        import shop

        def test_off():
            from headrace.drive.world import World
            from headrace.testing import isolation
            assert World.witness is None and isolation.last_looks == []
            shop.count("a")
            assert not [name for name in sys.modules if "testing.coverage" in name]
        """
    )
    result = shop.runpytest_subprocess()
    result.assert_outcomes(passed=5)
    result.stdout.no_fnmatch_line("*coverage*")


def test_a_table_tells_what_no_test_reaches(shop: pytest.Pytester) -> None:
    """In simulations, fixtures of any scope and plain tests; with variants, and with tasks that never ran."""
    result = shop.runpytest_inprocess("--headrace-coverage", "test_shop.py")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        [
            "*= headrace: state-transition coverage =*",
            "where *flow or task *covered *percent *no test reaches",
            "shop.py:6 *task fetch * 5/6 * 83.3% *time-out of 60 s never reached",
            "shop.py:10 *task count * 1/4 * 25% *never failed",
            " *never found in the cache",
            " *on_failure hook never fired",
            "shop.py:14 *task never * 0/2 * 0% *never run",
            "shop.py:18 *flow survey * 2/2 * 100%",
            "shop.py:22 *flow idle * 0/2 * 0% *never run",
            "total *2 flows, 3 tasks * 8/16 * 50%",
        ]
    )


@pytest.mark.parametrize(
    "flag", [["--headrace-coverage=on"], ["-o", "headrace_coverage=on"], ["-o", "headrace_coverage=True"]]
)
def test_it_may_be_asked_for_in_an_ini_file_too(shop: pytest.Pytester, flag: list[str]) -> None:
    """And the flag may say so in full."""
    result = shop.runpytest_inprocess(*flag, "-k", "variant")
    assert percents(result)["fetch"] == "16.6%"


def test_the_flag_wins_over_the_ini_file(shop: pytest.Pytester) -> None:
    """It may say no."""
    result = shop.runpytest_inprocess("-o", "headrace_coverage=on", "--headrace-coverage=off", "-k", "variant")
    result.stdout.no_fnmatch_line("*coverage*")


def test_workers_add_up(shop: pytest.Pytester) -> None:
    """pytest-xdist: one table, the same as without."""
    alone = shop.runpytest_inprocess("--headrace-coverage", "--headrace-coverage-json=report.json")
    expected = report(shop)
    spread = shop.runpytest_subprocess("-pxdist", "-n2", "--headrace-coverage", "--headrace-coverage-json=report.json")
    spread.assert_outcomes(passed=4)
    assert percents(spread) == percents(alone)
    assert spread.stdout.str().count("no test reaches") == 1
    assert report(shop) == expected


def test_a_worker_that_crashed_is_told_of(shop: pytest.Pytester) -> None:
    """What its tests reached is lost, and nobody is to wonder."""
    shop.makepyfile(test_crash="import os\ndef test_crash(): os._exit(1)")
    result = shop.runpytest_subprocess("-pxdist", "-n1", "--headrace-coverage")
    result.stdout.fnmatch_lines(["Worker gw0 crashed: what its tests reached is not counted."])


def test_too_little_fails_the_session(shop: pytest.Pytester) -> None:
    """The flag alone asks for coverage; a percentage that is reached changes nothing."""
    result = shop.runpytest_inprocess("--headrace-coverage-fail-under=50.1")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["FAIL Required state-transition coverage of 50.1% not reached: 50%"])
    result = shop.runpytest_inprocess("--headrace-coverage-fail-under=50")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["Required state-transition coverage of 50% reached: 50%"])


def test_too_little_fails_a_session_of_workers(shop: pytest.Pytester) -> None:
    """By the sum, not by what each has reached."""
    for percent, ends in ((50, pytest.ExitCode.OK), (51, pytest.ExitCode.TESTS_FAILED)):
        result = shop.runpytest_subprocess("-pxdist", "-n2", f"--headrace-coverage-fail-under={percent}")
        assert result.ret == ends


def test_a_percentage_in_the_ini_file_waits_for_coverage_to_be_asked_for(shop: pytest.Pytester) -> None:
    """Else no single test could be run without failing."""
    ini = ["-o", "headrace_coverage_fail_under=90", "-k", "variant"]
    assert shop.runpytest_inprocess(*ini).ret == pytest.ExitCode.OK
    assert shop.runpytest_inprocess(*ini, "--headrace-coverage").ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize("given", ["-1", "101", "most", "nan"])
def test_a_percentage_that_is_none_is_refused(shop: pytest.Pytester, given: str) -> None:
    """Before any test runs."""
    result = shop.runpytest_inprocess(f"--headrace-coverage-fail-under={given}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*--headrace-coverage-fail-under can't be '{given}': write a percentage*"])


def test_failing_tests_count_and_still_fail_the_session(shop: pytest.Pytester) -> None:
    """What a test reached before it failed is reached."""
    shop.makepyfile(test_shop="import shop\ndef test_it():\n    shop.survey()\n    assert False")
    result = shop.runpytest_inprocess("--headrace-coverage-fail-under=1")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert percents(result)["survey"] == "50%"


def test_reports_are_written(shop: pytest.Pytester) -> None:
    """Into folders that are not there yet, and said where."""
    result = shop.runpytest_inprocess("--headrace-coverage-json=out/c.json", "--headrace-coverage-html=out/c.html")
    result.stdout.fnmatch_lines(["JSON report: out/c.json", "HTML report: out/c.html"])
    assert json.loads((shop.path / "out/c.json").read_text())["totals"]["possible"] == 16
    assert "time-out of 60 s never reached" in (shop.path / "out/c.html").read_text()


def test_tasks_in_other_processes_count(shop: pytest.Pytester) -> None:
    """Their states are recorded here; so are those of tasks that they call, which nobody here saw being made."""
    shop.makepyfile(
        deep="""
        from headrace import flow, task
        from headrace.task_runners import ProcessPoolTaskRunner

        @task
        def inner():
            return 1

        @task
        def outer():
            return inner()

        @flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
        def far():
            return outer.submit().result()
        """,
        test_shop="import deep\ndef test_it(): assert deep.far() == 1",
    )
    result = shop.runpytest_subprocess("--headrace-coverage")
    assert percents(result) == dict.fromkeys(["inner", "outer", "far", "total"], "50%")


def test_a_time_out_that_was_tried_again_is_reached(shop: pytest.Pytester) -> None:
    """The state TimedOut is not recorded then."""
    shop.makepyfile(
        test_shop="""
        import shop

        def test_slow(simulation):
            simulation.slow(shop.fetch, 100, attempts={1})
            shop.survey()
        """
    )
    shop.runpytest_inprocess("--headrace-coverage-json=report.json")
    reached = runs_along(report(shop)["fetch"])
    assert reached["timed-out"] == reached["recovered"] == 1
    assert report(shop)["fetch"]["transitions"]["AwaitingRetry → Retrying"] == 1


def test_flows_of_one_name_are_told_apart(shop: pytest.Pytester) -> None:
    """Every module may have a `main`, with the same lines."""
    text = "from headrace import flow, task\n\n@task\ndef step(): pass\n\n@flow\ndef main(): step()\n"
    shop.makepyfile(one=text, two=text, test_shop="import one, two\ndef test_it(): one.main()")
    shop.runpytest_inprocess("--headrace-coverage-json=report.json")
    written = json.loads((shop.path / "report.json").read_text())["definitions"]
    assert {(entry["module"], entry["qualname"]): entry["runs"] for entry in written} == {
        **{("one", "step"): 1, ("one", "main"): 1},
        **{("two", "step"): 0, ("two", "main"): 0},
    }


def test_only_what_is_named_counts(shop: pytest.Pytester) -> None:
    """A file, a folder or a module; without it what tests define counts as well."""
    shop.makepyfile(
        test_shop="""
        import shop
        from headrace import task

        def test_it():
            @task
            def own(): pass
            own()
        """
    )
    assert "test_it.<locals>.own" in percents(shop.runpytest_inprocess("--headrace-coverage"))
    for source in ("shop", "shop.py"):
        result = shop.runpytest_inprocess("--headrace-coverage", f"--headrace-coverage-source={source}")
        assert set(percents(result)) == {"fetch", "count", "never", "survey", "idle", "total"}


def test_code_beside_the_tests_counts_without_an_ini_file(shop: pytest.Pytester) -> None:
    """pytest then takes the folder of the tests for its root."""
    (shop.path / "tox.ini").unlink()
    (shop.path / "tests").mkdir()
    (shop.path / "test_shop.py").rename(shop.path / "tests" / "test_shop.py")
    without_ini = ["-p", "no:hypothesispytest", "-o", "asyncio_default_fixture_loop_scope=function"]
    result = shop.runpytest_inprocess(*without_ini, "--headrace-coverage", "tests")
    assert percents(result)["total"] == "50%"


def test_a_session_without_flows_says_so(project: pytest.Pytester) -> None:
    """Also where headrace was never imported; nothing is less than any percentage."""
    project.makepyfile("def test_nothing(): pass")
    result = project.runpytest_subprocess("--headrace-coverage-fail-under=0")
    result.stdout.fnmatch_lines(["No flow or task of this project was imported."])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_simulation_that_crashes_counts_as_far_as_it_was_recorded(shop: pytest.Pytester) -> None:
    """And a store that fails does not take the report with it."""
    shop.makepyfile(
        test_shop="""
        import pytest, shop
        from headrace.exceptions import StoreError

        def test_crash(simulation):
            simulation.crash(at=("survey", "Completed"), before=True)
            with pytest.raises(BaseException):
                shop.survey()

        def test_store(simulation):
            simulation.store_fails(on="transition", nth=2)
            with pytest.raises(StoreError):
                shop.survey()

        def test_closed(run_store):
            shop.survey()
            run_store.close()
        """
    )
    result = shop.runpytest_inprocess("--headrace-coverage")
    assert percents(result)["fetch"] == "16.6%"
    assert percents(result)["survey"] == "50%"  # failed, but never completed as far as anybody knows
    result.stdout.fnmatch_lines(["1 store could not be read at the end of a test: what was in it is not counted."])


def test_listing_tests_measures_nothing(shop: pytest.Pytester) -> None:
    """There is nothing to tell of tests that were only collected."""
    result = shop.runpytest_inprocess("--headrace-coverage-fail-under=50", "--collect-only")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.no_fnmatch_line("*coverage*")

"""Traces are written where they are asked for, and found where one looks for them."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pytest_headrace.tracing import file_name

TESTS = """
    import pytest
    from pipelines import greet, ingest

    def test_plain():
        assert 1 == 1

    def test_passes(simulation):
        ingest(["a"])

    def test_fails(simulation):
        simulation.fail("fetch", ConnectionError("gone"), attempts=None)
        ingest(["a"])

    def test_fails_without_runs():
        raise LookupError
"""


def run(project: pytest.Pytester, *args: str, source: str = TESTS) -> pytest.RunResult:
    """Run one test file; that of a test named `test_x` is `test_it.py-test_x-….html`."""
    project.makepyfile(test_it=source)
    return project.runpytest_inprocess(*args)


def traces(project: pytest.Pytester, folder: str = "headrace-traces") -> list[str]:
    """Return the names of the tests that a trace was written of, a later attempt's with its number."""
    found = (path.name for path in (project.path / folder).glob("*"))
    return sorted(re.sub(r"test_it\.py-(\w+)-[0-9a-f]{8}(.*)\.html", r"\1\2", name) for name in found)


def page(project: pytest.Pytester, test: str) -> str:
    """Return the trace of a test."""
    (found,) = (project.path / "headrace-traces").glob(f"test_it.py-{test}-????????.html")
    return found.read_text(encoding="utf-8")


def headlines(text: str) -> list[str]:
    """Return what is said of each world that a trace shows, without how long it lasted."""
    return re.findall(r"<h2>(.*?)(?:: [\d.]+ |</h2>)", text)


def test_with_tracing_off_nothing_is_written_nor_imported(project: pytest.Pytester) -> None:
    """It costs nothing: neither the plugin's part nor the drawing is loaded, not by a failing test either."""
    project.makepyfile(
        test_it=TESTS,
        test_later="""
        import sys

        def test_later():
            loaded = [name for name in sys.modules if name.startswith("headrace.pages") or "tracing" in name]
            assert [name for name in loaded if "headrace" in name] == []
        """,
    )
    result = project.runpytest_subprocess()
    result.assert_outcomes(passed=3, failed=2)
    assert not (project.path / "headrace-traces").exists()
    result.stdout.no_fnmatch_line("*trace: *")


def test_on_means_every_test_that_ran_flows(project: pytest.Pytester) -> None:
    """Passed or failed; what ran no flow has nothing to show."""
    run(project, "--headrace-trace=on").assert_outcomes(passed=2, failed=2)
    assert traces(project) == ["test_fails", "test_passes"]


def test_retained_are_those_of_tests_that_failed(project: pytest.Pytester) -> None:
    """The report of the test says where, and so does a summary."""
    result = run(project, "--headrace-trace=retain-on-failure")
    assert traces(project) == ["test_fails"]
    result.stdout.fnmatch_lines(
        [
            "*- headrace -*",
            "trace: headrace-traces/test_it.py-test_fails-????????.html",
            "simulation from *",
            "*= headrace: traces =*",
            "test_it.py::test_fails: headrace-traces/test_it.py-test_fails-????????.html",
        ]
    )
    result.stdout.no_fnmatch_line("* in headrace-traces")


def test_the_summary_counts_those_of_tests_that_passed(project: pytest.Pytester) -> None:
    """There may be thousands."""
    result = run(project, "--headrace-trace=on")
    lines = ["*= headrace: traces =*", "test_it.py::test_fails: *", "2 traces are in headrace-traces"]
    result.stdout.fnmatch_lines(lines)


def test_options_may_stand_in_the_ini_file(project: pytest.Pytester) -> None:
    """And the command line wins."""
    run(project, "-o", "headrace_trace=on", "-o", "headrace_trace_dir=out/of/tests")
    assert traces(project, "out/of/tests") == ["test_fails", "test_passes"]
    run(project, "-o", "headrace_trace=on", "--headrace-trace=off", "--headrace-trace-dir=elsewhere")
    assert not (project.path / "elsewhere").exists()


def test_an_unknown_word_is_refused(project: pytest.Pytester) -> None:
    """Before any test runs."""
    result = run(project, "--headrace-trace=always")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--headrace-trace can't be 'always': write one of off, on, retain-on-failure.*"])


def test_a_trace_tells_the_test_its_error_and_how_to_repeat_it(project: pytest.Pytester) -> None:
    """As the report does: the command, and the program of its simulation."""
    run(project, "--headrace-trace=on", "--headrace-seed=7")
    text = page(project, "test_fails")
    assert "<title>failed: test_it.py::test_fails</title>" in text
    assert "ConnectionError: gone" in text
    assert "pytest test_it.py::test_fails --headrace-seed=7" in text
    assert "test_fails(simulation=simulation)" in text
    assert "let fail: raises ConnectionError(&#x27;gone&#x27;)" in text
    assert "passed" in page(project, "test_passes")


def test_what_an_earlier_session_left_of_a_test_is_removed(project: pytest.Pytester) -> None:
    """A trace that is there is of the last run of the test."""
    run(project, "--headrace-trace=on")
    stale = project.path / "headrace-traces" / file_name("test_it.py::test_passes", 2)
    stale.touch()
    run(project, "--headrace-trace=retain-on-failure")
    assert traces(project) == ["test_fails"]


def test_paths_are_among_the_properties_in_files_for_junit(project: pytest.Pytester) -> None:
    """As `headrace_trace`."""
    run(project, "--headrace-trace=retain-on-failure", "--junitxml=junit.xml")
    properties = ElementTree.parse(project.path / "junit.xml").getroot().iter("property")
    (found,) = [one.get("value") for one in properties if one.get("name") == "headrace_trace"]
    assert found is not None
    assert (project.path / found).exists()


HTML = ["-Wdefault", "-pmetadata", "-phtml", "-phtml_fixtures", "--html=pages/report.html"]


@pytest.mark.parametrize("args", [[], ["-pxdist", "-n1"]])
def test_the_page_of_pytest_html_leads_to_traces(project: pytest.Pytester, args: list[str]) -> None:
    """By a link that holds as long as the two keep their places."""
    pytest.importorskip("pytest_html")
    project.makepyfile(test_it=TESTS)
    project.runpytest_subprocess(*HTML, "--headrace-trace=on", *args)
    report = (project.path / "pages" / "report.html").read_text()
    links = re.findall(r"\.\./headrace-traces/[\w.-]+\.html", report)
    assert len(set(links)) == 2
    assert all((project.path / "pages" / link).exists() for link in links)
    assert "headrace trace" in report


def test_workers_write_and_the_controller_tells(project: pytest.Pytester) -> None:
    """pytest-xdist."""
    project.makepyfile(test_it=TESTS)
    result = project.runpytest_subprocess("-pxdist", "-n1", "--headrace-trace=on")
    result.stdout.fnmatch_lines(
        [
            "trace: headrace-traces/test_it.py-test_fails-????????.html",
            "test_it.py::test_fails: headrace-traces/test_it.py-test_fails-????????.html",
            "2 traces are in headrace-traces",
        ]
    )
    assert traces(project) == ["test_fails", "test_passes"]


def test_each_attempt_of_a_test_that_is_run_again_has_its_own(project: pytest.Pytester) -> None:
    """pytest-rerunfailures: the one that failed says most, though the last passed."""
    pytest.importorskip("pytest_rerunfailures")
    project.makepyfile(
        test_it="""
        from pipelines import greet
        tries = []

        def test_flaky():
            greet()
            tries.append(1)
            assert len(tries) == 3
        """
    )
    reruns = ["-Wdefault", "-prerunfailures", "--reruns=2"]
    result = project.runpytest_subprocess(*reruns, "--headrace-trace=retain-on-failure")
    result.stdout.fnmatch_lines(["*1 passed, 2 rerun*"])
    assert traces(project) == ["test_flaky", "test_flaky.attempt-2"]
    result.stdout.fnmatch_lines(["test_it.py::test_flaky: *.html", "test_it.py::test_flaky: *.attempt-2.html"])


def test_all_simulations_of_a_test_are_in_its_trace(project: pytest.Pytester) -> None:
    """That whose error it failed with first; the test's own runs too, if there are any."""
    source = """
    from headrace.testing import simulate
    from pipelines import greet, ingest

    def test_several():
        greet()
        with simulate(seed=1):
            greet()
        with simulate(seed=2) as simulation:
            ingest(["a"])
            assert simulation.elapsed == 1

    def test_all_pass():
        with simulate(seed=1):
            greet()
        with simulate(seed=2):
            pass
    """
    run(project, "--headrace-trace=on", source=source)
    start = "simulation from 2026-01-01T00:00:00Z"
    assert headlines(page(project, "test_several")) == [
        f"{start} (seed 2)",
        "the test&#x27;s own runs",
        f"{start} (seed 1)",
    ]
    assert headlines(page(project, "test_all_pass")) == [f"{start} (seed 1)"]


def test_an_explored_test_shows_the_schedule_it_fails_under(project: pytest.Pytester) -> None:
    """That alone, and the program that repeats it."""
    source = """
    import pytest
    from headrace import flow, task

    @pytest.mark.explore(schedules=50)
    def test_race():
        seen = []

        @task(task_run_name="add-{n}")
        def add(n):
            seen.append(n)

        @flow
        def both():
            add.map([1, 2]).wait()

        both()
        assert seen == [1, 2]
    """
    run(project, "--headrace-trace=on", source=source)
    (headline,) = headlines(page(project, "test_race"))
    assert "schedule Hold(&#x27;add-1&#x27;" in headline


@pytest.mark.parametrize("args", [[], ["--headrace-coverage"]])
def test_results_that_no_store_keeps_are_shown(project: pytest.Pytester, args: list[str]) -> None:
    """Of a test whose runs are in a file they are those of this process; nobody else loses sight of runs by that."""
    source = """
    import pytest
    from pipelines import greet, ingest

    @pytest.mark.headrace_store("sqlite")
    def test_kept():
        greet("ada")

    def test_simulated(simulation):
        simulation.fail("fetch", ConnectionError("gone"), attempts=None)
        with pytest.raises(ConnectionError):
            ingest(["a"])
    """
    result = run(project, "--headrace-trace=on", "--headrace-store=sqlite", *args, source=source)
    result.assert_outcomes(passed=2)
    assert "&#x27;hello ada&#x27;" in page(project, "test_kept")
    assert "<p>raised</p><pre" in page(project, "test_simulated").replace(' tabindex="0"', "")
    if args:
        result.stdout.fnmatch_lines(["pipelines.py:* flow ingest *1/2*", "pipelines.py:* flow greet *1/2*"])


def test_methods_of_test_cases_are_traced(project: pytest.Pytester) -> None:
    """unittest: on real time, without fixtures."""
    source = """
    import unittest
    from pipelines import greet

    class TestCase(unittest.TestCase):
        def test_it(self):
            greet()
            self.assertEqual(1, 2)
    """
    run(project, "--headrace-trace=retain-on-failure", source=source)
    assert "the test&#x27;s own runs" in page(project, "TestCase-test_it")


def test_set_up_and_tear_down_that_fail_are_traced(project: pytest.Pytester) -> None:
    """With what had run by then."""
    source = """
    import pytest
    from pipelines import greet

    @pytest.fixture
    def broken():
        greet()
        raise LookupError("set-up")

    @pytest.fixture
    def breaks():
        yield
        raise LookupError("tear-down")

    def test_before(broken): pass

    def test_after(breaks):
        greet()
    """
    result = run(project, "--headrace-trace=retain-on-failure", "--junitxml=junit.xml", source=source)
    result.assert_outcomes(passed=1, errors=2)
    assert "LookupError: set-up" in page(project, "test_before")
    assert "LookupError: tear-down" in page(project, "test_after")
    properties = ElementTree.parse(project.path / "junit.xml").getroot().iter("property")
    assert len([one for one in properties if one.get("name") == "headrace_trace"]) == 2


def test_a_test_that_is_expected_to_fail_is_not_retained(project: pytest.Pytester) -> None:
    """With `on` its outcome is what pytest calls it."""
    source = """
    import pytest
    from pipelines import greet

    @pytest.mark.xfail
    def test_expected():
        greet()
        raise LookupError("well known")
    """
    run(project, "--headrace-trace=retain-on-failure", source=source).assert_outcomes(xfailed=1)
    assert traces(project) == []
    run(project, "--headrace-trace=on", source=source)
    assert "<title>xfailed: " in page(project, "test_expected")


def test_a_folder_that_cannot_be_written_to_fails_no_test(project: pytest.Pytester) -> None:
    """The summary says what went wrong; of tests that passed too."""
    (project.path / "taken").touch()
    result = run(project, "--headrace-trace=on", "--headrace-trace-dir=taken")
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(
        [
            "*= headrace: traces =*",
            "test_it.py::test_passes: its trace could not be written: FileExistsError: *taken*",
            "test_it.py::test_fails: its trace could not be written: FileExistsError: *taken*",
        ]
    )


def test_a_value_that_cannot_be_written_down_spoils_no_trace(project: pytest.Pytester) -> None:
    """Names and messages may hold what is no character; values may refuse to be shown, or to be compared."""
    source = """
    from headrace import flow, get_run_logger

    class Odd:
        def __repr__(self):
            raise RuntimeError("no repr")
        def __eq__(self, other):
            raise RuntimeError("no comparison")
        __hash__ = None

    @flow(flow_run_name="odd-\\udc80", validate_parameters=False)
    def odd(value):
        get_run_logger().info("lone \\udc80")
        return value

    def test_odd():
        odd(Odd())
    """
    project.makepyfile(test_it=source)  # in a process of its own: between ours such letters can't travel
    project.runpytest_subprocess("--headrace-trace=on").assert_outcomes(passed=1)
    text = page(project, "test_odd")
    assert "odd-\\udc80" in text
    assert "Odd" in text


@pytest.mark.parametrize(
    "nodeid",
    [
        "tests/test_a.py::test_b[../../etc/passwd]",
        "tests/test_a.py::test_b[" + "x" * 1000 + "]",
        "tests/test_a.py::Test::test_b[a:b*c?<script>\\|\"']",
        "tests/test_a.py::test_b[\\xe9\\u4e2d]",
    ],
)
def test_names_of_files_are_safe_and_no_other_tests(nodeid: str) -> None:
    """Whatever parameters hold; on file systems that do not know large from small letters too."""
    name = file_name(nodeid)
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{1,120}\.html", name)
    assert Path(name).name == name
    assert file_name(nodeid + "x").lower() != name.lower() != file_name(nodeid.upper()).lower()
    assert file_name(nodeid, 2) == name.removesuffix(".html") + ".attempt-2.html"

"""The plugin lives with others, and with tests that are no functions."""

from __future__ import annotations

import pytest

ASYNC_TEST = """
    import asyncio
    import pytest
    from pipelines import rest
    {mark}
    async def test_first(runs, fake_clock):
        await rest()
        assert runs.flow("rest").states == ["Pending", "Running", "Completed"]
        assert fake_clock == 3600
    {mark}
    async def test_second(runs):
        assert runs.flows() == []
        await rest(0)
        assert len(runs.flows()) == 1
"""


def test_tests_spread_over_processes_keep_their_stores(project: pytest.Pytester) -> None:
    """pytest-xdist: each worker has a home of its own."""
    project.makepyfile(
        """
        import os, pathlib
        import pytest
        from pipelines import ingest

        @pytest.mark.parametrize("n", range(4))
        def test_alone(n, runs, fake_clock):
            assert runs.all() == []
            ingest()
            assert fake_clock == 30
            pathlib.Path(f"{os.environ['PYTEST_XDIST_WORKER']}.txt").write_text(os.environ["HEADRACE_HOME"])
        """
    )
    project.runpytest_subprocess("-pxdist", "-n2").assert_outcomes(passed=4)
    homes = [path.read_text() for path in project.path.glob("gw*.txt")]
    assert len(homes) == len(set(homes)) > 0


@pytest.mark.parametrize(("mode", "mark"), [("strict", "@pytest.mark.asyncio"), ("auto", "")])
def test_async_tests_work_in_both_modes(project: pytest.Pytester, mode: str, mark: str) -> None:
    """pytest-asyncio: with marks and without."""
    project.makepyfile(ASYNC_TEST.format(mark=mark))
    project.runpytest_inprocess("--asyncio-mode", mode).assert_outcomes(passed=2)


def test_a_loop_that_outlives_a_test_does_not_keep_its_store(project: pytest.Pytester) -> None:
    """A context that the loop remembers from the first test must not lead the second into a closed store."""
    project.makepyfile(
        """
        import pytest
        from pipelines import rest
        pytestmark = pytest.mark.asyncio(loop_scope="module")

        @pytest.mark.parametrize("n", range(2))
        async def test_shared(n, runs):
            assert runs.flows() == []
            await rest(0)
            assert len(runs.flows()) == 1
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=2)


def test_test_cases_of_unittest_are_isolated(project: pytest.Pytester) -> None:
    """They can't ask for fixtures; `recorded_runs` is for them."""
    project.makepyfile(
        """
        import unittest
        from pipelines import greet, rest
        from headrace.testing import assert_completed, recorded_runs

        class Test(unittest.TestCase):
            @classmethod
            def setUpClass(cls):
                greet("class")

            def setUp(self):
                greet("set-up")

            def test_first(self):
                assert len(recorded_runs().flows()) == 1

            def test_second(self):
                assert_completed(recorded_runs().flow("greet"))

        class AsyncTest(unittest.IsolatedAsyncioTestCase):
            async def test_async(self):
                await rest(0)
                assert len(recorded_runs()) == 2
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=3)


def test_doctests_are_isolated(project: pytest.Pytester) -> None:
    """Each is a test, with a store of its own."""
    project.makepyfile(
        documented='''
        def one():
            """
            >>> from pipelines import greet
            >>> greet()
            'hello marvin'
            >>> from headrace.testing import recorded_runs
            >>> recorded_runs().flow("greet").states
            ['Pending', 'Running', 'Completed']
            """

        def two():
            """
            >>> from headrace.testing import recorded_runs
            >>> recorded_runs()
            <Runs: none>
            """
        '''
    )
    project.runpytest_inprocess("--doctest-modules", "documented.py").assert_outcomes(passed=2)


def test_hypothesis_examples_share_the_store_of_their_test(project: pytest.Pytester) -> None:
    """A test function is one test, however often it is called."""
    project.makepyfile(
        """
        from pipelines import greet
        from hypothesis import given, settings, strategies as st
        from headrace.testing import recorded_runs

        seen = []

        @settings(max_examples=5, database=None)
        @given(st.integers())
        def test_examples(n):
            assert greet(str(n)) == f"hello {n}"
            seen.append(n)
            assert len(recorded_runs().flows()) == len(seen)
        """
    )
    project.runpytest_subprocess("-o", "addopts=").assert_outcomes(passed=1)


SIMULATED = """
    import threading, time
    import pytest
    from pipelines import ingest

    @pytest.mark.parametrize("n", range(3))
    def test_simulated(n, simulation, runs):
        assert ingest() == ["aa"]
        assert simulation.elapsed == 30
        time.sleep(3600)
        assert [run.name for run in runs.tasks()] == ["fetch-a"]
"""


@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("pytest_randomly", ["-p", "randomly", "-p", "no:cacheprovider"]),
        ("pytest_timeout", ["-p", "timeout", "--timeout=30", "--timeout-method=signal"]),
        ("pytest_timeout", ["-p", "timeout", "--timeout=30", "--timeout-method=thread"]),
        ("pytest_rerunfailures", ["-p", "rerunfailures", "--reruns=2", "--reruns-delay=0"]),
        ("pytest_cov", ["-p", "pytest_cov", "--cov=pipelines", "--durations=3"]),
        ("xdist", ["-p", "xdist", "-n1"]),
    ],
)
def test_simulations_work_beside_other_plugins(project: pytest.Pytester, module: str, options: list[str]) -> None:
    """Which go on in real time: an hour of virtual time runs into no limit of theirs."""
    pytest.importorskip(module)
    project.makepyfile(SIMULATED)
    result = project.runpytest_subprocess("-W", "default", *options)
    result.assert_outcomes(passed=3)
    result.stdout.no_fnmatch_line("*3600*")


def test_a_test_that_is_run_again_begins_anew(project: pytest.Pytester) -> None:
    """pytest-rerunfailures: an empty store, the clock at its start."""
    pytest.importorskip("pytest_rerunfailures")
    project.makepyfile(
        """
        from pipelines import ingest
        tries = []

        def test_flaky(simulation, runs):
            tries.append(1)
            assert runs.all() == [] and simulation.elapsed == 0
            ingest()
            assert len(tries) == 2
        """
    )
    result = project.runpytest_subprocess("-W", "default", "-prerunfailures", "--reruns=1")
    result.stdout.fnmatch_lines(["*1 passed, 1 rerun in*"])


def test_a_test_that_hangs_in_real_time_is_ended_by_its_timeout(project: pytest.Pytester) -> None:
    """pytest-timeout counts real seconds, in a simulation too."""
    pytest.importorskip("pytest_timeout")
    project.makepyfile(
        """
        def test_hangs(simulation):
            while True:
                pass
        """
    )
    result = project.runpytest_subprocess("-W", "default", "-ptimeout", "--timeout=1", "--timeout-method=signal")
    result.stdout.fnmatch_lines(["*Timeout*1.0s*"])


def test_uvloop_is_refused_with_a_word_on_why(project: pytest.Pytester) -> None:
    """Its waits can't be told to be virtual."""
    pytest.importorskip("uvloop")
    project.makeconftest(
        """
        import pytest, uvloop

        def pytest_asyncio_loop_factories(config, item):
            return {"uvloop": uvloop.new_event_loop}
        """
    )
    project.makepyfile(
        """
        import pytest

        @pytest.mark.asyncio
        async def test_refused(simulation): pass

        @pytest.mark.asyncio
        async def test_real(): pass
        """
    )
    result = project.runpytest_subprocess("-W", "default")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*uvloop*can't follow virtual time*"])


FACTORIES = """
    import asyncio, uvloop

    def pytest_asyncio_loop_factories(config, item):
        return {"own": asyncio.new_event_loop, "class": asyncio.SelectorEventLoop, "uvloop": uvloop.new_event_loop}
"""


def test_loops_that_a_project_makes_itself_follow_and_uvloop_is_refused(project: pytest.Pytester) -> None:
    """pytest-asyncio asks the project for them; whatever it says, the loop of an async test follows its clock."""
    pytest.importorskip("uvloop")
    if not hasattr(pytest.importorskip("pytest_asyncio.plugin"), "PytestAsyncioSpecs"):
        pytest.skip("this pytest-asyncio does not ask")
    project.makeconftest(FACTORIES)
    project.makepyfile(
        """
        import asyncio, pytest
        from pipelines import rest

        @pytest.mark.asyncio
        async def test_clock(fake_clock):
            await rest()
            assert fake_clock == 3600

        @pytest.mark.asyncio(loop_scope="module")
        async def test_simulation(simulation):
            await rest()
            assert simulation.elapsed == 3600

        @pytest.mark.asyncio
        async def test_real():
            await rest(0)
        """
    )
    result = project.runpytest_inprocess()
    outcomes = result.parseoutcomes()
    assert outcomes["passed"] == 2 + 2 + 3
    assert outcomes.get("failed", 0) + outcomes.get("errors", 0) == 2
    result.stdout.fnmatch_lines(["*uvloop.Loop can't follow virtual time: it waits in code that is not Python's*"])


def test_fixtures_on_wider_loops_wait_in_real_time_and_tests_on_virtual_time(project: pytest.Pytester) -> None:
    """What outlives a test has no clock of a test's; the test itself has, on the same loop."""
    project.makepyfile(
        """
        import asyncio, time
        import pytest, pytest_asyncio
        from pipelines import rest

        pytestmark = pytest.mark.asyncio(loop_scope="module")

        @pytest_asyncio.fixture(scope="module", loop_scope="module")
        async def service():
            before = time.perf_counter()
            await asyncio.sleep(0.01)
            yield time.perf_counter() - before
            await asyncio.sleep(0.01)

        async def test_virtual(service, simulation):
            assert service > 0.009
            await rest()
            assert simulation.elapsed == 3600

        class TestClass:
            async def test_method(self, service, fake_clock):
                await rest()
                assert fake_clock == 3600
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=2)


def test_the_clock_is_there_before_anyio_makes_a_loop_for_a_fixture(project: pytest.Pytester) -> None:
    """It keeps that loop for the test. What its tests have is a fixture of this name."""
    project.makepyfile(
        """
        import asyncio
        import pytest
        from pipelines import rest

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        @pytest.fixture
        def loop(anyio_backend):
            loop = asyncio.new_event_loop()
            loop.run_until_complete(asyncio.sleep(60))
            yield loop
            loop.close()

        def test_clock(loop, fake_clock):
            loop.run_until_complete(rest())
            assert fake_clock == 3660

        def test_simulation(loop, simulation):
            loop.run_until_complete(rest())
            assert simulation.elapsed == 3660
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=2)

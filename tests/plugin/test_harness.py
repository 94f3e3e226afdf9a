"""Isolation without fixtures."""

import textwrap

import pytest

STORY = """
    import unittest
    from headrace import flow, get_client
    from headrace.testing.utilities import headrace_test_harness

    @flow
    def my_flow():
        return 42

    def seen():
        with get_client(sync_client=True) as client:
            return len(client.read_flow_runs())

    class Tests(unittest.TestCase):
        def test_one(self):
            with headrace_test_harness():
                assert my_flow() == 42
                with headrace_test_harness(server_startup_timeout=30):
                    assert seen() == 0
                assert seen() == 1
            with headrace_test_harness():
                assert seen() == 0
"""


def test_the_harness_isolates_unit_tests(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each block has a store of its own, and the user's own stays untouched."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HEADRACE_HOME", str(home))
    project.makepyfile(test_units=textwrap.dedent(STORY))
    result = project.runpytest_subprocess("-p", "no:headrace")
    result.assert_outcomes(passed=1)
    assert list(home.iterdir()) == []


def test_beside_the_plugin_the_harness_leaves_everything_to_it(project: pytest.Pytester) -> None:
    """A fixture that moved over does no harm: the test sees its own runs."""
    project.makepyfile(
        textwrap.dedent(
            """
            import pytest
            from headrace import flow
            from headrace.testing.utilities import headrace_test_harness

            @pytest.fixture(autouse=True, scope="session")
            def harness():
                with headrace_test_harness():
                    yield

            @pytest.mark.parametrize("n", [1, 2])
            def test_one(runs, n):
                flow(lambda: 1, name="one")()
                assert len(runs.flows()) == 1
            """
        )
    )
    project.runpytest_inprocess().assert_outcomes(passed=2)
